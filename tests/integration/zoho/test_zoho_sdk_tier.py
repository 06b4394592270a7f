"""Zoho's own SDK as a tier, against the double: the same records, the same outcomes, no trace left behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from crmhub.connector import Missing, Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.errors import AuthError, ReauthRequired, Unavailable, Unsupported
from crmhub.http import asgi_transport
from crmhub.mapping.load import ConnectionMapping, find_mapping, load_mapping
from crmhub.mapping.values import plain
from crmhub.routing import routed
from crmhub_zoho.simulator.double import ZohoDouble

if TYPE_CHECKING:
    from crmhub_zoho import Connector
    from tests.integration.zoho.conftest import Org, World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the SDK is not installed"),
]

NAME = "Account_Name"
MODULES = ("Accounts", "Contacts", "Leads", "Deals", "Tasks", "Events", "Calls", "Notes")


def by(org: Org) -> list[tuple[object, object]]:
    """Which tier served which operation."""
    told = (event.detail for event in org.heard if event.name == "tier.served")
    return [(detail["operation"], detail["tier"]) for detail in told]


def meaning(value: Value) -> object:
    """A native value whose instants are in UTC."""
    if isinstance(value, dict):
        return {name: meaning(one) for name, one in value.items()}
    if isinstance(value, list):
        return [meaning(one) for one in value]
    if isinstance(value, str) and "T" in value:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
        return at.astimezone(UTC) if at.tzinfo else value
    return value


async def write(connector: Connector, module: str, operation: str, *items: WriteItem) -> Sequence[Outcome]:
    match = NAME if operation == "upsert" else None
    request = WriteRequest(module, operation, items, match)  # pyright: ignore[reportArgumentType]
    with routed(tier="sdk"):
        return await connector.write(request)


async def rows(
    connector: Connector, module: str, ids: Sequence[str], fields: Sequence[str], tier: str
) -> list[Native]:
    with routed(tier=tier):
        found = await connector.get(module, ids, fields)
    assert not any(isinstance(one, Missing) for one in found)
    return [one for one in found if not isinstance(one, Missing)]


def contents(folder: Path) -> list[str]:
    """What the files below say; the folders in it are closed to others."""
    assert all(one.stat().st_mode & 0o077 == 0 for one in folder.iterdir())
    return [file.read_text() for file in folder.rglob("*") if file.is_file()]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("module", MODULES)
async def test_a_record_is_the_same_by_either_tier(make_org: World, module: str) -> None:
    """All its native values, and byte for byte what the mapping makes of them."""
    org = make_org(rows=12)
    connector = org.connect()
    ids = list(org.truth(module))
    fields = [name for name in (await connector.describe(module)).fields if name != "id"]
    by_rest = await rows(connector, module, ids, fields, "rest")
    by_sdk = await rows(connector, module, ids, fields, "sdk")
    assert len(by_sdk) == len(ids) > 0
    assert list(map(meaning, by_sdk)) == list(map(meaning, by_rest))
    mappings = ConnectionMapping(load_mapping(find_mapping("zoho", None, {})))
    for native_rest, native_sdk in zip(by_rest, by_sdk, strict=True):
        map_ = mappings.of_record(module, native_rest)
        assert map_ is not None
        canonical = [
            {path: plain(value) for path, value in map_.read(row).items()}
            for row in (native_rest, native_sdk)
        ]
        assert canonical[0] == canonical[1]
        assert canonical[0]
    assert by(org) == [("get", "rest"), ("get", "sdk")]


async def test_a_list_is_the_same_by_either_tier_past_its_first_page(make_org: World) -> None:
    org = make_org(rows={"Contacts": 230})
    connector = org.connect()
    found: dict[str, list[object]] = {}
    for tier in ("rest", "sdk"):
        with routed(tier=tier):
            served = await connector.newest("Contacts", ["Last_Name", "Email", "Account_Name"], 2_000)
        assert served.tier == tier
        found[tier] = [meaning(row) for row in served.value]
    assert len(found["sdk"]) == 230
    assert found["sdk"] == found["rest"]


async def test_bulk_work_on_records_by_id_goes_by_the_sdk_in_batches_of_a_hundred(make_org: World) -> None:
    org = make_org(rows={"Accounts": 250})
    connector = org.connect()
    ids = list(org.truth("Accounts"))
    with routed("interactive"):  # 250 records: counted as bulk
        found = await connector.get("Accounts", [*ids, "554023000000999999"], [NAME])
    assert [row.get("id") for row in found if not isinstance(row, Missing)] == ids
    assert found[-1] == Missing("554023000000999999")
    assert by(org) == [("get", "sdk")]
    assert len(org.calls("GET /crm/v8/Accounts")) == 3


async def test_a_search_finds_the_same_by_either_tier(make_org: World) -> None:
    org = make_org(rows=20)
    connector = org.connect()
    await write(connector, "Accounts", "create", WriteItem({NAME: "Zebra Crossing"}))
    org.clock.advance(60)
    found: list[list[object]] = []
    for tier in ("rest", "sdk"):
        with routed(tier=tier):
            pages = [page async for page in connector.search("Accounts", "Zebra", [NAME], 5)]
        found.append([meaning(row) for page in pages for row in page.upserts])
    assert found[0] == found[1] != []


# ── writing ──────────────────────────────────────────────────────────────────────────────────────

VALUES: Native = {
    NAME: "Every kind",
    "Annual_Revenue": Decimal("12345678901.23"),
    "Employees": 7,
    "Industry": "Large Enterprise",
    "Website": "https://example.com",
    "Description": "two\nlines, an ümlaut and a 'quote'",
    "Phone": None,
}


async def test_what_the_sdk_writes_is_what_rest_writes(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    made = [WriteItem(VALUES), WriteItem(VALUES | {NAME: "Another"})]
    by_sdk = await write(connector, "Accounts", "create", made[0])
    with routed(tier="rest"):
        by_rest = await connector.write(WriteRequest("Accounts", "create", [made[1]]))
    ids = [str(one.id) for one in (*by_sdk, *by_rest)]
    first, second = await rows(connector, "Accounts", ids, list(VALUES), "rest")
    assert {name: first[name] for name in VALUES} == VALUES
    assert {name: second[name] for name in VALUES if name != NAME} == {
        name: first[name] for name in VALUES if name != NAME
    }
    assert by_sdk[0].status == by_rest[0].status == "created"


async def test_links_dates_and_choices_of_all_kinds_are_written(make_org: World) -> None:
    org = make_org(rows=2)
    connector = org.connect()
    account, contact = next(iter(org.truth("Accounts"))), next(iter(org.truth("Contacts")))
    deal: Native = {
        "Deal_Name": "By the SDK",
        "Stage": "Qualification",
        "Amount": Decimal("0.1"),
        "Closing_Date": "2026-03-31",
        "Account_Name": account,
        "Contact_Name": {"id": contact},
    }
    event: Native = {
        "Event_Title": "Meeting",
        "Start_DateTime": "2026-03-01T09:00:00Z",
        "End_DateTime": "2026-03-01T12:30:00+02:00",
        "What_Id": {"id": account},
        "$se_module": "Accounts",
    }
    (made,) = await write(connector, "Deals", "create", WriteItem(deal))
    (met,) = await write(connector, "Events", "create", WriteItem(event))
    assert (made.problem, met.problem) == (None, None)
    (row,) = await rows(connector, "Deals", [str(made.id)], list(deal), "rest")
    assert (row["Amount"], row["Closing_Date"], row["Stage"]) == (
        Decimal("0.1"),
        "2026-03-31",
        "Qualification",
    )
    assert [link["id"] for link in (row["Account_Name"], row["Contact_Name"]) if isinstance(link, dict)] == [
        account,
        contact,
    ]
    (row,) = await rows(connector, "Events", [str(met.id)], ["Start_DateTime", "What_Id"], "rest")
    assert meaning(row["Start_DateTime"]) == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert isinstance(row["What_Id"], dict)
    assert row["What_Id"]["id"] == account


async def test_records_are_updated_cleared_upserted_and_deleted(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await write(connector, "Accounts", "create", WriteItem(VALUES))
    changed = WriteItem({"Employees": 8, "Website": None}, id=made.id)
    (updated,) = await write(connector, "Accounts", "update", changed)
    assert (updated.status, updated.id) == ("updated", made.id)
    (row,) = await rows(connector, "Accounts", [str(made.id)], ["Employees", "Website", "Industry"], "rest")
    assert (row["Employees"], row["Website"], row["Industry"]) == (8, None, "Large Enterprise")
    upserted = await write(
        connector,
        "Accounts",
        "upsert",
        WriteItem({"Employees": 9}, key="Every kind"),
        WriteItem({"Employees": 1}, key="New one"),
    )
    assert [one.status for one in upserted] == ["updated", "created"]
    assert upserted[0].id == made.id
    gone = await write(
        connector, "Accounts", "delete", WriteItem(id=made.id), WriteItem(id="554023000000999999")
    )
    assert [one.status for one in gone] == ["deleted", "deleted"]
    assert list(org.truth("Accounts")) == [upserted[1].id]
    assert {tier for _, tier in by(org)} == {"sdk", "rest"}


async def test_one_bad_record_costs_one_and_the_others_are_done(make_org: World) -> None:
    org = make_org()
    items = [WriteItem({NAME: f"Number {place}"}) for place in range(150)]
    items[20] = WriteItem({NAME: "x" * 300})
    outcomes = await write(org.connect(), "Accounts", "create", *items)
    assert [place for place, one in enumerate(outcomes) if one.status != "created"] == [20]
    assert outcomes[20].problem is not None
    assert (outcomes[20].problem.code, outcomes[20].problem.field) == ("INVALID_DATA", NAME)
    assert len(org.truth("Accounts")) == 149
    assert len(org.calls("POST /crm/v8/Accounts")) == 2


async def test_a_create_whose_reply_is_lost_is_unknown_and_no_tier_sends_it_again(make_org: World) -> None:
    org = make_org(faults=("lost@POST /crm/v8/Accounts:1x",))
    connector = org.connect()
    with routed("bulk"):
        (outcome,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "Once"})]))
    assert outcome.status == "unknown"
    assert len(org.truth("Accounts")) == 1
    assert len(org.calls("POST /crm/v8/Accounts")) == 1
    _, sdk, rest = connector.tiers.figures()
    assert (by(org), sdk.failures, rest.calls) == ([], 1, 0)


# ── what the SDK cannot do is done by REST ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({NAME: "Wide", "Annual_Revenue": Decimal("1234567890123456.12")}, "created"),
        ({NAME: "Wrong", "Employees": "many"}, "rejected"),
    ],
    ids=["a number with more digits than a float", "a value of another type"],
)
async def test_values_that_the_sdk_refuses_by_itself_are_left_to_zohos_word(
    make_org: World, fields: Native, status: str
) -> None:
    org = make_org()
    connector = org.connect()
    items = [WriteItem({NAME: "Fine"}), WriteItem(fields)]
    with routed("bulk"):
        outcomes = await connector.write(WriteRequest("Accounts", "create", items))
    assert [one.status for one in outcomes] == ["created", status]
    assert by(org) == [("create", "rest")]


async def test_an_amount_that_a_float_would_change_is_read_by_rest(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    amount = Decimal("1234567890123456.12")
    item = WriteItem({NAME: "Wide", "Annual_Revenue": amount})
    (made,) = await connector.write(WriteRequest("Accounts", "create", [item]))
    with routed("bulk"):
        (row,) = await connector.get("Accounts", [str(made.id)], ["Annual_Revenue"])
    assert not isinstance(row, Missing)
    assert row["Annual_Revenue"] == amount
    assert by(org)[-1] == ("get", "rest")
    with routed(tier="sdk"), pytest.raises(Unsupported, match="more digits than the SDK can hold"):
        await connector.get("Accounts", [str(made.id)], ["Annual_Revenue"])


async def test_updates_on_condition_are_made_by_rest(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    ((one, (version, *_)),) = org.truth("Accounts").items()
    item = WriteItem({"Employees": 5}, id=one, if_version=str(version))
    with routed("bulk"):
        (outcome,) = await connector.write(WriteRequest("Accounts", "update", [item]))
    assert outcome.status == "updated"
    assert by(org) == [("update", "rest")]


# ── tokens, limits, faults ───────────────────────────────────────────────────────────────────────


async def test_the_sdk_never_asks_for_a_token_and_outlives_one(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    for _ in range(3):
        await rows(connector, "Accounts", [one], [NAME], "sdk")
    assert len(org.calls("/oauth/")) == 1
    org.clock.advance(3_700)
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    assert len(org.calls("/oauth/")) == 2


async def test_credentials_that_are_refused_are_not_tried_again_by_rest(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect(refresh_token="WRONG")
    with routed("bulk"), pytest.raises(AuthError):
        await connector.get("Accounts", ["554023000000999999"], [NAME])
    assert len(org.calls("/oauth/")) == 1


async def test_a_throttled_call_is_waited_for_and_does_not_hop(make_org: World) -> None:
    org = make_org(rows=1, faults=("429@GET /crm/v8/Accounts:2x",))
    (one,) = org.truth("Accounts")
    await rows(org.connect(), "Accounts", [one], [NAME], "sdk")
    assert by(org) == [("get", "sdk")]


@pytest.mark.parametrize("fault", ["html", "empty", "truncated", "500", "cut"])
async def test_replies_that_cannot_be_used_are_asked_for_again(make_org: World, fault: str) -> None:
    org = make_org(rows=1, faults=(f"{fault}@GET /crm/v8/Accounts:1x",))
    (one,) = org.truth("Accounts")
    await rows(org.connect(), "Accounts", [one], [NAME], "sdk")
    assert by(org) == [("get", "sdk")]


async def test_when_zoho_is_down_the_error_is_the_first_tiers_own(make_org: World) -> None:
    org = make_org(rows=1, faults=("500@GET /crm/v8/Accounts",))
    connector = org.connect()
    with routed("bulk"), pytest.raises(Unavailable):
        await connector.get("Accounts", ["554023000000999999"], [NAME])
    assert [figures.failures for figures in connector.tiers.figures()] == [0, 1, 1]


# ── several organisations, and what is left behind ───────────────────────────────────────────────


async def test_organisations_in_one_process_never_meet(make_org: World) -> None:
    orgs = [make_org(rows={"Accounts": 20 + place}) for place in range(3)]
    connectors = [org.connect() for org in orgs]
    ids = [list(org.truth("Accounts")) for org in orgs]
    for org, name in zip(orgs, "abc", strict=True):
        await org.change("Accounts", list(org.truth("Accounts")), Description=name)

    async def read(place: int) -> None:
        found = await rows(connectors[place], "Accounts", ids[place], ["Description"], "sdk")
        assert {str(row["Description"]) for row in found} == {"abc"[place]}

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            for place in range(3):
                tasks.start_soon(read, place)
    assert [len(org.calls("/oauth/")) for org in orgs] == [1, 1, 1]


async def test_a_call_can_be_cancelled_while_the_sdk_waits_for_zoho(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    waiting = anyio.Event()

    async def never() -> None:
        waiting.set()
        await anyio.sleep_forever()

    org.meanwhile = ("/Accounts", never)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rows, connector, "Accounts", [one], [NAME], "sdk")
        await waiting.wait()
        tasks.cancel_scope.cancel()
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    assert connector.tiers.figures()[1].failures == 0


async def test_fields_are_learnt_once_an_hour(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    await connector.describe("Accounts")
    before = len(org.calls("settings/fields"))
    for _ in range(3):
        await rows(connector, "Accounts", [one], [NAME], "sdk")
    learnt = len(org.calls("settings/fields")) - before
    assert learnt > 0
    org.clock.advance(1_800)
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    assert len(org.calls("settings/fields")) - before == learnt
    org.clock.advance(2_000)
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    assert len(org.calls("settings/fields")) - before == 2 * learnt


async def test_nothing_stays_behind(make_org: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No global state of the SDK, no thread's state, no files, and no token in them meanwhile."""
    from zohocrmsdk.src.com.zoho.crm.api.initializer import (  # pyright: ignore[reportMissingImports]
        Initializer,  # pyright: ignore[reportUnknownVariableType]
    )

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    token = await org.tokens.load("zoho")
    assert token is not None
    found = contents(tmp_path)
    assert found
    assert not any(token.access.get_secret_value() in text for text in found)
    await connector.aclose()
    assert contents(tmp_path) == []
    assert Initializer.get_initializer() is None  # pyright: ignore[reportUnknownMemberType]
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    await connector.aclose()


