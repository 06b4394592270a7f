"""The MCP endpoint of the Zoho double, as the official client and as bare HTTP see it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.simulator.double import ZohoDouble

mcp = pytest.importorskip("mcp", reason="the official client comes with crmhub-zoho[mcp]")
httpx2 = pytest.importorskip("httpx2")

from mcp import Client, MCPError  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from mcp.types import TextContent, Tool  # noqa: E402

pytestmark = [
    pytest.mark.anyio,
    # The client leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

Body = dict[str, object]
INITIALIZE: Body = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}
READ: Body = {"path_variables": {"module": "Accounts"}, "query_params": {"fields": "Account_Name"}}


@contextmanager
def served(*faults: str, rows: int = 3, **settings: str) -> Generator[tuple[ZohoDouble, str]]:
    """A double on a socket, and the address of its endpoint."""
    double = ZohoDouble(Options(rows=rows, settings=settings, faults=faults))
    with running(double) as state:
        yield double, f"{state.url}/mcp"


@asynccontextmanager
async def connected(double: ZohoDouble, url: str) -> AsyncGenerator[Client]:
    """The official client."""
    headers = {"Authorization": f"Bearer {double.mcp.token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as one,
    ):
        yield one


async def all_tools(client: Client) -> list[Tool]:
    """Every page of the list."""
    tools: list[Tool] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            return tools


def text_of(result: object) -> Body:
    """The JSON in a result's text."""
    content = cast("list[object]", getattr(result, "content"))  # noqa: B009
    assert isinstance(content[0], TextContent)
    return cast("Body", json.loads(content[0].text))


def new_account(name: str = "Acme") -> Body:
    return {"path_variables": {"module": "Accounts"}, "body": {"data": [{"Account_Name": name}]}}


class Raw:
    """Bare HTTP calls to the endpoint."""

    def __init__(self, double: ZohoDouble, url: str) -> None:
        self._url = url
        self.headers = {
            "authorization": f"Bearer {double.mcp.token}",
            "accept": "application/json, text/event-stream",
        }

    def __call__(self, method: str, params: Body | None = None, **headers: str) -> httpx.Response:
        message: Body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return self.send("POST", message, **headers)

    def send(self, verb: str, message: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(verb, self._url, json=message, headers=self.headers | named)


@pytest.mark.parametrize("reply", ["json", "sse"])
@pytest.mark.parametrize(("era", "version"), [("handshake", "2025-11-25"), ("modern", "2026-07-28")])
async def test_the_official_client_reads_in_both_eras_and_both_kinds_of_reply(
    era: str, version: str, reply: str
) -> None:
    with served(mcp_era=era, mcp_reply=reply) as (double, url):
        async with connected(double, url) as client:
            assert client.protocol_version == version
            names = [tool.name for tool in await all_tools(client)]
            result = await client.call_tool("ZohoCRM_getRecords", READ)
        assert {"ZohoCRM_getRecord", "ZohoCRM_createRecords", "ZohoCRM_createNotes"} <= set(names)
        assert len(names) == len(set(names))
        assert double.stats.calls["POST /mcp tools/list"] > 1
        shown = {row["id"] for row in cast("list[Body]", text_of(result)["data"])}
        assert shown == {row["id"] for row in double.truth("Accounts")}
        assert double.mcp.sessions == {}


async def test_plain_names_take_their_arguments_side_by_side() -> None:
    with served(mcp_names="plain") as (double, url):
        async with connected(double, url) as client:
            made = await client.call_tool("create_account", {"data": {"Account_Name": "Acme"}})
            item = cast("list[Body]", text_of(made)["data"])[0]
            record = str(cast("Body", item["details"])["id"])
            read = await client.call_tool("get_account", {"record_id": record})
            names = {tool.name for tool in await all_tools(client)}
    assert cast("list[Body]", text_of(read)["data"])[0]["Account_Name"] == "Acme"
    assert {"list_accounts", "search_contacts", "update_deal", "get_activities", "add_note"} <= names


async def test_a_tool_shows_the_record_that_the_api_shows_and_costs_credits() -> None:
    with served() as (double, url):
        record = str(next(double.truth("Deals"))["id"])
        header = {"Authorization": f"Zoho-oauthtoken {double.credentials['access_token']}"}
        async with httpx.AsyncClient(headers=header) as http:
            api = await http.get(f"{url.removesuffix('/mcp')}/crm/v8/Deals/{record}")
        spent = double.limits.used
        async with connected(double, url) as client:
            arguments = {"path_variables": {"module": "Deals", "recordID": record}}
            result = await client.call_tool("ZohoCRM_getRecord", arguments)
        assert text_of(result) == api.json()
        assert double.limits.used == spent + 1


@pytest.mark.parametrize("shape", ["text", "structured", "both", "wrapped", "message"])
async def test_results_come_in_the_shape_that_was_asked_for(shape: str) -> None:
    with served(mcp_result=shape) as (double, url):
        async with connected(double, url) as client:
            result = await client.call_tool("ZohoCRM_getRecords", READ)
    structured = cast("Body | None", result.structured_content)
    match shape:
        case "structured":
            assert result.content == []
            assert structured is not None
            assert "data" in structured
        case "both":
            assert structured == text_of(result)
        case "wrapped":
            assert "data" in cast("Body", text_of(result)["data"])
        case "message":
            assert list(text_of(result)) == ["message"]
        case _:
            assert structured is None
            assert "data" in text_of(result)


async def test_a_refusal_of_the_api_is_an_error_with_its_envelope() -> None:
    with served() as (double, url):
        async with connected(double, url) as client:
            result = await client.call_tool("ZohoCRM_getRecords", {"path_variables": {"module": "Nothing"}})
    assert result.is_error
    assert text_of(result)["code"] == "INVALID_MODULE"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"module": "Accounts"},
        {"path_variables": {"module": "Accounts", "recordID": "1"}},
        {"path_variables": {"module": "../org"}},
        {"path_variables": "Accounts"},
    ],
)
async def test_arguments_that_do_not_fit_are_refused(arguments: Body) -> None:
    with served() as (double, url):
        async with connected(double, url) as client:
            result = await client.call_tool("ZohoCRM_getRecords", arguments)
        assert result.is_error
        assert double.limits.used == 0


