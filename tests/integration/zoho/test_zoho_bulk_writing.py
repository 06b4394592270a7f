"""Large writes by Zoho's bulk write jobs: the same outcomes as by batches, and never anything sent twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from crmhub.connector import NOT_SENT, Native, Outcome, ReadRequest, Value, WriteItem, WriteRequest
from crmhub.errors import AuthError, BadRequest, BadResponse
from crmhub.routing import routed
from crmhub.usage import Planned
from crmhub_zoho import ZohoConfig
from crmhub_zoho.prices import BULK_WRITE_FROM, bulk_write_job, write
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.tiers.held import Gathered
from crmhub_zoho.tiers.rest_bulk_write import RestBulkWrite

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"
WRITE = "POST /crm/bulk/v8/write"
TIERS = [
    "rest",
    pytest.param("sdk", marks=pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="no SDK")),
]


def accounts(count: int, **fields: Value) -> list[WriteItem]:
    return [WriteItem({NAME: f"Account {number}", **fields}) for number in range(count)]


def creating(items: Sequence[WriteItem], module: str = "Accounts") -> WriteRequest:
    return WriteRequest(module, "create", items)


def by(org: Org) -> list[tuple[object, object]]:
    told = (event.detail for event in org.heard if event.name == "tier.served")
    return [(detail["operation"], detail["tier"]) for detail in told]


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, tuple[str, str | None, bool] | None]]:
    """Outcomes without the ids of new records and versions."""
    return [
        (one.status, one.problem and (one.problem.code, one.problem.field, one.problem.permanent))
        for one in outcomes
    ]


def known(org: Org, module: str, *fields: str) -> dict[str, tuple[object, ...]]:
    """Live records by id with those fields."""
    return {id_: values[1:] for id_, values in org.truth(module, *fields).items()}


# ── when ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_for_so_many_records_that_it_is_cheaper() -> None:
    keys = {"client_id": "a", "client_secret": "b", "refresh_token": "c"}
    assert ZohoConfig.model_validate(keys).bulk_write_from == BULK_WRITE_FROM
    assert bulk_write_job().credits < write(BULK_WRITE_FROM).credits
    assert bulk_write_job().credits >= write(BULK_WRITE_FROM - 1).credits


@pytest.mark.slow
async def test_a_large_load_costs_a_tenth_of_its_batches(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    double = org.double
    assert isinstance(double, ZohoDouble)
    await connector.describe("Accounts")
    planned = await connector.estimate(Planned("create", "Accounts", records=25_200))
    before = double.limits.used
    outcomes = await connector.write(creating(accounts(25_000 + 200)))
    used = double.limits.used - before
    assert {one.status for one in outcomes} == {"created"}
    truth = known(org, "Accounts", NAME)
    assert [truth[str(one.id)] for one in outcomes] == [(f"Account {at}",) for at in range(25_200)]
    assert org.calls(WRITE) == [WRITE]
    assert len(org.calls("POST /crm/v8/Accounts")) == 2  # the 200 beyond a job's 25,000
    assert (planned.cost, planned.how) == (
        528,
        "1 bulk write jobs of 25,000 records, then 100 records a call",
    )
    assert used <= planned.cost < write(25_200).credits == 2_520


@pytest.mark.parametrize(
    ("records", "module", "settings", "jobs"),
    [
        (BULK_WRITE_FROM - 1, "Accounts", {}, 0), (BULK_WRITE_FROM, "Accounts", {}, 1),
        (30_000, "Accounts", {}, 1), (50_000, "Accounts", {}, 2), (50_000, "Notes", {}, 0),
        (50_000, "Accounts", {"trigger": []}, 0), (50_000, "Accounts", {"bulk_write_from": None}, 0),
        (30_000, "Accounts", {"bulk_write_from": 10}, 2),
        (30_000, "Accounts", {"bulk_write_from": 26_000}, 1),
        (25_500, "Accounts", {"bulk_write_from": 26_000}, 0),
    ],
)  # fmt: skip
async def test_an_estimate_reckons_with_the_jobs_that_there_would_be(
    make_org: World, records: int, module: str, settings: Mapping[str, Any], jobs: int
) -> None:
    connector = make_org().connect(**settings)
    estimate = await connector.estimate(Planned("create", module, records=records))
    assert estimate.how.startswith(f"{jobs} bulk write jobs" if jobs else "100 records a call")
    batches = write(records).credits
    assert estimate.cost <= batches if jobs else estimate.cost == batches


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 150), ({"bulk_write_from": None}, 150), ({"bulk_write_from": 151}, 150),
     ({"bulk_write_from": 100, "trigger": ["workflow"]}, 150)],
)  # fmt: skip
async def test_fewer_records_and_those_whose_automations_are_chosen_go_by_batches(
    make_org: World, settings: Mapping[str, Any], count: int
) -> None:
    org = make_org()
    outcomes = await org.connect(**settings).write(creating(accounts(count)))
    assert {one.status for one in outcomes} == {"created"}
    assert org.calls(WRITE) == []


@pytest.mark.parametrize("module", ["Notes", "Events", "Calls"])
async def test_modules_that_jobs_do_not_take_go_by_batches(make_org: World, module: str) -> None:
    org = make_org(rows=3)
    (one, *_) = org.truth(module)
    title = {"Notes": "Note_Title", "Events": "Event_Title", "Calls": "Subject"}[module]
    request = WriteRequest(module, "update", [WriteItem({title: "New"}, id=one)])
    (outcome,) = await org.connect(bulk_write_from=1).write(request)
    assert outcome.status == "updated"
    assert org.calls(WRITE) == []


async def test_what_must_be_answered_at_once_goes_by_batches(make_org: World) -> None:
    org = make_org()
    await org.connect(bulk_write_from=1).write(replace(creating(accounts(3)), at_once=True))
    assert org.calls(WRITE) == []


async def test_deletes_and_conditional_updates_go_by_no_job(make_org: World) -> None:
    org = make_org(rows={"Accounts": 3})
    connector = org.connect(bulk_write_from=1)
    first, second, third = org.truth("Accounts")
    version = str(org.truth("Accounts")[first][0])
    items = [
        WriteItem({NAME: "A"}, id=first, if_version=version),
        WriteItem({NAME: "B"}, id=second, if_version="2020-01-01T00:00:00+00:00"),
        WriteItem({NAME: "C"}, id=third),
    ]
    outcomes = await connector.write(WriteRequest("Accounts", "update", items))
    assert [one.status for one in outcomes] == ["updated", "conflict", "updated"]
    assert len(org.calls(WRITE)) == 1
    await connector.write(WriteRequest("Accounts", "delete", [WriteItem(id=third)]))
    assert len(org.calls(WRITE)) == 1


@pytest.mark.parametrize(
    ("context", "tier"),
    [("bulk", "sdk"), ("background", "sdk"), ("interactive", "rest"), (None, "rest"), ("fallback", "rest")],
)
@pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="no SDK")
async def test_the_context_says_which_tier_starts_the_job(make_org: World, context: str, tier: str) -> None:
    org = make_org()
    with routed(context):  # pyright: ignore[reportArgumentType]
        await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert by(org) == [("bulk_write", tier)]


# ── outcomes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", TIERS)
async def test_every_item_has_the_outcome_that_a_batch_would_give(make_org: World, tier: str) -> None:
    long = "x" * 300
    creates = [
        WriteItem({"Last_Name": "Okafor", "Email": "a@example.com", "Date_of_Birth": "1990-02-01"}),
        WriteItem({"Email": "b@example.com"}),
        WriteItem({"Last_Name": "Lee", "Email": "no mail"}),
        WriteItem({"Last_Name": long}),
        WriteItem({"Last_Name": "Again", "Email": "a@example.com"}),
        WriteItem({"Last_Name": "No account", "Account_Name": {"id": "554023110000099999"}}),
        WriteItem({"Last_Name": "Made by Zoho", "Created_Time": "2026-01-01T00:00:00+00:00"}),
    ]
    found: dict[str, object] = {}
    for how, least in (("job", 1), ("batches", None)):
        org = make_org()
        connector = org.connect(bulk_write_from=least)
        with routed(tier=tier):
            outcomes = await connector.write(creating(creates, "Contacts"))
            ids = [one.id for one in outcomes]
            assert outcomes[0].id in known(org, "Contacts")
            updates = [
                WriteItem({"Phone": "1"}, id=ids[0]),
                WriteItem({"Phone": "2"}, id="554023110000099999"),
                WriteItem({"Email": "no mail"}, id=ids[0]),
                WriteItem({"Phone": "3"}, id="x"),
            ]
            outcomes_of_updates = await connector.write(WriteRequest("Contacts", "update", updates))
            upserts = [
                WriteItem({"Last_Name": "B", "Phone": "9"}, key="a@example.com"),
                WriteItem({"Last_Name": "New"}, key="new@example.com"),
                WriteItem({"Last_Name": "No key"}, key=""),
                WriteItem({"Last_Name": long}, key="long@example.com"),
            ]
            request = WriteRequest("Contacts", "upsert", upserts, match="Email")
            outcomes_of_upserts = await connector.write(request)
        assert len(org.calls(WRITE)) == (3 if least else 0)
        assert outcomes_of_updates[0].id == outcomes_of_upserts[0].id == ids[0]
        assert outcomes_of_updates[1].problem is not None
        assert outcomes_of_updates[1].problem.missing
        found[how] = [
            [(status, problem and problem[1:]) for status, problem in told(each)]
            for each in (outcomes, outcomes_of_updates, outcomes_of_upserts)
        ] + [sorted(map(str, known(org, "Contacts", "Last_Name", "Email", "Phone").values()))]
    assert found["job"] == found["batches"]


@pytest.mark.parametrize("tier", TIERS)
async def test_values_arrive_as_batches_would_write_them(make_org: World, tier: str) -> None:
    stored: dict[str, object] = {}
    fields = ("Deal_Name", "Stage", "Amount", "Closing_Date", "Description", "Next_Step", "Account_Name")
    for how, least in (("job", 1), ("batches", None)):
        org = make_org(rows={"Accounts": 1})
        (account,) = org.truth("Accounts")
        owner = next(str(row["id"]) for row in await owners(org))
        one: Native = {
            "Deal_Name": 'Größe "ß", 日本; a\tb',
            "Stage": "Qualification",
            "Amount": Decimal("1234567890123456.12"),
            "Closing_Date": "2026-12-31",
            "Description": "two\nlines, =1+1",
            "Next_Step": None,
            "Account_Name": {"id": account},
            "Owner": {"id": owner},
        }
        with routed(tier=tier if least else "rest"):
            outcomes = await org.connect(bulk_write_from=least).write(
                creating([WriteItem(one), WriteItem({**one, "Account_Name": account})], "Deals")
            )
        assert [each.status for each in outcomes] == ["created", "created"]
        assert len(org.calls(WRITE)) == (1 if least else 0)
        rows = {str(row["id"]): row for row in org.double.truth("Deals")}
        stored[how] = [[str(rows[str(each.id)][name]) for name in fields] for each in outcomes]
        assert all(f"'{owner}'" in str(rows[str(each.id)]["Owner"]) for each in outcomes)
    assert stored["job"] == stored["batches"]


async def owners(org: Org) -> list[Mapping[str, object]]:
    return [row async for page in org.connect().read(ReadRequest("users", ("id",))) for row in page.upserts]


@pytest.mark.parametrize(
    "fields",
    [
        {"Phone": None}, {"Phone": ""}, {"Phone": " 1"}, {"Phone": "1\r\n2"}, {"Description": "a\x00b"},
        {"Tag": [{"name": "hot"}]}, {"Annual_Revenue": "12"}, {"Employees": True}, {"Nothing": "x"},
        {"Parent_Account": {"id": "1", "Phone": "2"}}, {"Rating": ["a", "b"]}, {"$se_module": "Deals"},
        {"Annual_Revenue": 1.5},
    ],
)  # fmt: skip
async def test_what_a_row_cannot_say_goes_by_a_batch(make_org: World, fields: Native) -> None:
    """So that it is written, or refused, as ever; its neighbours go by the job all the same."""
    seen: list[object] = []
    for least in (1, None):
        org = make_org(rows={"Accounts": 2})
        odd, plain = org.truth("Accounts")
        items = [WriteItem(fields, id=odd), WriteItem({"Phone": "5"}, id=plain)]
        outcomes = await org.connect(bulk_write_from=least).write(WriteRequest("Accounts", "update", items))
        names = [name for name in fields if name in {"Phone", "Description", "Annual_Revenue", "Tag"}]
        seen.append((told(outcomes), known(org, "Accounts", *names)[odd]))
        assert bool(org.calls("PUT /crm/v8/Accounts")) == ("Nothing" not in fields or not least)
        assert len(org.calls(WRITE)) == (1 if least else 0)
    assert seen[0] == seen[1]


async def test_a_field_that_an_item_does_not_name_is_left_alone(make_org: World) -> None:
    org = make_org(rows={"Accounts": 2})
    before = known(org, "Accounts", "Phone", "Website")
    first, second = before
    items = [WriteItem({"Phone": "5"}, id=first), WriteItem({"Website": "https://e.example"}, id=second)]
    await org.connect(bulk_write_from=1).write(WriteRequest("Accounts", "update", items))
    assert org.calls("PUT") == []
    assert known(org, "Accounts", "Phone", "Website") == {
        first: ("5", before[first][1]),
        second: (before[second][0], "https://e.example"),
    }


async def test_two_items_of_one_record_are_written_in_their_order(make_org: World) -> None:
    org = make_org(rows={"Accounts": 2})
    first, second = org.truth("Accounts")
    items = [
        WriteItem({"Phone": "1"}, id=first),
        WriteItem({"Phone": None}, id=second),
        WriteItem({"Phone": "2"}, id=first),
        WriteItem({"Phone": "3"}, id=second),  # never by the job: it would come before the one that clears
    ]
    outcomes = await org.connect(bulk_write_from=1).write(WriteRequest("Accounts", "update", items))
    assert {one.status for one in outcomes} == {"updated"}
    assert set(known(org, "Accounts", "Phone").values()) == {("2",), ("3",)}
    keys = [WriteItem({"Phone": phone}, key=key) for phone, key in (("4", "New"), ("5", "NEW"))]
    outcomes = await org.connect(bulk_write_from=1).write(
        WriteRequest("Accounts", "upsert", keys, match=NAME)
    )
    assert [one.status for one in outcomes] == ["created", "updated"]
    assert known(org, "Accounts", "Phone")[str(outcomes[0].id)] == ("5",)


async def test_more_rows_than_a_job_takes_go_by_several(
    make_org: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmhub_zoho.bulk.write_rows.BULK_WRITE_ROWS", 40)
    org = make_org()
    outcomes = await org.connect(bulk_write_from=10).write(creating(accounts(95)))
    truth = known(org, "Accounts", NAME)
    assert [truth[str(one.id)] for one in outcomes] == [(f"Account {at}",) for at in range(95)]
    assert (len(org.calls(WRITE)), org.calls("POST /crm/v8/Accounts")) == (3, [])


async def test_rows_of_more_bytes_than_a_file_may_have_go_by_several(
    make_org: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmhub_zoho.bulk.write_rows.MOST_BYTES", 10_000)
    org = make_org()
    outcomes = await org.connect(bulk_write_from=2).write(creating(accounts(10, Description="y" * 2_000)))
    assert {one.status for one in outcomes} == {"created"}
    assert len(org.calls(WRITE)) == 4 - 1
    assert len(org.calls("POST /crm/v8/Accounts")) == 1


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", TIERS)
async def test_a_start_whose_reply_is_lost_is_unknown_and_made_by_nobody_again(
    make_org: World, tier: str
) -> None:
    org = make_org(faults=("lost@POST /bulk/v8/write:1x",))
    with routed(tier=tier):
        outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"unknown"}
    assert (len(org.calls(WRITE)), org.calls("POST /crm/v8/Accounts")) == (1, [])
    org.clock.advance(60)
    assert len(known(org, "Accounts")) == 3  # the job goes on by itself


async def test_what_follows_an_unknown_item_of_the_same_record_is_not_sent(make_org: World) -> None:
    org = make_org(rows={"Accounts": 2}, faults=("lost@POST /bulk/v8/write:1x",))
    first, second = org.truth("Accounts")
    items = [
        WriteItem({"Phone": "1"}, id=first),
        WriteItem({"Phone": "2"}, id=first),
        WriteItem({"Phone": None}, id=second),
    ]
    outcomes = await org.connect(bulk_write_from=1).write(WriteRequest("Accounts", "update", items))
    assert [one.status for one in outcomes] == ["unknown", "rejected", "updated"]
    assert outcomes[1].problem is not None
    assert outcomes[1].problem.code == NOT_SENT


@pytest.mark.parametrize(
    "fault",
    ["lost@POST /v8/upload", "500@POST /v8/upload", "html@POST /v8/upload", "empty@POST /v8/upload",
     "truncated@POST /v8/upload", "403@POST /bulk/v8/write", "404@POST /v8/upload", "403@GET /v8/org"],
)  # fmt: skip
async def test_a_job_that_could_not_be_started_is_written_by_batches(make_org: World, fault: str) -> None:
    org = make_org()
    connector = org.connect(bulk_write_from=1)
    await connector.describe("Accounts")
    org.double.faults.replace((fault,))
    outcomes = await connector.write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}
    (refused,) = (event for event in org.heard if event.name == "bulk_write.refused")
    assert refused.detail["records"] == 3
    org.clock.advance(60)
    assert len(known(org, "Accounts")) == 3


@pytest.mark.parametrize("fault", ["500@", "cut@", "lost@", "html@", "truncated@", "empty@"])
async def test_a_job_that_may_have_been_started_is_unknown_whatever_the_answer(
    make_org: World, fault: str
) -> None:
    org = make_org(faults=(f"{fault}POST /bulk/v8/write",))
    outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"unknown"}
    assert (len(org.calls(WRITE)), org.calls("POST /crm/v8/Accounts")) == (1, [])


async def test_refused_credentials_stop_the_write(make_org: World) -> None:
    org = make_org()
    connector = org.connect(bulk_write_from=1)
    await connector.describe("Accounts")
    org.double.faults.replace(("401@/v8/upload",))
    with pytest.raises(AuthError):
        await connector.write(creating(accounts(3)))
    assert known(org, "Accounts") == {}


@pytest.mark.parametrize("tier", TIERS)
async def test_a_job_that_failed_wrote_nothing_and_may_be_sent_again(make_org: World, tier: str) -> None:
    org = make_org(faults=("job_failure@/write:1x",))
    connector = org.connect(bulk_write_from=1)
    with routed(tier=tier):
        outcomes = await connector.write(creating(accounts(3)))
        assert told(outcomes) == [("rejected", ("FAILED", None, False))] * 3
        assert known(org, "Accounts") == {}
        outcomes = await connector.write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}


@pytest.mark.parametrize("tier", TIERS)
async def test_a_job_is_waited_for_through_failures(make_org: World, tier: str) -> None:
    org = make_org(settings={"bulk_delay": "600"}, faults=("500@GET /bulk/v8/write/:7x",))
    with routed(tier=tier):
        outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}
    assert 600 <= org.clock.monotonic() < 900
    assert len(org.calls("GET /crm/bulk/v8/write/")) < 60


async def test_a_job_without_an_end_is_unknown(make_org: World) -> None:
    org = make_org(settings={"bulk_delay": "1000000"})
    outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"unknown"}
    assert outcomes[0].problem is not None
    assert "not done after 3600 seconds" in outcomes[0].problem.message


@pytest.mark.parametrize(
    "fault", ["404@GET /bulk-write/", "truncated@GET /bulk-write/", "empty@GET /bulk-write/"]
)
@pytest.mark.parametrize("tier", TIERS)
async def test_a_result_that_is_gone_leaves_the_rows_unknown(make_org: World, fault: str, tier: str) -> None:
    org = make_org(faults=(fault,))
    with routed(tier=tier):
        outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"unknown"}
    assert len(known(org, "Accounts")) == 3
    assert len(org.calls(WRITE)) == 1


@pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="no SDK")
async def test_what_the_sdk_began_rest_ends(make_org: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmhub_zoho.tiers.sdk import library_bulk

    def killed(job: str) -> Native:
        raise RuntimeError(job)

    org = make_org()
    monkeypatch.setattr(library_bulk, "write_job", killed)
    with routed("bulk"):
        outcomes = await org.connect(bulk_write_from=1).write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}
    assert (len(org.calls(WRITE)), by(org)) == (1, [("bulk_write", "sdk")])


async def test_rows_go_to_the_data_centres_own_hosts_and_nowhere_else(make_org: World) -> None:
    org = make_org(base_url="https://www.zohoapis.eu")
    connector = org.connect(bulk_write_from=1, api_url=None, region="eu")
    outcomes = await connector.write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}
    assert set(org.hosts) == {"accounts.zoho.eu", "www.zohoapis.eu", "content.zohoapis.eu"}
    calls = RestBulkWrite(org.clients[0], "v8", None)
    sink = Gathered(1_000)
    evil = [
        "https://evil.test/a.zip", "https://zoho.eu.evil.test/a.zip", "http://www.zohoapis.eu/a.zip",
        "https://content.zohoapis.com/a.zip", "https://download-accl.zoho.eu:8443/a.zip",
    ]  # fmt: skip
    for place in evil:
        with pytest.raises(BadRequest, match="refused to send credentials"):
            await calls.write_result(place, sink)
    for place in ("", "a.zip", "//evil.test/a.zip", "https://[", "https://evil.test"):
        with pytest.raises((BadResponse, BadRequest)):
            await calls.write_result(place, sink)
    assert set(org.hosts) == {"accounts.zoho.eu", "www.zohoapis.eu", "content.zohoapis.eu"}


async def test_where_the_host_for_files_is_not_known_batches_write(make_org: World) -> None:
    org = make_org(base_url="https://www.zohoapis.uk")
    connector = org.connect(bulk_write_from=1, api_url=None, region="uk")
    outcomes = await connector.write(creating(accounts(3)))
    assert {one.status for one in outcomes} == {"created"}
    assert org.calls("upload") == []


def test_each_data_centre_has_its_host_for_uploads() -> None:
    keys = {"client_id": "a", "client_secret": "b", "refresh_token": "c"}
    hosts = {
        region: ZohoConfig.model_validate({**keys, "region": region}).uploads_base
        for region in ("us", "au", "ca", "sa", "uk")
    }
    assert hosts == {
        "us": "https://content.zohoapis.com",
        "au": "https://content.zohoapis.com.au",
        "ca": "https://upload.zohocloud.ca",
        "sa": "https://files.zoho.sa",
        "uk": None,
    }
