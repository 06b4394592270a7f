"""Whatever a simulator seeds is read through its preset, its mapping and the models."""

from __future__ import annotations

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options

pytestmark = pytest.mark.anyio

KEYS = {
    "hubspot": {"access_token": "private_app_token"},
    "pipedrive": {"api_token": "api_token"},
    "gohighlevel": {"access_token": "private_integration_token", "location_id": "location_id"},
    "lofty": {"api_key": "api_key"},
    "rollout": {key: key for key in ("client_id", "client_secret", "user_key", "credential_id")},
}
TABLES = {
    "hubspot": {
        "accounts": ("companies",),
        "contacts": ("contacts",),
        "deals": ("deals",),
        "activities": ("tasks", "calls", "meetings", "notes"),
    },
    "pipedrive": {
        "accounts": ("organizations",),
        "contacts": ("persons",),
        "deals": ("deals",),
        "activities": ("activities", "notes"),
    },
    "gohighlevel": {
        "accounts": ("businesses",),
        "contacts": ("contacts",),
        "deals": ("opportunities",),
        "activities": ("tasks", "appointments", "notes"),
    },
    "lofty": {"contacts": ("Leads",), "deals": ("Transactions",)},
    "rollout": {
        "contacts": ("people",),
        "deals": ("deals",),
        "activities": ("tasks", "appointments", "calls", "notes"),
    },
}


@pytest.mark.parametrize("crm", KEYS)
async def test_every_seeded_record_is_read_as_its_model(crm: str) -> None:
    clock = ManualClock()
    told = Options(base_url="http://localhost", rows=6, now=lambda: clock.now().timestamp())
    double = make_double(crm, told)
    settings = {name: double.credentials[key] for name, key in KEYS[crm].items()}
    base = "http://localhost/api" if crm == "rollout" else "http://localhost"
    config = Config({}, store="sqlite:///:memory:")
    async with Hub(config, clock=clock, transports={crm: asgi_transport(double.app)}) as hub:
        connection = hub.add(crm, crm, base_url=base, **settings)
        views = {"accounts": connection.accounts, "contacts": connection.contacts, "deals": connection.deals}
        for model, tables in TABLES[crm].items():
            view = views.get(model, connection.activities)
            ids = [(record.object, record.id) async for record in view.list()]
            assert len(set(ids)) == len(ids) == sum(len([*double.truth(table)]) for table in tables), model
        assert [activity async for activity in connection.activities.list()]