async def test_what_needs_approval_is_not_done() -> None:
    with served(mcp_approval="writes") as (double, url):
        async with connected(double, url) as client:
            wrote = await client.call_tool("ZohoCRM_createRecords", new_account("Unheard of"))
            read = await client.call_tool("ZohoCRM_getRecords", READ)
        assert wrote.is_error
        assert "requires approval" in cast("TextContent", wrote.content[0]).text
        assert not read.is_error
        assert "Unheard of" not in {row["Account_Name"] for row in double.truth("Accounts")}


async def test_a_tool_that_is_missing_is_neither_listed_nor_callable() -> None:
    with served(mcp_missing="ZohoCRM_createRecords, ZohoCRM_getRecord") as (double, url):
        async with connected(double, url) as client:
            names = {tool.name for tool in await all_tools(client)}
            with pytest.raises(MCPError) as refused:
                await client.call_tool("ZohoCRM_createRecords", new_account())
    assert "ZohoCRM_createRecords" not in names
    assert refused.value.code == -32602


@pytest.mark.parametrize("fault", ["truncated@/mcp:1x", "lost@/mcp:1x"])
async def test_a_reply_that_is_cut_leaves_the_record_behind(fault: str) -> None:
    with served(mcp_reply="sse", mcp_era="modern") as (double, url):
        with pytest.raises((MCPError, ExceptionGroup)):  # noqa: PT012 - a cut may end the whole client
            async with connected(double, url) as client:
                await all_tools(client)
                double.faults.replace([fault])
                await client.call_tool("ZohoCRM_createRecords", new_account("Cut off"))
        assert "Cut off" in {row["Account_Name"] for row in double.truth("Accounts")}


