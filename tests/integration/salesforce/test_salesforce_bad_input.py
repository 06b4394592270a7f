"""What no record should hold, and what no caller should ask: each costs one item, or is a clear error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response

from crmhub.connector import Missing, Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.errors import ConnectorError, Unsupported
from crmhub.powers import Power, SupportsFiles, power
from crmhub_salesforce.simulator.catalog.fields import field as made_field

if TYPE_CHECKING:
    from starlette.requests import Request

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

KEY = "External_Id__c"
SETS = "/composite/sobjects"
LONG = "Long__c"
NUMBER = "Number__c"
TEXTS = {
    "newlines": "one\ntwo\n\nthree",
    "returns": "one\r\ntwo\rthree",
    "quotes": 'say "so", \'then\' ""',
    "formula": "=1+1",
    "formulas": "+A1\n@SUM(1)\n-2",
    "NA": "NA",
    "N/A": "#N/A",
    "null": "null",
    "None": "None",
    "true": "true",
    "number": "007.10",
    "emoji": "😀 👩‍👩‍👧 é é",
    "separators": "a\u2028b\u2029c\u0085d",
    "marks": "\ufeffmark",
    "NUL": "a\x00b",
    "controls": "a\x01\x1b\x7fb",
    "comma": ",",
    "backslash": "\\n \\u0041 \\",
    "131,072 characters": "é" * 131_072,
    "131,072 quotes": '"' * 131_072,
}


def widened(org: Org) -> None:
    """Accounts have a long text, and a number that is an external id."""
    sobject = org.double.org.catalog.get("Account")
    assert sobject is not None
    long = made_field(LONG, "Long", "textarea", "CUN", 131_072)
    number = replace(
        made_field(NUMBER, "Number", "double", "CUN", numeric=(18, 0)), external_id=True, unique=True
    )
    org.double.org.catalog.put(replace(sobject, fields=(*sobject.fields, long, number)))


async def write(
    connector: Connector, operation: str, items: Sequence[WriteItem], match: str | None = None
) -> Sequence[Outcome]:
    return await connector.write(WriteRequest("Account", operation, items, match))  # pyright: ignore[reportArgumentType]


async def rows(org: Org, connector: Connector) -> dict[str, dict[str, Value]]:
    """What a full read gives, by external id."""
    pages = await org.pages(connector, "Account", KEY, "Name", LONG)
    return {str(row[KEY]): row for page in pages for row in page.upserts}


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["collections", "a job", "a guarded update"])
async def test_a_text_comes_back_as_it_was_by_every_way_there_and_back(make_org: World, way: str) -> None:
    org = make_org()
    widened(org)
    connector = org.connect(bulk_write_from=5 if way == "a job" else None, bulk_read_from=None)
    items = [WriteItem({"Name": f"n {name}", LONG: text}, key=name) for name, text in TEXTS.items()]
    if way == "a guarded update":
        await write(connector, "upsert", [WriteItem({"Name": "n"}, key=name) for name in TEXTS], KEY)
        made = {str(row[KEY]): row for row in org.double.truth("Account")}
        items = [
            replace(item, id=str(row["Id"]), key=None, if_version=str(row["SystemModstamp"]))
            for item in items
            if (row := made[str(item.key)])
        ]
        outcomes = await write(connector, "update", items)
        assert any(call.endswith("/composite") for call in org.calls())
    else:
        outcomes = await write(connector, "upsert", items, KEY)
        assert bool(org.calls("/jobs/ingest")) == (way == "a job")
    assert {outcome.status for outcome in outcomes} <= {"created", "updated"}
    by_query = await rows(org, connector)
    assert {name: row[LONG] for name, row in by_query.items()} == TEXTS
    by_job = await rows(org, org.connect(bulk_read_from=5, page_size=1))
    assert org.calls("/jobs/query")
    assert by_job == by_query
    ids = [str(row["Id"]) for row in by_query.values()]
    got = await connector.get("Account", ids, (KEY, "Name", LONG))
    assert list(got) == list(by_query.values())


UNSAYABLE: dict[str, Value] = {
    "half a surrogate pair": "secret\ud83d",
    "half of one in a part": {"attributes": {"type": "Account"}, KEY: "secret\udc00"},
    "no number": Decimal("NaN"),
    "no end": float("inf"),
    "an object of Python": object(),  # pyright: ignore[reportAssignmentType]
    "itself": [],
}
UNSAYABLE["itself"].append(UNSAYABLE["itself"])  # type: ignore[union-attr]


@pytest.mark.parametrize("jobs", [None, 5])
@pytest.mark.parametrize("what", UNSAYABLE)
async def test_a_value_that_no_json_can_say_costs_one_record(
    make_org: World, what: str, jobs: int | None
) -> None:
    org = make_org()
    connector = org.connect(bulk_write_from=jobs)
    items = [WriteItem({"Name": f"n {at}"}, key=f"k{at}") for at in range(8)]
    items[3] = WriteItem({"Name": "n", "Description": UNSAYABLE[what]}, key="k3")
    items[5] = WriteItem({"Name": "n", "Nam\udc00e": "x"}, key="k5")
    items[6] = WriteItem({"Name": "n"}, key="k\ud800")
    outcomes = await write(connector, "upsert", items, KEY)
    assert [at for at, outcome in enumerate(outcomes) if outcome.status != "created"] == [3, 5, 6]
    problems = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    assert [(one.code, one.field, one.permanent) for one in problems] == [
        ("JSON_PARSER_ERROR", "Description", True),
        ("JSON_PARSER_ERROR", None, True),
        ("JSON_PARSER_ERROR", KEY, True),
    ]
    assert "secret" not in repr(problems)


async def test_a_text_longer_than_its_field_costs_one_record_by_a_job_too(make_org: World) -> None:
    org = make_org()
    items = [WriteItem({"Name": "n", "Description": "x" * (32_001 if at == 2 else 3)}) for at in range(6)]
    outcomes = await write(org.connect(bulk_write_from=5), "create", items)
    assert [outcome.status for outcome in outcomes] == ["created"] * 2 + ["rejected"] + ["created"] * 3
    assert outcomes[2].problem is not None
    assert (outcomes[2].problem.code, outcomes[2].problem.field) == ("STRING_TOO_LONG", "Description")


async def test_a_batch_that_is_too_large_for_the_way_is_sent_in_halves(make_org: World) -> None:
    org = make_org()
    sizes: list[int] = []

    def narrow(request: Request, body: bytes) -> Response | None:
        if SETS not in request.url.path:
            return None
        sizes.append(len(body))
        return Response("too large", 413, media_type="text/html") if len(body) > 200_000 else None

    org.instead = narrow
    items = [WriteItem({"Name": f"n{at}", "Description": "x" * 30_000}) for at in range(20)]
    items[7] = WriteItem({"Name": "n7", "Description": "x" * 200_000})
    outcomes = await write(org.connect(), "create", items)
    assert [at for at, outcome in enumerate(outcomes) if outcome.status != "created"] == [7]
    assert sizes[0] > 200_000 >= sizes[-1]
    assert len(org.truth("Account")) == 19


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_is_a_number_is_compared_as_one(make_org: World) -> None:
    org = make_org()
    widened(org)
    connector = org.connect()
    made = await write(
        connector, "upsert", [WriteItem({"Name": "a"}, key="5"), WriteItem({"Name": "b"}, key="x")], NUMBER
    )
    assert [outcome.status for outcome in made] == ["created", "rejected"]
    stamp = str(org.truth("Account")[made[0].id or ""][0])
    items = [WriteItem({"Name": "c"}, key=key, if_version=stamp) for key in ("5.0", "6", "x")]
    outcomes = await write(connector, "upsert", items, NUMBER)
    assert [outcome.status for outcome in outcomes] == ["updated", "conflict", "rejected"]


# ── ids ──────────────────────────────────────────────────────────────────────────────────────────

WRONG_IDS = {
    "of another object": "003Hs00000000001",
    "of another object, whole": "003Hs0000000001IAA",
    "15 characters of another object": "003Hs0000000001",
    "a wrong check": "001Hs0000000001IAB",
    "14 characters": "001Hs000000000",
    "16 characters": "001Hs00000000012",
    "a path": "../../limits",
    "a url": "https://evil.test/001Hs0000000001",
    "a query": "001Hs0000000001?fields=Id",
    "two": "001Hs0000000001,001Hs0000000002",
    "quoted": "001Hs0000000001'",
    "other digits": "001Hs000000000\u0661",
    "nothing": "",
}


@pytest.mark.parametrize("name", WRONG_IDS)
async def test_a_wrong_id_costs_one_item_and_no_call(make_org: World, name: str) -> None:
    org = make_org()
    good, other = await org.add(2)
    connector = org.connect()
    await connector.describe("Account")
    before = len(org.calls())
    found = await connector.get("Account", [good, WRONG_IDS[name], other[:15]], ("Name",))
    assert [isinstance(one, Missing) for one in found] == [False, True, False]
    assert len(org.calls()) == before + 1
    items = [WriteItem({"Name": "x"}, id=one) for one in (good, WRONG_IDS[name], other)]
    outcomes = await write(connector, "update", items)
    assert [outcome.status for outcome in outcomes] == ["updated", "rejected", "updated"]
    outcomes = await write(connector, "delete", [WriteItem(id=item.id) for item in items])
    assert [outcome.status for outcome in outcomes] == ["deleted", "rejected", "deleted"]
    assert outcomes[1].problem is not None
    assert outcomes[1].problem.code == "MALFORMED_ID"


@pytest.mark.parametrize("gone", ["deleted", "of another object", "malformed"])
async def test_a_parent_that_is_none_costs_one_child(make_org: World, gone: str) -> None:
    org = make_org({"Contact": 1})
    live, dead = await org.add(2)
    await org.remove([dead])
    (contact,) = org.truth("Contact")
    parent = {"deleted": dead, "of another object": contact, "malformed": "../../limits"}[gone]
    items = [WriteItem({"LastName": "c", "AccountId": one}) for one in (live, parent, live[:15])]
    outcomes = await org.connect().write(WriteRequest("Contact", "create", items))
    assert [outcome.status for outcome in outcomes] == ["created", "rejected", "created"]
    problem = outcomes[1].problem
    assert problem is not None
    assert problem.field == "AccountId"
    assert problem.permanent


# ── queries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("soql", "code", "place"),
    [
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "at row 1, column 15"),
        ("SELECT Id FROM Account WHERE (Name = 'a'", "MALFORMED_QUERY", "at row 1, column 41"),
        ("SELECT Id FROM Account WHERE Name = 'a')", "MALFORMED_QUERY", "at row 1, column 40"),
        ("SELECT Id\nFROM Account WHERE Name = 'secret", "MALFORMED_QUERY", "at row 2, column"),
        ("SELECT Id FROM Account WHERE Name = 'a\\q'", "MALFORMED_QUERY", "at row 1, column"),
        ("SELECT Nme FROM Account", "INVALID_FIELD", "Nme of Account"),
        ("DELETE FROM Account", "MALFORMED_QUERY", "at row 1, column 1"),
        ("SELECT Id FROM Account; SELECT Id FROM Contact", "MALFORMED_QUERY", "at row 1, column"),
    ],
)
async def test_a_malformed_query_is_told_with_its_place(
    make_org: World, soql: str, code: str, place: str
) -> None:
    org = make_org(2)
    with pytest.raises(ConnectorError, match=place) as caught:
        _ = [page async for page in org.connect().query(soql)]
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


# ── locks ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("jobs", [None, 3])
async def test_a_record_whose_approval_is_pending_is_rejected_for_now_and_alone(
    make_org: World, jobs: int | None
) -> None:
    org = make_org()
    ids = await org.add(3)
    org.double.org.customs.pending.add(ids[1])
    connector = org.connect(bulk_write_from=jobs)
    items = [WriteItem({"Name": "Changed"}, id=one) for one in ids]
    outcomes = await write(connector, "update", items)
    assert [outcome.status for outcome in outcomes] == ["updated", "rejected", "updated"]
    problem = outcomes[1].problem
    assert problem is not None
    assert (problem.code, problem.permanent) == ("ENTITY_IS_LOCKED", False)
    assert "approval" in problem.message
    org.double.org.customs.pending.clear()
    (outcome,) = await write(connector, "update", items[1:2])
    assert outcome.status == "updated"


async def test_rows_that_met_a_lock_are_sent_again_alone_after_waits_that_grow_and_differ(
    make_org: World,
) -> None:
    org = make_org(settings={"held_parents": "3"})
    await write(org.connect(), "upsert", [WriteItem({"Name": "n"}, key="p0")], KEY)
    sent: list[tuple[float, int]] = []

    def note(request: Request, body: bytes) -> Response | None:
        if SETS in request.url.path:
            sent.append((org.clock.monotonic(), len(json.loads(body)["records"])))
        return None

    org.instead = note
    waits: set[float] = set()
    items = [
        WriteItem({"LastName": f"c{at}", f"Account.{KEY}": "p0"} if at == 4 else {"LastName": "c"})
        for at in range(6)
    ]
    connector = org.connect()
    for _ in range(2):
        outcomes = await connector.write(WriteRequest("Contact", "create", items))
        assert {outcome.status for outcome in outcomes} == {"created"}
        assert [size for _, size in sent] == [6, 1, 1, 1]
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(sent)]
        assert all(base / 2 <= gap <= base for base, gap in zip((0.5, 1.0, 2.0), gaps, strict=True))
        waits.update(gaps)
        sent.clear()
        (parent,) = org.truth("Account")
        org.double.org.customs.hold(parent, 3)
    assert len(waits) == 6


def children(count: int, parents: int) -> list[WriteItem]:
    """Contacts of some accounts by turns."""
    return [WriteItem({"LastName": f"c{at}", f"Account.{KEY}": f"p{at % parents}"}) for at in range(count)]


@pytest.mark.parametrize("jobs", [None, 5])
async def test_children_of_one_parent_are_sent_together_and_told_in_the_callers_order(
    make_org: World, jobs: int | None
) -> None:
    org = make_org()
    await write(org.connect(), "upsert", [WriteItem({"Name": "n"}, key=f"p{at}") for at in range(4)], KEY)
    outcomes = await org.connect(bulk_write_from=jobs).write(
        WriteRequest("Contact", "create", children(480, 4))
    )
    last = {str(row["Id"]): str(row["LastName"]) for row in org.double.truth("Contact")}
    assert [last[outcome.id or ""] for outcome in outcomes] == [f"c{at}" for at in range(480)]
    made = sorted(org.double.truth("Contact"), key=lambda row: str(row["Id"]))
    parents = [row["AccountId"] for row in made]
    assert sum(one != other for one, other in pairwise(parents)) == 3


@pytest.mark.parametrize("jobs", [None, 5])
async def test_parents_that_are_made_by_the_same_write_come_in_batches_before_their_children(
    make_org: World, jobs: int | None
) -> None:
    org = make_org()
    items = [WriteItem({"Name": f"n{at}"}, key=f"{at}") for at in range(5)]
    items += [
        WriteItem({"Name": f"n{at}", f"Parent.{KEY}": f"{(at - 1) // 100}"}, key=f"{at}")
        for at in range(5, 450)
    ]
    batches: list[list[Native]] = []

    def note(request: Request, body: bytes) -> Response | None:
        if SETS in request.url.path:
            batches.append(json.loads(body)["records"])
        return None

    org.instead = note
    outcomes = await write(org.connect(bulk_write_from=jobs), "upsert", items, KEY)
    assert {outcome.status for outcome in outcomes} == {"created"}
    parents = {row[KEY]: row["ParentId"] for row in org.double.truth("Account")}
    of = {str(at): outcome.id for at, outcome in enumerate(outcomes)}
    assert parents == {str(at): None if at < 5 else of[str((at - 1) // 100)] for at in range(450)}
    for batch in batches:
        keys = {str(record[KEY]) for record in batch}
        wanted = {str(parent[KEY]) for record in batch if isinstance(parent := record.get("Parent"), dict)}
        assert not keys & wanted
    assert len(batches) == (3 if jobs else 4)


# ── files ────────────────────────────────────────────────────────────────────────────────────────


async def test_files_are_told_as_not_there(make_org: World) -> None:
    connector = make_org().connect()
    assert Power.FILES not in (await connector.capabilities()).powers
    with pytest.raises(Unsupported, match="files"):
        power(connector, SupportsFiles, connection="sf", instead="read and write its records")
