"""simple-salesforce as the connection hands it out: its own traps lead nowhere."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import anyio.to_thread
import pytest

from crmhub.connector import WriteItem, WriteRequest
from crmhub.errors import AuthError, BadRequest, NotFound, Unsupported

if TYPE_CHECKING:
    from simple_salesforce.api import SFType

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import World

pytestmark = pytest.mark.anyio

LEADING = [
    "https://evil.test/x",
    "//evil.test/x",
    "/services/data/v62.0/limits",
    "../../limits",
    "../Contact/003Hs0000000001",
    "001Hs0000000001/../../../limits",
    "001Hs0000000001?_HttpMethod=DELETE",
    "001Hs0000000001#x",
    "Ext__c/%2e%2e",
    "%2e%2e/%2e%2e/limits",
    "Ext__c/..%2f..%2flimits",
    "x\\y",
    "describe\x00",
]
CALLS: dict[str, Callable[[SFType, str], object]] = {
    "get": lambda accounts, text: accounts.get(text),
    "update": lambda accounts, text: accounts.update(text, {"Name": "x"}),
    "upsert": lambda accounts, text: accounts.upsert(text, {"Name": "x"}),
    "delete": lambda accounts, text: accounts.delete(text),
    "get_base64": lambda accounts, text: accounts.get_base64(text),
    "get_by_custom_id": lambda accounts, text: accounts.get_by_custom_id(text, "x"),
    "describe_layout": lambda accounts, text: accounts.describe_layout(text),
}


def accounts_of(connector: Connector) -> SFType:
    return cast("SFType", connector.native().Account)


@pytest.mark.parametrize("way", CALLS)
async def test_an_id_leads_to_its_record_or_nowhere(make_org: World, way: str) -> None:
    org = make_org({"Account": 1})
    accounts = accounts_of(org.connect())
    for text in LEADING:
        with pytest.raises(BadRequest):
            await anyio.to_thread.run_sync(CALLS[way], accounts, text)
    assert org.calls() == []


@pytest.mark.parametrize(
    "name", ["../limits", "Account/001Hs0000000001?", "https://evil.test", "Acc\r\nount"]
)
async def test_the_name_of_an_object_is_a_name(make_org: World, name: str) -> None:
    client = make_org().connect().native()
    with pytest.raises(BadRequest, match="API name"):
        getattr(client, name)


async def test_a_record_is_found_by_an_external_id_of_any_letters(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    keys = ["a b", "a+b", "50% é", "a&b=c", "a?b#c"]
    items = [WriteItem({"Name": key, "AnnualRevenue": Decimal("0.10")}, key=key) for key in keys]
    await connector.write(WriteRequest("Account", "upsert", items, match="External_Id__c"))
    accounts = accounts_of(connector)
    for key in keys:
        found = await anyio.to_thread.run_sync(accounts.get_by_custom_id, "External_Id__c", key)
        row = cast("dict[str, object]", found)
        assert (row["Name"], repr(row["AnnualRevenue"])) == (key, "Decimal('0.1')")
    with pytest.raises(BadRequest, match="slash"):
        await anyio.to_thread.run_sync(accounts.get_by_custom_id, "External_Id__c", "a/b")


async def test_what_is_about_all_records_of_an_object_works(make_org: World) -> None:
    org = make_org({"Account": 2})
    accounts = accounts_of(org.connect())
    since, now = org.clock.now().replace(year=2026, day=1), org.clock.now()
    for ask in (accounts.metadata, accounts.describe):
        assert await anyio.to_thread.run_sync(ask)
    for ask in (accounts.updated, accounts.deleted):
        with pytest.raises(BadRequest) as caught:  # the window is empty: the double was asked
            await anyio.to_thread.run_sync(ask, now, since)
        assert caught.value.code == "INVALID_REPLICATION_DATE"


async def test_a_session_that_stays_refused_is_renewed_once(make_org: World) -> None:
    org = make_org({"Account": 1})
    accounts = accounts_of(org.connect())
    org.double.faults.replace(["401@/sobjects/Account"])
    with pytest.raises(AuthError):
        await anyio.to_thread.run_sync(accounts.get, "001Hs0000000001")
    assert len(org.calls("/sobjects/Account")) == 2
    org.double.faults.replace([])
    with pytest.raises(NotFound):
        await anyio.to_thread.run_sync(accounts.get, "001Hs00000zzzzz")


async def test_parts_with_a_client_of_their_own_are_refused(make_org: World) -> None:
    client = make_org().connect().native()
    with pytest.raises(Unsupported, match="metadata"):
        _ = client.mdapi


@pytest.mark.parametrize("object", ["Account", "Contact", "Lead", "Opportunity", "Task", "Event", "User"])
async def test_it_reads_what_the_connector_reads_page_by_page(make_org: World, object: str) -> None:
    org = make_org(12, settings={"page_rows": "5"})
    connector = org.connect(page_size=5)
    fields = [*(await connector.describe(object)).fields]
    ours = {row["Id"]: row for page in await org.pages(connector, object, *fields) for row in page.upserts}
    query = f"SELECT {', '.join(fields)} FROM {object}"
    found = await anyio.to_thread.run_sync(lambda: list(connector.native().query_all_iter(query)))
    theirs = {row["Id"]: {name: row[name] for name in fields} for row in found}
    assert len(theirs) >= 5
    assert {id_: {name: row[name] for name in fields} for id_, row in ours.items()} == theirs
