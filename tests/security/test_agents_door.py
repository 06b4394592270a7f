"""Who is let in to the MCP server, and what reaches those who are not.

Numbers are those of the threats in docs/agents.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from crmhub.agent.policy.language import Agents
from crmhub.agent.policy.serving import Serving
from tests.agents import agents_of
from tests.integration.agent.serving import Served, client_of, served

pytestmark = pytest.mark.anyio

MODERN = {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
}
META: dict[str, object] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # uvicorn has no trio


async def ask(
    server: Served, headers: dict[str, str], body: Mapping[str, object] | None = None, *, url: str = ""
) -> httpx2.Response:
    message: dict[str, object] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/list",
        "params": {"_meta": META},
        **(body or {}),
    }
    async with httpx2.AsyncClient() as http:
        return await http.post(url or server.url, json=message, headers={**MODERN, **headers})


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def rows(server: Served) -> Sequence[dict[str, object]]:
    """What is in the audit."""
    store = await server.hub.store()
    await store.audit.flush_rest()
    return [json.loads(entry.body) async for entry in store.audit.entries()]


async def test_threat_1_without_a_good_token_nobody_is_let_in(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        tokens = (await server.hub.store()).agent_tokens
        ended = (await tokens.create("ended", "bot", timedelta(seconds=0))).get_secret_value()
        revoked = (await tokens.create("revoked", "bot", None)).get_secret_value()
        await tokens.revoke("revoked")
        for wrong in (
            {},
            {"authorization": "Basic Ym90"},
            bearing("crmhub_wrong"),
            bearing(ended),
            bearing(revoked),
        ):
            reply = await ask(server, wrong)
            assert reply.status_code == 401
            assert reply.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert (await ask(server, {}, url=f"{server.url}?access_token={server.token}")).status_code == 401
        assert (await ask(server, bearing(server.token))).status_code == 200


async def test_threat_22_those_who_were_turned_away_are_in_the_audit(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        await ask(server, bearing("crmhub_canary"))
        await ask(server, bearing(server.token), {"method": "no/such"})
        await ask(server, {**bearing(server.token), "mcp-method": "no/such"}, {"method": "no/such"})
        await ask(server, bearing(server.token))
        found = await rows(server)
    calls = [row for row in found if row["kind"] == "call.intent"]
    outcomes = {row["id"]: row["code"] for row in found if row["kind"] == "call.outcome"}
    assert [outcomes[row["id"]] for row in calls] == ["unauthenticated", "http_400", "protocol_-32601", "ok"]
    assert [row["decision"] for row in calls] == ["refused", "refused", "allowed", "allowed"]
    assert len(outcomes) == len(calls)
    assert "canary" not in json.dumps(found)


async def test_threat_4_a_tool_of_another_agent_is_refused_as_one_that_nobody_has(tmp_path: Path) -> None:
    both = agents_of().model_dump(mode="json")
    both["agents"]["other"] = {"policy": "less"}
    both["policies"]["less"] = both["policies"]["p"] | {"tools": ["get_person"]}
    async with served(tmp_path, Agents.model_validate(both)) as server:
        store = await server.hub.store()
        token = (await store.agent_tokens.create("o", "other", None)).get_secret_value()
        for era in ("legacy", "2026-07-28"):
            async with client_of(server, token=token, era=era) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == ["get_person"]
                hidden = await client.call_tool("sum_deals", {})
                unknown = await client.call_tool("tum_deals", {})
            assert hidden.structured_content == unknown.structured_content
            assert hidden.content == unknown.content


async def test_threat_18_another_name_or_page_is_turned_away(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        good = bearing(server.token)
        assert (await ask(server, {**good, "host": "evil.example"})).status_code == 421
        assert (await ask(server, {**good, "origin": "https://evil.example"})).status_code == 403
        named = agents_of().model_copy(update={"serving": Serving(hosts=["crm.example.com"])})
    (tmp_path / "second").mkdir()
    async with served(tmp_path / "second", named) as server:
        good = bearing(server.token)
        assert (await ask(server, {**good, "host": "crm.example.com"})).status_code == 200


async def test_threat_25_what_the_headers_say_must_be_what_the_body_says(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        good = bearing(server.token)
        params: dict[str, object] = {"name": "sum_deals", "arguments": {}, "_meta": META}
        call: dict[str, object] = {"method": "tools/call", "params": params}
        named = {**good, "mcp-method": "tools/call", "mcp-name": "sum_deals"}
        assert (await ask(server, named, call)).status_code == 200
        assert (await ask(server, {**named, "mcp-name": "get_person"}, call)).status_code == 400
        assert (await ask(server, {**named, "mcp-method": "tools/list"}, call)).status_code == 400


async def test_threat_26_lists_are_never_to_be_shared(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        reply = await ask(server, bearing(server.token))
    text = reply.text.partition("data: ")[2] or reply.text
    assert json.loads(text)["result"]["cacheScope"] == "private"


async def test_threat_29_only_two_addresses_answer(tmp_path: Path) -> None:
    async with served(tmp_path) as server, httpx2.AsyncClient() as http:
        for path in ("/", "/docs", "/mcp/", "/messages", "/sse", "/.well-known/oauth-authorization-server"):
            assert (await http.get(f"{server.root}{path}", headers=bearing(server.token))).status_code in {
                404,
                307,
            }
        health = await http.get(f"{server.root}/health")
    assert health.text == '{"status":"ok"}'
    assert "server" not in health.headers


async def test_a_token_is_kept_as_a_hash_and_shown_in_no_list(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        tokens = (await server.hub.store()).agent_tokens
        (known,) = await tokens.all()
        assert server.token not in repr(known)
        found = await tokens.find(server.token)
        assert found is not None
        assert (found.agent, await tokens.find(server.token + "x")) == ("bot", None)
