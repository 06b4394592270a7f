"""What tools may write: within the policy, once for each key, as the CRM took it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import cast

import anyio
import pytest
from msgspec.structs import replace
from sqlalchemy import text
from typer.testing import CliRunner

from crmhub.agent.gate import Reply
from crmhub.agent.identity import Agent
from crmhub.cli.approvals import approvals
from crmhub.clock import Clock
from crmhub.hub import Hub
from crmhub.models import Note
from crmhub.testing.memory import MemoryConnector
from tests.agents import ADA, BOT
from tests.writing_agents import OTHER, Desked, desk_of, error_of, policies

pytestmark = pytest.mark.anyio

FREE = {"approval": {"default": "never"}}
NOTE = {"module": "Contacts", "record_id": "contact:north:p1", "note": "called back"}
KEY = "key-0001"


async def notes(desked: Desked, connection: str = "north") -> list[str | None]:
    return [note.body async for note in desked.hub[connection].of(Note).list()]


def done(reply: Reply) -> list[tuple[str, str | None]]:
    results = cast("list[dict[str, str]]", reply.structured["results"])
    return [(each["status"], each.get("id")) for each in results]


async def test_the_same_key_gives_the_same_outcome_and_other_arguments_are_refused(
    tmp_path: Path,
) -> None:
    async with desk_of(tmp_path, policies(**FREE)) as desked:
        first = await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)
        again = await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)
        assert done(first) == done(again) == [("created", done(first)[0][1])]
        other = await desked.call("create_crm_note", **{**NOTE, "note": "other"}, idempotency_key=KEY)
        assert error_of(other) == "idempotency_key_reused"
        told = {"subject": "x", "contact_id": "contact:north:p1"}
        assert (
            error_of(await desked.call("create_task", **told, idempotency_key=KEY))
            == "idempotency_key_reused"
        )
        assert await notes(desked) == ["called back"]

        await desked.call("create_crm_note", **NOTE)
        await desked.call("create_crm_note", **NOTE)
        assert len(await notes(desked)) == 3, "without a key every call is one of its own"


async def test_threat_6_the_key_of_one_agent_or_person_says_nothing_to_another(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(**FREE)) as desked:
        for agent in (BOT, OTHER, ADA, Agent("bot", subject="eve@x.example")):
            reply = await desked.call_of(agent, "create_crm_note", **NOTE, idempotency_key=KEY)
            assert done(reply)[0][0] == "created"
        assert len(await notes(desked)) == 4


async def test_two_calls_with_one_key_at_once_write_once(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(**FREE)) as desked:
        replies: list[Reply] = []

        async def write() -> None:
            replies.append(await desked.call("create_crm_note", **NOTE, idempotency_key=KEY))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(write)
        assert len(await notes(desked)) == 1
        assert {error_of(reply) for reply in replies} <= {"", "in_progress"}


async def test_a_write_that_was_cut_off_is_not_done_again_and_told_as_unknown(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(**FREE)) as desked:
        await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)
        forget = text("UPDATE agent_write SET outcome = NULL")
        await desked.store._database.write(lambda open_: open_.execute(forget))  # pyright: ignore[reportPrivateUsage]
        assert error_of(await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)) == "in_progress"
        desked.later(61)
        assert (
            error_of(await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)) == "unknown_outcome"
        )
        assert len(await notes(desked)) == 1


async def test_what_waits_is_found_again_by_the_same_call_and_done_once_approved(
    tmp_path: Path,
) -> None:
    async with desk_of(tmp_path) as desked:
        for key in ({}, {"idempotency_key": KEY}):
            handle = await desked.parked("create_crm_note", **NOTE, **key)
            assert await desked.parked("create_crm_note", **NOTE, **key) == handle, "nobody is asked twice"
            await desked.approve(handle)
            assert done(await desked.call("create_crm_note", **NOTE, **key))[0][0] == "created"
        assert len(await notes(desked)) == 2
        reply = await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)
        assert done(reply)[0][0] == "created", "the outcome of the first"
        assert await desked.parked("create_crm_note", **NOTE), "without a key it is another one"
        assert len(await notes(desked)) == 2


async def test_what_a_person_rejected_is_not_asked_again_under_its_key(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        handle = await desked.parked("create_crm_note", **NOTE, idempotency_key=KEY)
        await desked.store.approvals.decide(handle, False, "ada")
        assert (
            error_of(await desked.call("create_crm_note", **NOTE, idempotency_key=KEY)) == "approval_rejected"
        )
        assert await desked.apply(handle) == "approval_rejected"
        assert await notes(desked) == []


async def test_a_policy_can_let_small_amounts_through_and_not_large_ones(
    tmp_path: Path,
) -> None:
    rules = policies(approval={"default": "never", "tools": {"propose_changes": {"over": 1_000}}})
    async with desk_of(tmp_path, rules) as desked:

        async def proposed(**values: object) -> str:
            change = {"record": "deal", "values": {"name": "Roof", **values}}
            reply = await desked.call("propose_changes", connection="north", changes=[change])
            handle = str(reply.structured["handle"])
            return await desked.apply(handle)

        assert await proposed(amount="1000.00") == "ok"
        assert await proposed(amount=1000.01) == "approval_pending"
        assert await proposed(amount="-5000") == "approval_pending"
        assert await proposed() == "ok"
        rows = await desked.audited()
    assert [row["by"] for row in rows if row["kind"] == "approval.parked" and "by" in row] != []


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"birthday": "2000-01-01"}, "field_not_available"),
    ({"description": "x"}, "field_not_available"),
    ({"custom.score": "x"}, "field_not_available"),
    ({"id": "p2"}, "invalid_arguments"),
    ({"version": "1"}, "invalid_arguments"),
    ({"raw": "{}"}, "invalid_arguments"),
    ({"nonsense": "x"}, "invalid_arguments"),
    ({"first_name": True}, "invalid_arguments"),
    ({"owner": "nobody@x.example"}, "invalid_record"),
    ({"account": "account:south:c1"}, "invalid_arguments"),
    ({"account": "account:north:none"}, "not_found"),
    ({"created_at": "2020-01-01T00:00:00Z"}, "invalid_record"),
]


async def test_an_agent_can_write_only_what_it_sees(tmp_path: Path) -> None:
    models = {
        "contact": {
            "fields": {"allow": ["*"], "deny": ["birthday"], "mask": ["description"]},
            "rows": {"owner.email": "ada@seller.example"},
        },
        "account": {"fields": {"allow": ["*"]}},
    }
    async with desk_of(tmp_path, policies(models=models)) as desked:
        for values, code in REFUSED:
            change = {"record": "contact", "id": "contact:north:p1", "values": values}
            reply = await desked.call("propose_changes", changes=[change])
            assert error_of(reply) == code, values
            assert "nobody@x" not in str(reply)
        assert await desked.store.approvals.listed(None) == []


async def test_a_record_a_model_or_a_connection_that_is_not_there_for_the_agent_cannot_be_written_to(
    tmp_path: Path,
) -> None:
    models = {
        "contact": {"fields": {"allow": ["*"]}, "rows": {"owner.email": "ada@seller.example"}},
        "activity": {"fields": {"allow": ["*"]}},
    }
    async with desk_of(tmp_path, policies(models=models, connections=["north"], **FREE)) as desked:
        for record, code in (
            ("contact:north:p4", "not_found"),
            ("contact:south:p1", "connection_not_available"),
            ("deal:north:d1", "invalid_id"),
        ):
            reply = await desked.call("create_crm_note", module="Contacts", record_id=record, note="x")
            assert error_of(reply) == code
        deal = await desked.call("create_crm_note", module="Deals", record_id="deal:north:d1", note="x")
        assert error_of(deal) == "model_not_available"
        change = {"record": "contact", "id": "contact:north:p4", "values": {"title": "x"}}
        assert error_of(await desked.call("propose_changes", changes=[change])) == "not_found"
        assert await notes(desked) == []
        assert done(await desked.call("create_crm_note", **{**NOTE, "record_id": "p1"}))[0][0] == "created"


async def test_a_note_on_any_crm_names_the_connection_where_an_id_does_not(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(**FREE)) as desked:
        plain = {**NOTE, "record_id": "p1"}
        assert error_of(await desked.call("create_crm_note", **plain)) == "connection_needed"
        assert done(await desked.call("create_crm_note", **plain, connection="south"))[0][0] == "created"
        wrong = await desked.call("create_crm_note", **NOTE, connection="south")
        assert error_of(wrong) == "invalid_id"
        assert (await notes(desked), await notes(desked, "south")) == ([], ["called back"])


async def test_a_plan_whose_records_move_halfway_says_what_was_done_and_what_was_not(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        changes = [
            {"record": "contact", "id": f"contact:{name}:p{number}", "values": {"first_name": "Ada"}}
            for name in ("north", "south")
            for number in (1, 2)
        ]
        handle = await desked.parked("propose_changes", changes=changes)
        await desked.approve(handle)
        connector = cast("MemoryConnector", desked.hub["south"].connector)
        write = connector.write

        async def race(request: object) -> object:
            desked.later(5)
            connector.crm.store("people", {**connector.records["people"]["p2"], "first": "Eve"})
            return await write(request)  # pyright: ignore[reportArgumentType]

        connector.write = race  # pyright: ignore[reportAttributeAccessIssue]
        reply = await desked.call("apply_approved_changes", handle=handle)
        assert reply.structured["status"] == "partial"
        assert [status for status, _ in done(reply)] == ["updated", "updated", "updated", "conflict"]
        assert (await desked.hub["south"].contacts.get("p2")).first_name == "Eve"


def test_a_person_decides_on_the_command_line(tmp_path: Path) -> None:
    config = tmp_path / "crmhub.yaml"
    config.write_text("store: sqlite:///crmhub.db\nconnections: {files: {connector: csv, folder: .}}\n")

    async def park() -> None:
        async with desk_of(tmp_path) as desked:
            change = {"record": "contact", "id": "contact:north:p1", "values": {"first_name": "Ada"}}
            await desked.parked("propose_changes", changes=[change])
            await desked.call_of(ADA, "create_crm_note", **NOTE)
            waiting = await desked.store.approvals.listed()
            two, one = sorted(waiting, key=lambda each: each.request.tool)
            async with Hub.load(config) as hub:
                store = await hub.store()
                now = Clock().now()
                for each in (one, two):
                    fresh = replace(each.request, created_at=now, expires_at=now + timedelta(hours=1))
                    await store.approvals.park(fresh, "digest")
                    now += timedelta(seconds=1)

    anyio.run(park)

    def command(*arguments: str, code: int = 0, says: str = "") -> str:
        done = CliRunner().invoke(approvals, [*arguments, "--config", str(config)], input="y\n")
        assert done.exit_code == code, done.output
        assert says in done.output
        return done.output

    first, second = [line.split()[0] for line in command("list").splitlines()]
    shown = command("show", first, says='first_name: "First1" → "Ada"')
    plan_hash = shown.partition("plan ")[2].split()[0]
    command("approve", first, "--hash", "0" * 64, code=1)
    command("approve", first, "--hash", plan_hash, "--by", "ada", says=f"approved {first}")
    command("approve", first, "--yes", code=1)
    command("show", second, says='for "ada@seller.example" asks by create_crm_note')
    command("reject", second, says=f"rejected {second}")
    assert command("list") == ""
    command("list", "--state", "all", "--json", says='"decided_by": "ada"')
    command("list", "--state", "nonsense", code=1)
    command("show", "forged", code=1)


async def test_a_change_that_changes_nothing_needs_nobody(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        reply = await desked.call("update_deal_stage", deal_id="deal:north:d1", stage="Won")
        assert reply.structured["status"] == "pending_approval"
        await desked.approve(str(reply.structured["handle"]))
        assert await desked.apply(str(reply.structured["handle"])) == "ok"
        again = await desked.call("update_deal_stage", deal_id="deal:north:d1", stage="won")
        assert done(again) == [("unchanged", "deal:north:d1")]
        lost = await desked.call("update_deal_stage", deal_id="deal:north:d1", stage="Lost")
        assert error_of(lost) == "unknown_stage"
