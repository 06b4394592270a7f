"""Deals that Pipedrive says are won or lost, in CRMs whose stages say it; and back into Pipedrive."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from crmhub.config import load_config
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Deal, DealStatus, Ref
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),  # each sync's own tests run on both
]

URL = "http://localhost"
SETTINGS = {
    "pipedrive": ({"base_url": URL}, {"api_token": "api_token"}),
    "hubspot": ({"base_url": URL}, {"access_token": "private_app_token"}),
    "zoho": (
        {"api_url": URL, "accounts_url": URL},
        {key: key for key in ("client_id", "client_secret", "refresh_token")},
    ),
    "salesforce": (
        {"instance_url": URL, "login_url": URL},
        {key: key for key in ("client_id", "client_secret")},
    ),
}
CLOSED = {"Yes": DealStatus.WON, "No": DealStatus.LOST}


@asynccontextmanager
async def hub_of(folder: Path, *crms: str) -> AsyncGenerator[Hub]:
    """Empty CRMs. What Pipedrive fills in by itself is left out: amount, owner, probability."""
    doubles = {crm: make_double(crm, Options(base_url=URL, rows=0)) for crm in crms}
    connections: dict[str, dict[str, object]] = {}
    for crm, double in doubles.items():
        urls, keys = SETTINGS[crm]
        told = {name: double.credentials[key] for name, key in keys.items()}
        connections[crm] = {"connector": crm, **urls, **told}
        if isinstance(double, HubSpotDouble):  # as Pipedrive's first one
            double.portal.pipelines["deals"]["default"].label = "Pipeline"
    connections["pipedrive"]["mapping"] = {"deals": dict.fromkeys(("amount", "owner", "probability"))}
    config = folder / "crmhub.yaml"
    config.write_text(
        json.dumps({"store": "sqlite:///:memory:", "plain_secrets": True, "connections": connections})
    )
    transports = {crm: asgi_transport(double.app) for crm, double in doubles.items()}
    async with Hub(load_config(config), transports=transports) as hub:
        yield hub


async def statuses(hub: Hub, crm: str) -> dict[str | None, str]:
    return {deal.name: str(deal.status) async for deal in hub[crm].deals.list()}


async def stages(hub: Hub, crm: str) -> list[tuple[str, str]]:
    """Id and label of each."""
    directory = await hub[crm].directory("stage")
    assert directory is not None
    return [(id_, str(entry["label"])) for id_, entry in directory.entries.items()]


@pytest.mark.parametrize("crm", ["hubspot", "salesforce", "zoho"])
async def test_a_deal_that_is_won_in_pipedrive_is_won_there_and_the_other_way(
    tmp_path: Path, crm: str
) -> None:
    async with hub_of(tmp_path, "pipedrive", crm) as hub:
        for name, status in CLOSED.items():
            deal = Deal(name=name, status=status, expected_close=date(2026, 5, 1))
            await hub["pipedrive"].deals.create(deal)
        reports = [await hub.sync("pipedrive", crm, models=["deals"]) for _ in range(2)]
        assert [(report.writes, report.letters) for report in reports] == [(2, {}), (0, {})]
        assert await statuses(hub, crm) == CLOSED
        assert (await hub.sync(crm, "pipedrive", models=["deals"])).writes == 0
        assert await statuses(hub, "pipedrive") == CLOSED


@pytest.mark.parametrize("crm", ["hubspot", "salesforce", "zoho"])
async def test_a_deal_in_a_stage_that_means_won_is_won_in_pipedrive(tmp_path: Path, crm: str) -> None:
    async with hub_of(tmp_path, "pipedrive", crm) as hub:
        for name, status in CLOSED.items():
            stage = next(id_ for id_, label in await stages(hub, crm) if label == f"Closed {status.title()}")
            deal = Deal(name=name, stage=Ref(model="stage", id=stage), expected_close=date(2026, 5, 1))
            await hub[crm].deals.create(deal)
        reports = [await hub.sync(crm, "pipedrive", models=["deals"]) for _ in range(2)]
        assert [(report.writes, report.letters) for report in reports] == [(2, {}), (0, {})]
        assert await statuses(hub, "pipedrive") == CLOSED
        assert (await hub.sync("pipedrive", crm, models=["deals"])).writes == 0
        assert await statuses(hub, crm) == CLOSED