def test_a_call_without_the_token_is_challenged_and_the_token_may_stand_in_the_address() -> None:
    with served() as (double, url):
        raw = Raw(double, url)
        raw.headers["authorization"] = f"Bearer {double.credentials['access_token']}"
        refused = raw("initialize", INITIALIZE)
        del raw.headers["authorization"]
        keyed = Raw(double, f"{url}?key={double.mcp.token}")
        del keyed.headers["authorization"]
        assert raw("initialize", INITIALIZE).status_code == refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer ")
        assert keyed("initialize", INITIALIZE).status_code == 200


def test_a_session_is_needed_begins_with_the_handshake_and_can_be_ended() -> None:
    with served() as (double, url):
        raw = Raw(double, url)
        assert raw("tools/list").status_code == 400
        assert raw("tools/list", mcp_session_id="unknown").status_code == 404
        begun = raw("initialize", INITIALIZE)
        session = begun.headers["mcp-session-id"]
        assert begun.json()["result"]["protocolVersion"] == "2025-06-18"
        assert raw("tools/list", mcp_session_id=session).status_code == 400
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert raw.send("POST", ready, mcp_session_id=session).status_code == 202
        assert raw("tools/list", mcp_session_id=session).status_code == 200
        assert raw("tools/list", mcp_session_id=session, mcp_protocol_version="2025-03-26").status_code == 400
        assert raw.send("DELETE", mcp_session_id=session).status_code == 204
        assert raw("tools/list", mcp_session_id=session).status_code == 404
        assert raw.send("GET", mcp_session_id=session).status_code == 404


def test_the_stream_of_a_session_stays_open_until_the_session_ends() -> None:
    with served() as (double, url):
        raw = Raw(double, url)
        session = raw("initialize", INITIALIZE).headers["mcp-session-id"]
        headers = raw.headers | {"mcp-session-id": session}
        with httpx.stream("GET", url, headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            chunks = stream.iter_bytes()
            first = next(chunks)
            raw.send("DELETE", mcp_session_id=session)
            assert (first + b"".join(chunks)).startswith(b":")


def test_a_modern_call_says_the_same_in_headers_and_body() -> None:
    meta: Body = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    right = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/list"}
    with served() as (double, url):
        raw = Raw(double, url)
        good = raw("tools/list", {"_meta": meta}, **right).json()["result"]
        assert (good["resultType"], good["cacheScope"]) == ("complete", "private")
        for wrong in ({"mcp_method": "tools/call"}, {"mcp_protocol_version": "2025-06-18"}):
            answer = raw("tools/list", {"_meta": meta}, **right | wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)
        later: Body = {**meta, "io.modelcontextprotocol/protocolVersion": "2027-01-01"}
        answer = raw("tools/list", {"_meta": later}, **right | {"mcp_protocol_version": "2027-01-01"})
        assert answer.json()["error"]["code"] == -32022
        assert answer.json()["error"]["data"]["supported"] == ["2026-07-28"]


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ([], 400, -32600),
        ({"jsonrpc": "1.0", "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}, 400, -32602),
    ],
)
def test_messages_that_are_none_are_refused(message: object, status: int, code: int) -> None:
    with served() as (double, url):
        answer = Raw(double, url).send("POST", message)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_client_accepts_both_kinds_of_reply_or_none() -> None:
    with served() as (double, url):
        assert Raw(double, url)("initialize", INITIALIZE, accept="application/json").status_code == 406


@pytest.mark.parametrize(
    "wrong", [{"mcp_era": "stone"}, {"mcp_page": "0"}, {"mcp_approval": "some"}, {"mcp_result": "xml"}]
)
def test_a_switch_that_does_not_exist_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(wrong))):
        ZohoDouble(Options(settings=wrong))


@pytest.mark.parametrize("address", ["?key={}", "/message?key={}", "/{}/message"])
async def test_the_token_stands_in_the_address_as_zoho_writes_it(address: str) -> None:
    double = ZohoDouble(Options(rows=1))
    with running(double) as state:
        async with Client(f"{state.url}/mcp{address.format(double.mcp.token)}") as client:
            assert (await all_tools(client))[0].name == "ZohoCRM_getRecords"
        async with httpx.AsyncClient() as stranger:
            wrong = await stranger.post(f"{state.url}/mcp{address.format('wrong')}", json={})
    assert wrong.status_code == 401
