"""A CRM server that nobody here wrote: Tryton, by the connector of ``examples/tryton``."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from decimal import Decimal
from pathlib import Path

import pytest

from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Missing, Native, Outcome, ReadRequest, WriteItem, WriteRequest
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from tests.real.tryton import Tryton, running

pytestmark = pytest.mark.anyio
_HOME = os.environ.get("CRMHUB_REAL")
_ZOHO = ("client_id", "client_secret", "refresh_token")


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Generator[Tryton]:
    if _HOME is None:
        pytest.skip("make test-real runs it")
    with running(Path(_HOME), tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
def zoho() -> Double:
    return make_double("zoho", Options(rows=12, base_url="http://localhost"))


@pytest.fixture
async def hub(tryton: Tryton, zoho: Double, anyio_backend: str) -> AsyncGenerator[Hub]:
    known = {"base_url": tryton.url, "key": tryton.key, "database": tryton.database}
    theirs = {key: zoho.credentials[key] for key in _ZOHO}
    urls = dict.fromkeys(("api_url", "accounts_url"), "http://localhost")
    config = Config(
        {
            "tryton": ConnectionSettings("tryton", "tryton", known),
            "zoho": ConnectionSettings("zoho", "zoho", {**urls, **theirs}),
        },
        "sqlite:///:memory:",
    )
    async with Hub(config, transports={"zoho": asgi_transport(zoho.app)}) as hub:
        yield hub


async def _write(hub: Hub, object: str, operation: str, *items: WriteItem) -> list[Outcome]:
    async with hub["tryton"].in_use() as connector:
        return list(await connector.write(WriteRequest(object, operation, items)))  # pyright: ignore[reportArgumentType]


async def test_the_connection_may_do_what_it_needs(hub: Hub) -> None:
    async with hub["tryton"].in_use() as connector:
        checks = await connector.check()
    assert all(check.ok for check in checks), checks


async def test_what_is_written_is_what_the_server_holds(hub: Hub, tryton: Tryton) -> None:
    (party,) = await _write(hub, "parties", "create", WriteItem({"name": 'Zoë "Ångström" & Söhne'}))
    fields: Native = {
        "description": "Kitchen",
        "party": party.id,
        "amount": Decimal("1234.50"),
        "end_date": "2026-12-31",
    }
    (deal,) = await _write(hub, "opportunities", "create", WriteItem(fields))
    assert (party.status, deal.status) == ("created", "created")
    held = tryton.rest(
        "GET", f"sale.opportunity/{deal.id}", params={"f": ["description", "amount", "party", "end_date"]}
    )
    assert held["amount"] == {"__class__": "Decimal", "decimal": "1234.50"}
    assert held["party"] == int(party.id or 0)
    assert held["end_date"] == {"__class__": "date", "year": 2026, "month": 12, "day": 31}
    async with hub["tryton"].in_use() as connector:
        (read, gone) = await connector.get(
            "opportunities", [deal.id or "", "999999"], ["description", "amount", "end_date"]
        )
    assert isinstance(read, dict)
    assert (read["amount"], read["end_date"]) == (Decimal("1234.50"), "2026-12-31")
    assert isinstance(gone, Missing)


async def test_changes_come_from_the_checkpoint_on(hub: Hub, tryton: Tryton) -> None:
    request = ReadRequest("parties", ("name",))
    async with hub["tryton"].in_use() as connector:
        pages = [page async for page in connector.read(request)]
        made = tryton.rest("POST", "party.party", json={"name": "Made elsewhere"})
        later = ReadRequest("parties", ("name",), since=pages[-1].checkpoint)
        rows = [row async for page in connector.read(later) for row in page.upserts]
    assert str(made["id"]) in {str(row["id"]) for row in rows}


async def test_refusals_are_told_for_their_record(hub: Hub) -> None:
    outcomes = await _write(
        hub, "notes", "create", WriteItem({"message": "About nothing"}), WriteItem({"mesage": "x"})
    )
    assert [outcome.status for outcome in outcomes] == ["rejected", "rejected"]
    first, second = (outcome.problem for outcome in outcomes)
    assert first is not None
    assert first.field == "Resource"
    assert second is not None
    assert "did you mean message" in second.message
    (gone,) = await _write(hub, "parties", "delete", WriteItem(id="999999"))
    assert gone.status == "deleted"


async def test_a_sync_into_it_and_out_of_it(hub: Hub, tryton: Tryton, zoho: Double) -> None:
    report = await hub.sync("zoho", "tryton", models=("account", "deal"))
    assert report.letters == {}, report
    names = {str(row["Account_Name"]) for row in zoho.truth("Accounts")}
    parties = tryton.rest("GET", "party.party", params={"f": ["name"]})
    assert names <= {row["name"] for row in parties}
    wanted = {str(row["Deal_Name"]): row["Amount"] for row in zoho.truth("Deals")}
    deals = tryton.rest("GET", "sale.opportunity", params={"f": ["description", "amount"]})
    held = {row["description"]: row["amount"] for row in deals}
    for name, amount in wanted.items():
        assert amount is None or Decimal(held[name]["decimal"]) == Decimal(str(amount))
    again = await hub.sync("zoho", "tryton", models=("account", "deal"))
    assert again.models["account"].get("created", 0) == 0
    tryton.rest("POST", "party.party", json={"name": "Born in Tryton"})
    await hub.sync("tryton", "zoho", models=("account",))
    assert "Born in Tryton" in {str(row["Account_Name"]) for row in zoho.truth("Accounts")}
