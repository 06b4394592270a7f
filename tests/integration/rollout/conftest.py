"""Hubs on doubles of several CRMs, Rollout among them, mounted in process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from crmhub.config import Config, ConnectionSettings
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.native import Value
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row

HOST = "http://localhost"
SETTINGS: Mapping[str, tuple[Mapping[str, Value], tuple[str, ...]]] = {
    "zoho": ({"api_url": HOST, "accounts_url": HOST}, ("client_id", "client_secret", "refresh_token")),
    "salesforce": ({"instance_url": HOST, "login_url": HOST}, ("client_id", "client_secret")),
    "hubspot": ({"base_url": HOST}, ("client_id", "client_secret", "refresh_token")),
    "pipedrive": ({"base_url": HOST}, ("api_token",)),
    "rollout": (
        {"base_url": f"{HOST}/api"},
        ("client_id", "client_secret", "user_key", "credential_id"),
    ),
}


@dataclass(frozen=True)
class Office:
    """A hub, and the doubles that know the truth."""

    hub: Hub
    doubles: Mapping[str, Double]

    def rows(self, name: str, object: str) -> list[Row]:
        """All live records as the double holds them."""
        return [dict(row) for row in self.doubles[name].truth(object)]


@asynccontextmanager
async def office(
    *names: str, folder: Path, rows: int = 0, switches: Mapping[str, str] | None = None
) -> AsyncGenerator[Office]:
    """A hub with a connection to a double of each CRM; ``switches`` are those of Rollout's double."""
    given = {
        "hubspot": {"burst": "10000", "searches": "1000"},
        "pipedrive": {"burst": "off"},
        "rollout": {"rate_limit": "100000", **(switches or {})},
    }
    doubles = {
        name: make_double(name, Options(rows=rows, base_url=HOST, settings=given.get(name, {})))
        for name in names
    }
    connections: dict[str, ConnectionSettings] = {}
    for name, double in doubles.items():
        fixed, keys = SETTINGS[name]
        values = {**fixed, **{key: double.credentials[key] for key in keys}}
        connections[name] = ConnectionSettings(name, name, values)
    config = Config(connections, store=f"sqlite:///{folder / 'hub.db'}")
    transports = {name: asgi_transport(double.app) for name, double in doubles.items()}
    async with Hub(config, transports=transports) as hub:
        yield Office(hub, doubles)
