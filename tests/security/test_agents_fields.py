"""Threat 5: fields that a policy hides are got at by another way. Whatever way is tried, nothing is told."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from crmhub.agent.gate import Gate, Reply
from tests.agents import BOT, ORIGIN, ListedAudit, gate_to, hub_of_two, people

pytestmark = pytest.mark.anyio

HIDDEN = {
    "contact": {
        "fields": {"allow": ["*", "custom.score"], "mask": ["phones"], "deny": ["birthday", "description"]}
    },
    "account": {"fields": {"allow": ["website"]}},
    "deal": {"fields": {"allow": ["name"], "mask": ["amount"]}},
}
SECRETS = ["555", "1991", "note 1", "canary", "North Ltd", "1250"]


async def ask(gate: Gate, tool: str, **arguments: object) -> Reply:
    return await gate.call(BOT, tool, arguments, origin=ORIGIN)


def code_of(reply: Reply) -> object:
    return cast("dict[str, object]", reply.structured["error"])["code"]


async def test_denied_values_are_left_out_and_masked_ones_are_stars(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        reply = await ask(await gate_to(hub, models=HIDDEN), "get_person", id="p1")
    assert reply.structured["people"] == [
        {
            "id": "contact:north:p1",
            "name": "First1 North1",
            "phone": "***",
            "custom": {"score": "score1"},
        }
    ]
    assert cast("dict[str, object]", reply.meta["crmhub/policy"])["masked"] == ["contact.phones"]


async def test_denied_fields_are_not_asked_of_the_crm(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, models=HIDDEN)
        asked: list[str] = []
        connector = hub["north"].connector
        read = connector.read

        def spied(request: object) -> object:
            asked.extend(getattr(request, "fields", ()))
            return read(request)  # pyright: ignore[reportArgumentType]

        connector.read = spied  # pyright: ignore[reportAttributeAccessIssue]
        await ask(gate, "find_people", connection="north")
    assert "name" in asked
    assert {"born", "about"} & set(asked) == set()


async def test_a_filter_on_a_hidden_field_is_refused_as_one_on_a_field_that_is_not_there(
    tmp_path: Path,
) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, models=HIDDEN)
        paths = ["birthday", "phones", "phones[role=work].raw", "custom.secret", "nonsense"]
        replies = [await ask(gate, "find_people", where={path: "1991-02-03"}) for path in paths]
    assert {str(reply.structured) for reply in replies} == {str(replies[0].structured)}
    assert code_of(replies[0]) == "field_not_available"


async def test_a_search_does_not_tell_what_stands_in_a_hidden_field(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        open_ = await gate_to(hub)
        found = await ask(open_, "find_people", query="0101", connection="north")
        assert len(cast("list[object]", found.structured["people"])) == 1  # the CRM does find it
        gate = await gate_to(hub, models=HIDDEN)
        for secret in ("0101", "canary1", "note 1", "1991-02-03"):
            reply = await ask(gate, "find_people", query=secret, connection="north")
            assert reply.structured["people"] == [], secret
        shown = await ask(gate, "find_people", query="score1", connection="north")
        assert len(cast("list[object]", shown.structured["people"])) == 1


async def test_records_that_are_hidden_do_not_take_the_places_of_others(tmp_path: Path) -> None:
    hidden = [people("North")[0] | {"id": f"h{number}", "about": "Acme", "name": "x"} for number in range(60)]
    rows = [*hidden, people("North")[1] | {"name": "Acme"}]
    async with hub_of_two(tmp_path, people=rows) as hub:
        gate = await gate_to(hub, models=HIDDEN)
        reply = await ask(gate, "find_people", query="acme", connection="north", limit=1)
    assert [one["id"] for one in cast("list[dict[str, str]]", reply.structured["people"])] == [
        "contact:north:p2"
    ]


async def test_asking_for_a_denied_field_by_name_is_refused(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, models=HIDDEN)
        for field in ("birthday", "raw", "vendor", "custom.secret", "nonsense"):
            assert code_of(await ask(gate, "find_people", fields=[field])) == "field_not_available"
        reply = await ask(gate, "find_people", fields=["phones"], connection="north", limit=1)
    assert reply.structured["people"] == [{"id": "contact:north:p1", "phone": "***", "custom": {}}]


async def test_nothing_is_computed_from_a_masked_field(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        reply = await ask(await gate_to(hub, models=HIDDEN), "sum_deals")
    assert code_of(reply) == "field_not_available"


async def test_no_way_of_asking_tells_a_hidden_value(tmp_path: Path) -> None:
    audit = ListedAudit()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit, models=HIDDEN)
        replies = [
            await ask(gate, "find_people"),
            await ask(gate, "find_people", query="North1"),
            await ask(gate, "find_people", where={"first_name": "First1"}),
            await ask(gate, "get_person", id="p1"),
            await ask(gate, "get_person", id="p9"),
            await ask(gate, "sum_deals"),
        ]
    told = str([(reply.structured, reply.text, reply.meta) for reply in replies]) + str(audit.outcomes)
    assert [secret for secret in SECRETS if secret in told] == []


async def test_a_hash_shows_that_values_are_equal_and_not_what_they_are(tmp_path: Path) -> None:
    rows = people("North")
    rows[1]["phone"] = f" {rows[0]['phone']} "
    masked = {"contact": {"fields": {"allow": ["*"], "mask": ["phones"], "masking": "hash"}}}
    async with hub_of_two(tmp_path, people=rows) as hub:
        reply = await ask(await gate_to(hub, models=masked), "find_people")
    phones = [one["phone"] for one in cast("list[dict[str, str]]", reply.structured["people"])]
    assert phones[:4] == phones[4:]  # the same in both connections
    assert phones[0] == phones[1] != phones[2]
    assert all(phone.startswith("#") and len(phone) == 17 for phone in phones)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def rows_of(**rows: object) -> dict[str, object]:
    return {"contact": {"fields": {"allow": ["*"]}, "rows": rows}}


@pytest.mark.parametrize(
    ("rows", "ids"),
    [
        ({"owner.email": "ada@seller.example"}, ["p1", "p2"]),
        ({"owner.id": ["u1", "u2"], "first_name": ["First2", "First3"]}, ["p2", "p3"]),
        ({"department": "East"}, ["p1", "p3"]),  # which the CRM cannot choose by
        ({"kind": "lead"}, []),
        ({"owner.email": "nobody@seller.example"}, []),
        ({"owner.email": "$subject"}, []),  # nobody is named
    ],
)
async def test_rows_that_the_policy_does_not_choose_are_in_no_answer(
    tmp_path: Path, rows: dict[str, object], ids: list[str]
) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, models=rows_of(**rows))
        listed = await ask(gate, "find_people", connection="north")
        searched = await ask(gate, "find_people", query="North", connection="north")
        gotten = {id_: await ask(gate, "get_person", id=id_) for id_ in ("p1", "p2", "p3", "p4", "p9")}
    wanted = [f"contact:north:{id_}" for id_ in ids]
    for reply in (listed, searched):
        assert [one["id"] for one in cast("list[dict[str, str]]", reply.structured["people"])] == wanted
    assert [id_ for id_, reply in gotten.items() if not reply.is_error] == ids
    refusals = {str(reply.structured) for reply in gotten.values() if reply.is_error}
    assert len(refusals) == 1  # one that is hidden is refused as one that there is not
