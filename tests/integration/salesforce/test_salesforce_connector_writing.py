"""Creates, updates, upserts and deletes: one outcome for each record, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request
from starlette.responses import Response

from crmhub.connector import Native, Value, WriteItem, WriteRequest
from crmhub.errors import AuthError, BadRequest, ConnectorError, NotFound, QuotaExceeded
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.simulator.records import Records

if TYPE_CHECKING:
    from tests.integration.salesforce.conftest import World

pytestmark = pytest.mark.anyio

COLLECTIONS = "/composite/sobjects"


def creating(*records: Mapping[str, Value]) -> WriteRequest:
    return WriteRequest("Account", "create", [WriteItem(dict(record)) for record in records])


def upserting(*records: tuple[str, Native]) -> WriteRequest:
    items = [WriteItem(fields, key=key) for key, fields in records]
    return WriteRequest("Account", "upsert", items, match="External_Id__c")


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400])
async def test_creates_go_in_batches_of_two_hundred(make_org: World, count: int) -> None:
    org = make_org()
    outcomes = await org.connect().write(creating(*[{"Name": f"A {n}"} for n in range(count)]))
    assert [outcome.status for outcome in outcomes] == ["created"] * count
    names = {row["Id"]: row["Name"] for row in org.double.truth("Account")}
    assert [names[outcome.id] for outcome in outcomes] == [f"A {n}" for n in range(count)]
    assert len(org.calls(COLLECTIONS)) == -(-count // 200)


async def test_values_arrive_as_they_were_given(make_org: World) -> None:
    org = make_org()
    fields: Native = {
        "Name": "Ünïcode 'quoted' \\ \"and\" 東京",
        "AnnualRevenue": Decimal("12345678901234.56"),
        "NumberOfEmployees": 7,
        "Description": "line\nline",
    }
    (outcome,) = await org.connect().write(creating(fields))
    (row,) = await org.connect().get("Account", [outcome.id or ""], tuple(fields))
    assert isinstance(row, dict)
    assert {name: row[name] for name in fields} == fields


async def test_an_update_changes_what_it_names_and_null_clears(make_org: World) -> None:
    org = make_org()
    (one,) = await org.add(1, Website="https://a.test", Phone="1")
    connector = org.connect()
    request = WriteRequest("Account", "update", [WriteItem({"Website": None, "Name": "B"}, id=one[:15])])
    (outcome,) = await connector.write(request)
    assert (outcome.status, outcome.id) == ("updated", one)
    (row,) = await connector.get("Account", [one], ("Name", "Website", "Phone"))
    assert isinstance(row, dict)
    assert (row["Name"], row["Website"], row["Phone"]) == ("B", None, "1")


async def test_an_upsert_creates_then_updates_and_can_be_repeated(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    request = upserting(("k-1", {"Name": "A"}), ("k-2", {"Name": "B"}))
    first, again = await connector.write(request), await connector.write(request)
    assert [outcome.status for outcome in first] == ["created", "created"]
    assert [outcome.status for outcome in again] == ["updated", "updated"]
    assert [outcome.id for outcome in first] == [outcome.id for outcome in again]
    assert len(list(org.double.truth("Account"))) == 2


async def test_one_key_twice_in_a_request_is_written_in_order(make_org: World) -> None:
    org = make_org()
    outcomes = await org.connect().write(
        upserting(("k", {"Name": "A"}), ("j", {"Name": "B"}), ("K ", {"Name": "C"}))
    )
    assert [outcome.status for outcome in outcomes] == ["created", "created", "updated"]
    assert sorted(str(row["Name"]) for row in org.double.truth("Account")) == ["B", "C"]


async def test_the_key_among_the_fields_is_sent_once_and_must_agree(make_org: World) -> None:
    org = make_org()
    outcomes = await org.connect().write(
        upserting(
            ("k", {"Name": "A", "External_Id__c": "k"}),
            ("j", {"Name": "B", "External_Id__c": "other"}),
            ("", {"Name": "C"}),
        )
    )
    assert [outcome.status for outcome in outcomes] == ["created", "rejected", "rejected"]


async def test_a_delete_that_was_already_done_is_done(make_org: World) -> None:
    org = make_org()
    ids = await org.add(3)
    connector = org.connect()
    await connector.write(WriteRequest("Account", "delete", [WriteItem(id=ids[0])]))
    outcomes = await connector.write(
        WriteRequest("Account", "delete", [WriteItem(id=one) for one in ids[:2]])
    )
    assert [(outcome.status, outcome.id) for outcome in outcomes] == [
        ("deleted", ids[0]),
        ("deleted", ids[1]),
    ]
    assert list(org.truth("Account")) == [ids[2]]


async def test_each_bad_record_is_rejected_with_its_field_and_costs_nobody_else(make_org: World) -> None:
    org = make_org()
    long = "secret-value-" * 40
    connector = org.connect()
    await connector.write(upserting(("taken", {"Name": "Owner of the key"})))
    (owner,) = org.truth("Account")
    outcomes = await connector.write(
        creating(
            {"Name": "good"},
            {},
            {"Name": long},
            {"Name": "bad reference", "OwnerId": "005000000000000"},
            {"Name": "not a number", "AnnualRevenue": "secret-value"},
            {"Name": "no such field", "Nonsense__c": "1"},
            {"Name": "read-only", "CreatedDate": "2024-01-01T00:00:00Z"},
            {"Name": "taken key", "External_Id__c": "taken"},
            {"Name": "also good"},
        )
    )
    found = [(outcome.status, outcome.problem.field if outcome.problem else None) for outcome in outcomes]
    assert found == [
        ("created", None),
        ("rejected", "Name"),
        ("rejected", "Name"),
        ("rejected", "OwnerId"),
        ("rejected", None),
        ("rejected", "Nonsense__c"),
        ("rejected", "CreatedDate"),
        ("rejected", "External_Id__c"),
        ("created", None),
    ]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    assert all(problem.permanent for problem in problems)
    assert "secret-value" not in str(problems)
    assert "at most 255" in str(problems)
    assert "it should be a currency" in str(problems)
    assert outcomes[7].id == owner


async def test_a_lost_reply_to_a_create_is_unknown_and_nothing_is_sent_twice(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"lost@POST {COLLECTIONS}:1x"])
    outcomes = await connector.write(creating(*[{"Name": f"A {n}"} for n in range(201)]))
    statuses = [outcome.status for outcome in outcomes]
    assert (statuses[:200], statuses[200:]) == (["unknown"] * 200, ["created"])
    assert all(outcome.problem and not outcome.problem.permanent for outcome in outcomes[:200])
    assert len(list(org.double.truth("Account"))) == 201


async def test_a_lost_reply_to_an_upsert_is_sent_again_without_a_duplicate(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"lost@PATCH {COLLECTIONS}:2x"])
    outcomes = await connector.write(upserting(("a", {"Name": "A"}), ("b", {"Name": "B"})))
    assert [outcome.status for outcome in outcomes] == ["updated", "updated"]
    assert len(list(org.double.truth("Account"))) == 2


@pytest.mark.parametrize("fault", ["truncated", "empty", "content_type", "502"])
async def test_a_create_whose_answer_is_unreadable_is_unknown(make_org: World, fault: str) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"{fault}@POST {COLLECTIONS}:1x"])
    outcomes = await connector.write(creating({"Name": "A"}))
    assert [outcome.status for outcome in outcomes] == ["unknown"]


async def test_a_create_whose_connection_never_stood_is_tried_again(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"expire@POST {COLLECTIONS}:1x"])
    outcomes = await connector.write(creating({"Name": "A"}))
    assert [outcome.status for outcome in outcomes] == ["created"]


def _answering(
    results: Callable[[list[Native]], tuple[int, Value]],
) -> Callable[[Request, bytes], Response | None]:
    def instead(request: Request, body: bytes) -> Response | None:
        if COLLECTIONS not in request.url.path or request.method not in {"POST", "PATCH"}:
            return None
        status, answer = results(json.loads(body)["records"])
        if answer is None:
            return None
        return Response(json.dumps(answer), status, media_type="application/json")

    return instead


async def test_locked_rows_are_sent_again_by_themselves(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    sizes: list[int] = []

    def locked(records: list[Native]) -> tuple[int, Value]:
        sizes.append(len(records))
        if len(sizes) > 1:
            return 200, None
        refusal: Value = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain", "fields": []}
        ids = [full_id(f"001000000000{n:03d}") for n in range(len(records))]
        return 200, [
            {"id": id_, "success": True, "errors": []} if n % 2 else {"success": False, "errors": [refusal]}
            for n, id_ in enumerate(ids)
        ]

    org.instead = _answering(locked)
    outcomes = await connector.write(creating(*[{"Name": f"A {n}"} for n in range(5)]))
    assert [outcome.status for outcome in outcomes] == ["created"] * 5
    assert sizes == [5, 3]


async def test_rows_that_stay_locked_are_rejected_for_now(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    message = "AccountTrigger: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to 'secret-value'"

    def locked(records: list[Native]) -> tuple[int, Value]:
        refusal: Value = {"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": message}
        return 200, [{"success": False, "errors": [refusal]} for _ in records]

    org.instead = _answering(locked)
    (outcome,) = await connector.write(creating({"Name": "A"}))
    assert outcome.status == "rejected"
    assert outcome.problem is not None
    assert not outcome.problem.permanent
    assert "secret-value" not in outcome.problem.message
    assert len(org.calls(COLLECTIONS)) == 4


async def test_a_batch_that_is_refused_for_one_record_costs_one_record(make_org: World) -> None:
    org = make_org()
    connector = org.connect()

    def poisoned(records: list[Native]) -> tuple[int, Value]:
        if not any(record["Name"] == "A 13" for record in records):
            return 200, None
        return 400, [{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected 'A 13' at [line:1, column:9]"}]

    org.instead = _answering(poisoned)
    outcomes = await connector.write(creating(*[{"Name": f"A {n}"} for n in range(50)]))
    assert [n for n, outcome in enumerate(outcomes) if outcome.status != "created"] == [13]
    problem = outcomes[13].problem
    assert problem is not None
    assert problem.code == "JSON_PARSER_ERROR"
    assert "A 13" not in problem.message
    assert len(list(org.double.truth("Account"))) == 49


async def test_a_batch_that_a_gateway_blocks_for_its_content_costs_one_record(make_org: World) -> None:
    org = make_org()
    connector = org.connect()

    def gateway(request: Request, body: bytes) -> Response | None:
        blocked = b"A 3" in body and request.method == "POST"
        return Response("<h1>Request blocked</h1>", 400, media_type="text/html") if blocked else None

    org.instead = gateway
    outcomes = await connector.write(creating(*[{"Name": f"A {n}"} for n in range(9)]))
    assert [n for n, outcome in enumerate(outcomes) if outcome.status != "created"] == [3]


async def test_a_batch_that_meets_a_lock_as_a_whole_is_sent_again(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"400@{COLLECTIONS}:2x"])
    assert [outcome.status for outcome in await connector.write(creating({"Name": "A"}))] == ["created"]
    org.double.faults.replace([f"400@{COLLECTIONS}"])
    (outcome,) = await connector.write(creating({"Name": "B"}))
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.permanent) == ("UNABLE_TO_LOCK_ROW", False)


async def test_an_upsert_whose_reply_was_lost_may_hold_fields_that_are_set_on_create_only(
    make_org: World,
) -> None:
    org = make_org({"Contact": 1})
    connector = org.connect()
    (contact,) = org.truth("Contact")
    assert not (await connector.describe("Opportunity")).fields["ContactId"].updatable
    fields: Native = {
        "Name": "D",
        "StageName": "Prospecting",
        "CloseDate": "2026-05-01",
        "ContactId": contact,
    }
    org.double.faults.replace([f"lost@PATCH {COLLECTIONS}:1x"])
    items = [WriteItem(fields, key="d-1"), WriteItem({**fields, "Name": "E"}, key="d-2")]
    outcomes = await connector.write(WriteRequest("Opportunity", "upsert", items, match="External_Id__c"))
    assert [outcome.status for outcome in outcomes] == ["updated", "updated"]
    assert len(org.truth("Opportunity")) == 2


async def test_a_batch_whose_answer_has_too_few_results_is_unknown(make_org: World) -> None:
    org = make_org()
    connector = org.connect()

    def too_few(records: list[Native]) -> tuple[int, Value]:
        return 200, [{"id": "001Hs0000000001IAA", "success": True} for _ in records[1:]]

    org.instead = _answering(too_few)
    outcomes = await connector.write(creating({"Name": "A"}, {"Name": "B"}))
    assert [outcome.status for outcome in outcomes] == ["unknown", "unknown"]


async def test_a_quota_that_ends_before_the_first_batch_is_raised(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([f"403@{COLLECTIONS}"])
    with pytest.raises(QuotaExceeded, match="24 hours"):
        await connector.write(creating({"Name": "A"}))


async def test_a_quota_that_ends_in_the_middle_leaves_the_rest_unsent(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    calls = 0

    def used_up(records: list[Native]) -> tuple[int, Value]:
        nonlocal calls
        calls += 1
        if calls == 1:
            return 200, None
        return 403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]

    org.instead = _answering(used_up)
    outcomes = await connector.write(creating(*[{"Name": f"A {n}"} for n in range(600)]))
    assert [outcome.status for outcome in outcomes] == ["created"] * 200 + ["rejected"] * 400
    assert {outcome.problem.code for outcome in outcomes if outcome.problem} == {"not_sent"}
    assert calls == 2


async def test_a_stale_version_is_a_conflict_and_the_others_are_written(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await org.add(3)
    rows = await connector.get("Account", ids, ("Name",))
    versions = [str(row["SystemModstamp"]) for row in rows if isinstance(row, dict)]
    org.clock.advance(60)
    await org.change(ids[:1], Name="Changed by another")
    await org.remove(ids[1:2])
    items = [
        WriteItem({"Name": "Mine"}, id=id_, if_version=was) for id_, was in zip(ids, versions, strict=True)
    ]
    outcomes = await connector.write(WriteRequest("Account", "update", items))
    assert [outcome.status for outcome in outcomes] == ["conflict", "conflict", "updated"]
    assert outcomes[0].version == org.truth("Account")[ids[0]][0]
    assert org.truth("Account", "Name")[ids[0]][1] == "Changed by another"


async def test_a_change_between_the_comparison_and_the_update_is_a_conflict(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await org.add(3)
    was = str(org.truth("Account")[ids[0]][0])
    org.clock.advance(60)
    records, sobject = Records(org.double.org), org.double.org.catalog.get("Account")
    assert sobject is not None

    def meanwhile(request: Request, _: bytes) -> Response | None:
        if request.url.path.endswith("/composite"):
            records.change(sobject, records.find(sobject, ids[0]), {"Name": "Changed by another"})
            records.delete(sobject, records.find(sobject, ids[1]))
            org.instead = None
        return None

    org.instead = meanwhile
    items = [WriteItem({"Name": "Mine"}, id=one, if_version=was) for one in ids]
    outcomes = await connector.write(WriteRequest("Account", "update", items))
    assert [outcome.status for outcome in outcomes] == ["conflict", "conflict", "updated"]
    truth = org.truth("Account", "Name")
    assert (outcomes[0].version, truth[ids[0]][1]) == (truth[ids[0]][0], "Changed by another")
    assert truth[ids[2]][1] == "Mine"


async def test_a_guarded_update_is_refused_for_its_own_reasons_too(make_org: World) -> None:
    org = make_org(settings={"validation_rules": "true"})
    ids = await org.add(2)
    was = str(org.truth("Account")[ids[0]][0])
    org.double.org.customs.hold(ids[1], 2)
    items = [
        WriteItem({"AnnualRevenue": -1}, id=ids[0], if_version=was),
        WriteItem({"Name": "Held"}, id=ids[1], if_version=was),
    ]
    bad, held = await org.connect().write(WriteRequest("Account", "update", items))
    assert bad.problem is not None
    assert (bad.status, bad.problem.field) == ("rejected", "AnnualRevenue")
    assert (held.status, org.truth("Account", "Name")[ids[1]][1]) == ("updated", "Held")


async def test_a_guarded_update_whose_reply_is_lost_is_unknown_and_not_sent_twice(make_org: World) -> None:
    org = make_org()
    (one,) = await org.add(1)
    was = str(org.truth("Account")[one][0])
    org.clock.advance(60)
    org.double.faults.replace(["lost@POST /composite:1x"])
    item = WriteItem({"Name": "Mine"}, id=one, if_version=was)
    (outcome,) = await org.connect().write(WriteRequest("Account", "update", [item]))
    assert (outcome.status, org.truth("Account", "Name")[one][1]) == ("unknown", "Mine")


async def test_many_versions_are_compared_and_written_together(make_org: World) -> None:
    org = make_org()
    ids = await org.add(60)
    was = str(org.truth("Account")[ids[0]][0])
    org.clock.advance(60)
    await org.change(ids[:1], Name="Changed by another")
    connector, before = org.connect(), org.double.used
    items = [WriteItem({"Name": "Mine"}, id=one, if_version=was) for one in ids]
    outcomes = await connector.write(WriteRequest("Account", "update", items))
    assert [outcome.status for outcome in outcomes] == ["conflict"] + ["updated"] * 59
    assert org.double.used - before == 3  # the describe, the versions, the collection


async def test_an_upsert_can_demand_a_version_too(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.write(upserting(("k'1", {"Name": "A"})))
    stamp = str(org.truth("Account")[made.id or ""][0])
    for version, status in ((stamp, "updated"), ("2020-01-01T00:00:00.000+0000", "conflict")):
        item = WriteItem({"Name": "B"}, key="k'1", if_version=version)
        (outcome,) = await connector.write(WriteRequest("Account", "upsert", [item], match="External_Id__c"))
        assert outcome.status == status


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (WriteRequest("Acount", "create", [WriteItem({})]), NotFound, "no object"),
        (
            WriteRequest("User", "delete", [WriteItem(id="005Hs0000000001")]),
            BadRequest,
            "does not allow delete",
        ),
        (
            WriteRequest("Account", "upsert", [WriteItem({}, key="x")], match="Name"),
            BadRequest,
            "external id",
        ),
        (
            WriteRequest("Account", "upsert", [WriteItem({}, key="x")]),
            BadRequest,
            "Account has: External_Id__c",
        ),
    ],
)
async def test_a_write_that_makes_no_sense_is_refused_before_it_is_sent(
    make_org: World, request_: WriteRequest, error: type[ConnectorError], words: str
) -> None:
    org = make_org()
    with pytest.raises(error, match=words):
        await org.connect().write(request_)
    assert org.calls(COLLECTIONS) == []


@pytest.mark.parametrize(
    "id_", [None, "", "x", "../../limits", "003Hs0000000001", "001Hs0000000001IAB", "001,002"]
)
async def test_an_id_of_nothing_or_of_another_object_is_rejected_unsent(
    make_org: World, id_: str | None
) -> None:
    org = make_org()
    for operation in ("update", "delete"):
        (outcome,) = await org.connect().write(WriteRequest("Account", operation, [WriteItem(id=id_)]))
        assert outcome.status == "rejected"
    assert org.calls(COLLECTIONS) == []


async def test_a_dead_session_is_raised_with_a_hint_when_nothing_was_sent(make_org: World) -> None:
    org = make_org()
    connector = org.connect(
        client_id=None,
        client_secret=None,
        refresh_token=None,
        access_token=org.double.credentials["access_token"],
    )
    await connector.describe("Account")
    org.double.expire_tokens()
    with pytest.raises(AuthError, match="session is expired"):
        await connector.write(creating({"Name": "A"}))


async def test_a_record_read_can_be_written_back_with_its_id(make_org: World) -> None:
    org = make_org()
    (one,) = await org.add(1)
    (row,) = await org.connect().get("Account", [one], ("Name",))
    assert isinstance(row, dict)
    fields: Native = {name: value for name, value in row.items() if name != "SystemModstamp"}
    (outcome,) = await org.connect().write(WriteRequest("Account", "update", [WriteItem(fields, id=one)]))
    assert outcome.status == "updated"
