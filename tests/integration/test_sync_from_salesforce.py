"""The way back: from Salesforce into Zoho, both simulators mounted in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub.clock import Clock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import WriteItem, WriteRequest
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options

pytestmark = pytest.mark.anyio

KEYS = {"zoho": ("client_id", "client_secret", "refresh_token"), "salesforce": ("client_id", "client_secret")}
URLS = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}


def _settings(name: str, played: Double) -> ConnectionSettings:
    values = dict.fromkeys(URLS[name], "http://localhost")
    return ConnectionSettings(name, name, values | {key: played.credentials[key] for key in KEYS[name]})


async def test_calls_without_a_start_or_a_length_get_the_ones_zoho_demands(tmp_path: Path) -> None:
    doubles = {name: make_double(name, Options(base_url="http://localhost")) for name in KEYS}
    config = Config(
        {name: _settings(name, played) for name, played in doubles.items()},
        store=f"sqlite:///{tmp_path / 'back.db'}",
    )
    transports = {name: asgi_transport(played.app) for name, played in doubles.items()}
    clock = Clock()
    async with Hub(config, clock=clock, events=Events(clock), transports=transports) as hub:
        call = {"Subject": "Rang", "TaskSubtype": "Call", "CallType": "Inbound", "ActivityDate": "2026-03-01"}
        timed = {"Subject": "Talked", "TaskSubtype": "Call", "CallDurationInSeconds": 330}
        items = [WriteItem(dict(call)), WriteItem(dict(timed))]
        outcomes = await hub["salesforce"].connector.write(WriteRequest("Task", "create", items))
        assert [outcome.status for outcome in outcomes] == ["created", "created"]
        report = await hub.sync("salesforce", "zoho", models=("activity",))
    assert report.letters == {}
    assert report.models["activity"]["defaulted:starts_at"] == 2
    assert report.models["activity"]["defaulted:duration"] == 1
    lengths = {row["Subject"]: row["Call_Duration"] for row in doubles["zoho"].truth("Calls")}
    assert lengths == {"Rang": "00:00", "Talked": "05:30"}
