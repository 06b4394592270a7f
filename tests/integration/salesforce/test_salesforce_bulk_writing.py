"""Large writes by ingest jobs of Bulk API 2.0."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from crmhub.connector import NOT_SENT, Native, Outcome, WriteItem, WriteRequest
from crmhub.errors import QuotaExceeded
from crmhub.usage import Planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

BASE = "/services/data/v62.0"
JOBS = "/jobs/ingest"
SETS = "/composite/sobjects"
KEY = "External_Id__c"


def by_jobs(org: Org, **settings: float) -> Connector:
    """A connection that writes by jobs from 5 records on."""
    return org.connect(tokens=None, bulk_write_from=5, **settings)


def keyed(count: int, **fields: str) -> list[WriteItem]:
    return [WriteItem({"Name": f"name {at}", **fields}, key=f"k{at}") for at in range(count)]


async def upsert(connector: Connector, items: Sequence[WriteItem]) -> Sequence[Outcome]:
    return await connector.write(WriteRequest("Account", "upsert", items, match=KEY))


async def create(connector: Connector, rows: Sequence[Native]) -> Sequence[Outcome]:
    return await connector.write(WriteRequest("Account", "create", [WriteItem(row) for row in rows]))


def statuses(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def events(org: Org, name: str) -> list[dict[str, object]]:
    return [dict(event.detail) for event in org.heard if event.name == name]


def names_by_key(org: Org) -> dict[object, object]:
    return {row[KEY]: row["Name"] for row in org.double.truth("Account")}


async def test_each_item_has_its_own_outcome_in_the_order_of_the_request(make_org: World) -> None:
    org = make_org()
    connector = by_jobs(org)
    outcomes = await upsert(connector, keyed(450))
    assert set(statuses(outcomes)) == {"created"}
    assert not org.calls(SETS)
    of = {row[KEY]: row["Id"] for row in org.double.truth("Account")}
    assert [outcome.id for outcome in outcomes] == [of[f"k{at}"] for at in range(450)]
    again = await upsert(connector, [*keyed(6), WriteItem({"Phone": "1"}, key="k900")])
    assert statuses(again) == ["updated"] * 6 + ["rejected"]
    problem = again[-1].problem
    assert problem is not None
    assert (problem.code, problem.field, problem.permanent) == ("REQUIRED_FIELD_MISSING", "Name", True)
    assert [outcome.id for outcome in again[:6]] == [of[f"k{at}"] for at in range(6)]


async def test_values_are_kept_exactly_and_what_a_cell_cannot_say_goes_by_collections(
    make_org: World,
) -> None:
    org = make_org()
    rows: list[Native] = [
        {"Name": "=1+1", "Description": 'a "quoted", word\nand a line'},
        {"Name": "NA", "Description": "😀 naïve"},
        {"Name": "null", "AnnualRevenue": Decimal("1234567.25"), "NumberOfEmployees": 7},
        {"Name": "None", "Description": "x" * 31_999 + "é"},
        {"Name": "5", "Description": ""},
        {"Name": "#N/A"},
        {"Name": "cr", "Description": "a\r\nb"},
    ]
    outcomes = await create(by_jobs(org), rows)
    assert set(statuses(outcomes)) == {"created"}
    kept = {row["Id"]: row for row in org.double.truth("Account")}
    for outcome, row in zip(outcomes, rows, strict=True):
        record = kept[outcome.id]
        assert {name: record[name] for name in row} == {name: value or None for name, value in row.items()}
    (sent,) = org.calls(SETS)
    assert sent.startswith("POST")


async def test_a_field_is_cleared_and_others_stay(make_org: World) -> None:
    org = make_org(6)
    before = list(org.double.truth("Account"))
    changes = [{"Phone": None} if at % 2 else {"Name": f"new {at}"} for at in range(6)]
    items = [WriteItem(dict(change), id=str(row["Id"])) for change, row in zip(changes, before, strict=True)]
    outcomes = await by_jobs(org).write(WriteRequest("Account", "update", items))
    assert statuses(outcomes) == ["updated"] * 6
    after = {row["Id"]: row for row in org.double.truth("Account")}
    for at, row in enumerate(before):
        now = after[row["Id"]]
        expected = (row["Name"], None) if at % 2 else (f"new {at}", row["Phone"])
        assert (now["Name"], now["Phone"]) == expected
    assert org.calls(JOBS)


async def test_records_are_deleted_by_a_job(make_org: World) -> None:
    org = make_org(8)
    ids = sorted(org.truth("Account"))[:6]
    items = [WriteItem(id=one) for one in [*ids, "001Hs00000zzzzzIAA"]]
    outcomes = await by_jobs(org).write(WriteRequest("Account", "delete", items))
    assert statuses(outcomes) == ["deleted"] * 6 + ["rejected"]
    assert not org.truth("Account").keys() & set(ids)


async def test_a_relationship_is_given_by_external_id(make_org: World) -> None:
    org = make_org()
    await upsert(org.connect(), keyed(1))
    items = [WriteItem({"LastName": f"c{at}", "Account": {KEY: "k0"}}) for at in range(5)]
    outcomes = await by_jobs(org).write(WriteRequest("Contact", "create", items))
    assert statuses(outcomes) == ["created"] * 5
    (account,) = org.truth("Account")
    assert {row["AccountId"] for row in org.double.truth("Contact")} == {account}


async def test_equal_new_records_have_an_id_each(make_org: World) -> None:
    org = make_org()
    same: Native = {"Name": "same"}
    outcomes = await create(by_jobs(org), [same] * 6)
    assert len({outcome.id for outcome in outcomes}) == 6
    assert org.truth("Account").keys() == {outcome.id for outcome in outcomes}


async def test_items_of_one_record_are_written_one_after_the_other(make_org: World) -> None:
    org = make_org()
    items = [*keyed(6), WriteItem({"Name": "last"}, key="K0"), WriteItem({"Name": "x" * 300}, key="k1")]
    outcomes = await upsert(by_jobs(org), items)
    assert statuses(outcomes) == ["created"] * 6 + ["updated", "rejected"]
    assert names_by_key(org)["k0"] == "last"
    assert len([call for call in org.calls(JOBS) if call.endswith("/batches")]) == 1


async def test_small_and_urgent_writes_and_versions_go_by_collections(make_org: World) -> None:
    org = make_org()
    connector = by_jobs(org)
    await upsert(connector, keyed(4))
    await connector.write(WriteRequest("Account", "upsert", keyed(6), match=KEY, at_once=True))
    await upsert(org.connect(bulk_write_from=None), keyed(6))
    versions = [WriteItem({"Name": "n"}, key=f"k{at}", if_version="2020-01-01T00:00:00Z") for at in range(6)]
    await upsert(connector, versions)
    assert not org.calls(JOBS)


async def test_a_job_that_fails_half_way_keeps_what_it_did_and_tells_the_rest_as_not_sent(
    make_org: World,
) -> None:
    org = make_org(faults=("job_failure@/jobs/",))
    outcomes = await upsert(by_jobs(org), keyed(10))
    assert statuses(outcomes) == ["created"] * 5 + ["rejected"] * 5
    for outcome in outcomes[5:]:
        assert outcome.problem is not None
        assert (outcome.problem.code, outcome.problem.permanent) == (NOT_SENT, False)
        assert re.match(
            r"the ingest job 750\w{15} ended as Failed \(InternalServerError\) before",
            outcome.problem.message,
        )
    assert len(names_by_key(org)) == 5


async def test_a_job_that_takes_too_long_is_aborted_and_the_rest_is_not_sent(make_org: World) -> None:
    org = make_org(settings={"bulk_seconds": "100"})
    outcomes = await upsert(by_jobs(org, bulk_timeout=60), keyed(1000))
    done = statuses(outcomes).count("created")
    assert 0 < done < 1000
    assert done == len(names_by_key(org))
    left = [outcome.problem.code for outcome in outcomes if outcome.problem is not None]
    assert left == [NOT_SENT] * (1000 - done)
    org.clock.advance(1000)
    await org.connect().count("Account")
    assert len(names_by_key(org)) == done


async def test_a_job_that_an_administrator_aborts_half_way_keeps_what_it_did(make_org: World) -> None:
    org = make_org(settings={"bulk_seconds": "600"})
    connector, admin, polled = by_jobs(org), org.connect(), anyio.Event()
    outcomes: list[Outcome] = []
    await admin.count("Account")

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if request.method == "GET" and JOBS in request.url.path and org.truth("Account"):
            polled.set()
        return None

    async def abort() -> None:
        await polled.wait()
        (job,) = cast("dict[str, list[Native]]", await admin.request("GET", f"{BASE}{JOBS}"))["records"]
        await admin.request("PATCH", f"{BASE}{JOBS}/{job['id']}", json={"state": "Aborted"})

    org.instead = instead
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(abort)
        outcomes += await upsert(connector, keyed(1000))
    done = statuses(outcomes).count("created")
    assert 0 < done == len(names_by_key(org)) < 1000
    problems = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    assert [(one.code, one.permanent) for one in problems] == [(NOT_SENT, False)] * (1000 - done)
    again = await upsert(
        connector, [item for item, was in zip(keyed(1000), outcomes, strict=True) if not was.ok]
    )
    assert set(statuses(again)) == {"created"}
    assert names_by_key(org) == {f"k{at}": f"name {at}" for at in range(1000)}


async def test_who_is_cancelled_while_a_job_works_leaves_no_job_behind_and_begins_again(
    make_org: World,
) -> None:
    org = make_org(settings={"bulk_seconds": "20"})
    with anyio.CancelScope() as scope:

        def instead(request: Request, body: bytes) -> Response | None:
            del body
            if request.method == "GET" and JOBS in request.url.path and org.truth("Account"):
                scope.cancel()
            return None

        org.instead = instead
        await upsert(by_jobs(org), keyed(1000))
    org.instead = None
    assert scope.cancelled_caught
    done = len(names_by_key(org))
    org.clock.advance(100)
    (job,) = cast("dict[str, list[Native]]", await org.connect().request("GET", f"{BASE}{JOBS}"))["records"]
    assert (job["state"], 0 < done == len(names_by_key(org)) < 1000) == ("Aborted", True)
    outcomes = await upsert(by_jobs(org), keyed(1000))
    assert statuses(outcomes).count("updated") == done
    assert names_by_key(org) == {f"k{at}": f"name {at}" for at in range(1000)}


@pytest.mark.parametrize(
    "lost", ["create", "upload", "close", "closed", "result", "poll", "quota"], ids=lambda name: name
)
async def test_what_is_lost_is_unknown_only_where_it_can_have_happened(make_org: World, lost: str) -> None:
    faults = {"create": "lost@POST /jobs/ingest:1x", "upload": "lost@PUT /batches:9x"}
    faults |= {"close": "cut@PATCH /jobs/ingest:9x", "closed": "lost@PATCH /jobs/ingest:1x"}
    faults |= {"result": "cut@GET /failedResults:9x", "poll": "503@GET /jobs/ingest:6x"}
    org = make_org(faults=(faults[lost],) if lost in faults else ())

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if lost == "quota" and JOBS in request.url.path:
            return JSONResponse([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Total"}], 403)
        return None

    org.instead = instead
    if lost == "quota":
        with pytest.raises(QuotaExceeded):
            await upsert(by_jobs(org), keyed(6))
        assert not names_by_key(org)
        return
    outcomes = await upsert(by_jobs(org), keyed(6))
    assert statuses(outcomes) == (["unknown"] if lost == "result" else ["created"]) * 6
    assert len(names_by_key(org)) == 6
    assert bool(org.calls(SETS)) == (lost in {"upload", "close"})
    assert len(events(org, "bulk_write.refused")) == (lost in {"upload", "close"})


async def test_a_record_that_met_a_lock_is_sent_again_alone(make_org: World) -> None:
    org = make_org(6)
    ids = sorted(org.truth("Account"))
    header = '"sf__Id","{}","Id","Name"\n'

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if request.url.path.endswith("/successfulResults"):
            rows = "".join(f'"{one}","false","{one}","new"\n' for one in reversed(ids[1:]))
            return Response(header.format("sf__Created") + rows, media_type="text/csv")
        if request.url.path.endswith("/failedResults"):
            error = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access: 001, 002:--"
            row = f'"{ids[0]}","{error}","{ids[0]}","new"\n'
            return Response(header.format("sf__Error") + row, media_type="text/csv")
        return None

    org.instead = instead
    items = [WriteItem({"Name": "new"}, id=one) for one in ids]
    outcomes = await by_jobs(org).write(WriteRequest("Account", "update", items))
    assert statuses(outcomes) == ["updated"] * 6
    assert org.calls(SETS) == ["PATCH /services/data/v62.0/composite/sobjects"]


async def test_a_row_that_no_result_tells_of_is_unknown_and_a_later_item_of_it_waits(make_org: World) -> None:
    org = make_org()

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if request.url.path.endswith("/successfulResults"):
            rows = "".join(f'"001Hs00000zzzz{at}IAA","true","k{at}"\n' for at in range(1, 6))
            return Response(f'"sf__Id","sf__Created","{KEY}"\n{rows}', media_type="text/csv")
        return None

    org.instead = instead
    outcomes = await upsert(by_jobs(org), [*keyed(6), WriteItem({"Name": "later"}, key="k0")])
    assert statuses(outcomes) == ["unknown", *["created"] * 5, "rejected"]
    assert outcomes[-1].problem is not None
    assert outcomes[-1].problem.code == NOT_SENT
    assert names_by_key(org)["k0"] == "name 0"


@pytest.mark.parametrize("refusal", ["INVALIDENTITY", "EXCEEDEDQUOTA", "FEATURENOTENABLED"])
async def test_where_jobs_are_refused_collections_write(make_org: World, refusal: str) -> None:
    org = make_org()

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if JOBS in request.url.path:
            return JSONResponse([{"errorCode": refusal, "message": "no"}], 400)
        return None

    org.instead = instead
    assert statuses(await upsert(by_jobs(org), keyed(6))) == ["created"] * 6
    (event,) = events(org, "bulk_write.refused")
    assert (event["records"], event["code"]) == (6, refusal)


async def test_a_file_that_salesforce_cannot_read_is_left_to_collections(make_org: World) -> None:
    org = make_org(settings={"daily_bulk_batches": "1"})
    connector = by_jobs(org)
    await upsert(connector, keyed(6))
    outcomes = await upsert(connector, keyed(7))
    assert statuses(outcomes) == ["updated"] * 6 + ["created"]
    assert len(events(org, "bulk_write.refused")) == 1


async def test_a_session_that_ends_while_a_job_works_is_renewed(make_org: World) -> None:
    org = make_org(settings={"bulk_seconds": "20"})
    seen: list[str] = []

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if JOBS in request.url.path and request.method == "GET":
            seen.append(request.url.path)
            if len(seen) in {2, 5}:
                org.double.expire_tokens()
        return None

    org.instead = instead
    assert statuses(await upsert(by_jobs(org), keyed(6))) == ["created"] * 6
    assert len(names_by_key(org)) == 6


@pytest.mark.parametrize("operation", ["upsert", "delete"])
async def test_a_write_by_a_job_costs_what_was_estimated(make_org: World, operation: str) -> None:
    org = make_org(6)
    connector = by_jobs(org)
    told = await connector.estimate(Planned("upsert" if operation == "upsert" else "delete", "Account", 6))
    assert "an ingest job" in told.how
    before = org.double.used
    if operation == "upsert":
        await upsert(connector, keyed(6))
    else:
        items = [WriteItem(id=one) for one in org.truth("Account")]
        await connector.write(WriteRequest("Account", "delete", items))
    asked = len([call for call in org.calls(JOBS) if call.startswith("GET") and call[-1].isalnum()])
    assert org.double.used - before == told.calls - 5 + asked - 3
    few = await connector.estimate(Planned("upsert", "Account", 4))
    assert (few.calls, few.how) == (1, "200 records a call")


async def test_what_a_duplicate_rule_only_warns_of_goes_by_no_job(make_org: World) -> None:
    org = make_org()
    connector = org.connect(bulk_write_from=5, allow_duplicates=True)
    await upsert(connector, keyed(6))
    assert not org.calls(JOBS)


async def test_parents_that_others_hold_cost_no_record(make_org: World) -> None:
    org = make_org(settings={"held_parents": "1"})
    await upsert(org.connect(), keyed(2))
    items = [WriteItem({"LastName": f"c{at}", "Account": {KEY: f"k{at % 2}"}}) for at in range(8)]
    outcomes = await by_jobs(org).write(WriteRequest("Contact", "create", items))
    assert statuses(outcomes) == ["created"] * 8
    assert len(org.truth("Contact")) == 8
    assert len([call for call in org.calls(SETS) if call.startswith("POST")]) == 1
