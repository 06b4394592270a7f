"""A hub on both doubles, mounted in process: what the tests of the unified API work on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from crmhub.clock import Clock
from crmhub.config import Config, ConnectionSettings
from crmhub.connection import Connection
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.native import Value
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row

KEYS = {"zoho": ("client_id", "client_secret", "refresh_token"), "salesforce": ("client_id", "client_secret")}
URLS = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}
NAMES = {"zoho": "Account_Name", "salesforce": "Name"}
TOUCHED = {
    "Modified_Time", "Modified_By", "Last_Activity_Time",
    "LastModifiedDate", "LastModifiedById", "SystemModstamp",
}  # fmt: skip
ACCOUNTS = {"zoho": "Accounts", "salesforce": "Account"}


@dataclass(frozen=True)
class Both:
    """A hub with a Zoho and a Salesforce, and the doubles that know the truth."""

    hub: Hub
    doubles: Mapping[str, Double]

    def connection(self, name: str) -> Connection:
        return self.hub[name]

    def contents(self, name: str) -> Mapping[str, Mapping[str, Row]]:
        """All live records as the double holds them, by object and id, less who changed them when."""
        double = self.doubles[name]
        return {
            object_: {
                str(row.get("id") or row.get("Id")): {key: row[key] for key in row if key not in TOUCHED}
                for row in double.truth(object_)
            }
            for object_ in double.objects()
        }

    def account_names(self, name: str) -> list[str]:
        """The names of all live accounts, as the double holds them."""
        return sorted(str(row[NAMES[name]]) for row in self.doubles[name].truth(ACCOUNTS[name]))


@asynccontextmanager
async def both(
    rows: int = 25, faults: Sequence[str] = (), *, clock: Clock | None = None, **zoho: Value
) -> AsyncGenerator[Both]:
    """``zoho`` are more settings of its connection, ``faults`` happen there; ``clock`` is that of all."""
    base = Options(
        rows=rows,
        base_url="http://localhost",
        now=None if clock is None else lambda: clock.now().timestamp(),
    )
    doubles = {
        name: make_double(name, replace(base, faults=tuple(faults if name == "zoho" else ())))
        for name in KEYS
    }
    more = {"zoho": zoho, "salesforce": {}}
    settings = {name: _settings(name, each, more[name]) for name, each in doubles.items()}
    config = Config(settings, "sqlite:///:memory:")
    transports = {name: asgi_transport(each.app) for name, each in doubles.items()}
    async with Hub(config, clock=clock, transports=transports) as hub:
        yield Both(hub, doubles)


def _settings(name: str, played: Double, more: Mapping[str, Value]) -> ConnectionSettings:
    values: dict[str, Value] = dict.fromkeys(URLS[name], "http://localhost")
    return ConnectionSettings(
        name, name, {**values, **{key: played.credentials[key] for key in KEYS[name]}, **more}
    )
