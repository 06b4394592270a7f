"""Threats 2 and 3: an agent's token goes to a CRM, or a secret of the server comes out to an agent."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final, cast

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmhub.agent.assembling import assemble
from crmhub.agent.gate import Reply
from crmhub.agent.packs import PACKS
from crmhub.agent.policy.language import Agents
from crmhub.agent.serving.server import listing_of
from crmhub.agent.tool import Tool, Toolbox
from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.events import Event
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.native import Value
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from tests.agents import BOT, ORIGIN, agents_of
from tests.integration.agent.serving import client_of, serving_of
from tests.integration.api_doubles import KEYS, URLS

pytestmark = pytest.mark.anyio

CANARY: Final = "canary-of-the-environment"
WHOLE: Final = {"fields": {"allow": ["*"]}}
MODELS: Final = dict.fromkeys(
    ("account", "contact", "deal", "activity", "user", "pipeline", "stage", "invoice", "project"), WHOLE
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # uvicorn has no trio


class Heard:
    """A CRM that notes all that it is sent, and repeats it in each refusal when it is told to refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: list[str] = []
        self.secrets: set[str] = set()
        self.refuses: tuple[str, int] | None = None
        """What, and with which status; 200 is an answer that cannot be read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): text.decode() for name, text in scope["headers"]}
        said = [f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {headers}"]
        self.secrets |= {headers["authorization"].partition(" ")[2]} if "authorization" in headers else set()

        async def listened() -> Message:
            message = await receive()
            said.append(cast("bytes", message.get("body", b"")).decode(errors="replace"))
            return message

        asked = "sign-in" if "/oauth" in scope["path"] else "records"
        if self.refuses is None or self.refuses[0] != asked:
            await self._app(scope, listened, send)
        else:
            while (await listened()).get("more_body"):
                pass
            words = f"{' '.join(said)} {' '.join(self.secrets)}"
            body = {"code": words, "message": words, "errorCode": words, "error": words, "status": "error"}
            await JSONResponse(body, self.refuses[1])(scope, receive, send)
        self.requests.append(" ".join(said))


def settings_of(name: str, double: Double, url: str, **more: Value) -> ConnectionSettings:
    keys = {key: double.credentials[key] for key in KEYS[name]}
    return ConnectionSettings(name, name, {**dict.fromkeys(URLS[name], url), **keys, **more})


# ── 2: the agent's own token ─────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
async def test_threat_2_an_agents_token_reaches_no_crm_by_any_way() -> None:
    double = make_double("zoho", Options(rows=3))
    heard = Heard(double.app)
    double.app = heard
    rules = {
        "tools": ["pack:zoho"],
        "connections": ["zoho"],
        "models": MODELS,
        "approval": {"default": "never"},
    }
    with running(double) as crm:
        mcp: Value = {"url": crm.credentials["mcp_url"], "token": crm.credentials["mcp_token"]}
        tiers: Value = {"context": "agent", "sdk": False, "mcp": mcp}
        config = Config({"zoho": settings_of("zoho", double, crm.url, tiers=tiers)}, "sqlite:///:memory:")
        async with (
            Hub(config) as hub,
            serving_of(hub, agents_of(**rules), PACKS) as server,
            client_of(server) as client,
        ):
            row = next(iter(double.truth("Accounts")))["id"]
            calls: list[tuple[str, dict[str, object]]] = [
                ("list_accounts", {"limit": 2}),
                ("get_account", {"account_id": f"account:zoho:{row}"}),
                ("create_account", {"values": {"name": "Acme"}}),
            ]
            for tool, given in calls:
                answer = await client.call_tool(tool, given)
                assert not answer.is_error, answer
            token = server.token
    everything = "\n".join(heard.requests)
    assert [path for path in ("/oauth/v2/token", "/crm/v8/", "/mcp") if path not in everything] == []
    assert token not in everything
    assert token.removeprefix("crmhub_") not in everything


# ── 3: the server's secrets ──────────────────────────────────────────────────────────────────────

GIVEN: Final[Mapping[str, object]] = {
    "query": "Ada", "model": "contact", "module": "Contacts", "note": "Hello", "subject": "Ring",
    "kind": "call", "starts_at": "2026-01-02T10:00:00Z", "stage": "Qualification", "handle": "ab12",
    "connection": "zoho",
    "crmType": "memory", "credentialKey": "env:CANARY", "job": "nightly", "search_term": "Ada",
    "soql_query": "SELECT Id, Name FROM Account", "values": {"name": "Acme"},
    "changes": [{"record": "account", "values": {"name": "Acme"}}],
}  # fmt: skip
FAILURES: Final = (
    None, *(("records", status) for status in (200, 400, 401, 403, 404, 429, 500)),
    ("sign-in", 200), ("sign-in", 500), ("sign-in", 400),  # after which no more is asked
)  # fmt: skip


def policy() -> Agents:
    return agents_of(
        tools=[f"pack:{pack.name}" for pack in PACKS],
        connections=["zoho", "salesforce"],
        models=MODELS,
        approval={"default": "never", "tools": {"configure_crm_connection": "never"}},
        connects={"west": {"connector": "memory", "credentials": "env:CANARY"}},
        limits={"calls_per_minute": 10_000, "writes_per_day": 10_000, "records_per_hour": 100_000},
    )


@asynccontextmanager
async def hub_of_crms() -> AsyncGenerator[tuple[Hub, Mapping[str, Heard], set[str], Mapping[str, str]]]:
    """A hub, its CRMs, the secrets that it has, and an id of each model."""
    doubles = {name: make_double(name, Options(rows=2, base_url="http://localhost")) for name in KEYS}
    crms = {name: Heard(double.app) for name, double in doubles.items()}
    settings = {name: settings_of(name, double, "http://localhost") for name, double in doubles.items()}
    secrets = {double.credentials[key] for name, double in doubles.items() for key in KEYS[name][1:]}
    zoho = doubles["zoho"]
    names = {"account": "Accounts", "contact": "Contacts", "deal": "Deals"}
    ids = {f"{each}_id": f"{each}:zoho:{next(iter(zoho.truth(names[each])))['id']}" for each in names}
    more = {"id": ids["contact_id"], "record_id": ids["contact_id"]}
    transports = {name: asgi_transport(crm) for name, crm in crms.items()}
    async with Hub(Config(settings, "sqlite:///:memory:"), transports=transports, clock=ManualClock()) as hub:
        yield hub, crms, secrets, {**ids, **more}


def arguments_of(tool: Tool, ids: Mapping[str, str]) -> dict[str, object]:
    known = cast("Mapping[str, object]", tool.input_schema["properties"])
    named = {*cast("list[str]", tool.input_schema.get("required", []))} | (known.keys() & {"query"})
    if tool.effect.writes:
        named |= known.keys() & {"connection"}
    return {name: ids.get(name) or GIVEN[name] for name in named}


async def test_threat_3_no_secret_comes_out_of_any_tool_however_its_crm_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CANARY", CANARY)
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    replies: list[Reply] = []
    toolbox = Toolbox(PACKS)
    async with hub_of_crms() as (hub, crms, secrets, ids):
        hub.events.subscribe(events.append)
        gate = (await assemble(hub, policy(), toolbox)).gate
        for failure in FAILURES:
            for crm in crms.values():
                crm.refuses = failure
            cast("ManualClock", hub.clock).advance(7_200)  # tokens have ended, and breakers are closed again
            replies += [
                await gate.call(BOT, tool.name, arguments_of(tool, ids), origin=ORIGIN)
                for tool in gate.tools(BOT)
            ]
        store = await hub.store()
        await store.audit.flush_rest()
        audit = [entry.body async for entry in store.audit.entries()]
    errors = [cast("Mapping[str, object]", each.structured.get("error", {})) for each in replies]
    codes = {str(error.get("code", "none")) for error in errors}
    assert codes >= {
        "none", "crm_sign_in", "crm_permission", "crm_rate_limited", "crm_unavailable", "crm_unreadable",
        "crm_refused", "not_found", "not_configured", "job_not_available", "approval_unknown",
    }  # fmt: skip
    assert "invalid_arguments" not in codes
    told = {
        "answers": str(replies),
        "log": "\n".join(record.getMessage() for record in caplog.records),
        "events": "\n".join(str(event) for event in events),
        "audit": "\n".join(audit),
        "tools/list": "\n".join(listing_of(tool).model_dump_json() for tool in toolbox.tools.values()),
    }
    secrets |= {CANARY, *(secret for crm in crms.values() for secret in crm.secrets)}
    assert len(secrets) > 6
    assert [where for where, text in told.items() for secret in secrets if secret in text] == []