# ── a client of its own ──────────────────────────────────────────────────────────────────────────


def with_own_client(org: Org) -> tuple[Connector, str]:
    """A connection whose SDK has another refresh token, and that token."""
    assert isinstance(org.double, ZohoDouble)
    own = {name: org.double.credentials[name] for name in ("client_id", "client_secret")}
    token = org.double.accounts.grant(frozenset({"ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL"}))
    return org.connect(tiers={"sdk": {"credentials": {**own, "refresh_token": token}}}), token


async def revoke(org: Org, token: str) -> None:
    """What a person does in Zoho's account settings."""
    async with httpx.AsyncClient(transport=asgi_transport(org.double.app)) as client:
        reply = await client.post("http://localhost/oauth/v2/token/revoke", params={"token": token})
    assert reply.json() == {"status": "success"}


async def test_the_sdk_can_have_a_client_of_its_own_with_a_token_of_its_own(make_org: World) -> None:
    org = make_org(rows=3)
    connector, _ = with_own_client(org)
    ids = list(org.truth("Accounts"))
    by_rest = await rows(connector, "Accounts", ids, [NAME], "rest")
    assert await rows(connector, "Accounts", ids, [NAME], "sdk") == by_rest
    main, own = await org.tokens.load("zoho"), await org.tokens.load("zoho:sdk")
    assert main is not None
    assert own is not None
    assert main.access != own.access
    assert len(org.calls("/oauth/")) == 2


async def test_the_sdk_goes_on_where_the_connections_own_grant_is_taken_back(make_org: World) -> None:
    org = make_org(rows=1)
    connector, _ = with_own_client(org)
    (one,) = org.truth("Accounts")
    await rows(connector, "Accounts", [one], [NAME], "rest")
    await revoke(org, org.double.credentials["refresh_token"])
    with routed("background"):
        (row,) = await connector.get("Accounts", [one], [NAME])
    assert not isinstance(row, Missing)
    with routed("fallback"), pytest.raises(ReauthRequired):
        await connector.get("Accounts", [one], [NAME])


async def test_where_the_sdks_grant_is_taken_back_rest_goes_on(make_org: World) -> None:
    org = make_org(rows=1)
    connector, token = with_own_client(org)
    (one,) = org.truth("Accounts")
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    await revoke(org, token)
    with routed("background") as route:
        (row,) = await connector.get("Accounts", [one], [NAME])
    assert not isinstance(row, Missing)
    assert [(call.tier, call.why) for call in route.served] == [("rest", "background; sdk: ReauthRequired")]


async def test_with_one_client_refused_credentials_are_refused_to_both(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    await rows(connector, "Accounts", [one], [NAME], "sdk")
    await revoke(org, org.double.credentials["refresh_token"])
    before = len(org.calls())
    with routed("background"), pytest.raises(ReauthRequired):
        await connector.get("Accounts", [one], [NAME])
    assert len(org.calls()) - before == 1
