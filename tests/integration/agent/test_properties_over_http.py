"""What users of servers of such tools rely on where HTTP is between, for all inputs: our client of a
Salesforce server, and our own server.

The numbers are those in test_properties.py.
"""

from __future__ import annotations

import socket
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from crmhub.agent.serving.running import bound, http_serving
from crmhub.connector import Value
from crmhub.errors import BadRequest, ConfigError
from crmhub.testing.simulator.serve import running
from crmhub_salesforce import Connector
from crmhub_salesforce.tiers.settings import McpSettings
from tests.integration.agent.serving import Served, served
from tests.integration.agent.test_properties import ARGUMENTS, CALLS, OPERATIONS
from tests.integration.salesforce.conftest import Org, World

# ── 1, 3, 5, 6: a client of a Salesforce server ──────────────────────────────────────────────────


class Client:
    """Our client of a server on a socket, and what the server has seen of it."""

    def __init__(self, portal: BlockingPortal, org: Org, connector: Connector, doors: set[object]) -> None:
        self._portal = portal
        self._org = org
        self._connector = connector
        self.doors = doors
        """The connections that have come in, by their ports."""

    def __call__(self, operation: str, given: Mapping[str, Value]) -> int:
        return len(self._portal.call(self._connector.mcp.ask, operation, given))

    def forget(self) -> None:
        """End the session; the next call opens another one."""
        self._portal.call(self._connector.mcp.aclose)

    def seen(self) -> Counter[str]:
        """The messages that have come in."""
        return Counter(self._org.double.stats.calls)


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[Org, Connector, set[object]]]:
    org = World()(rows=6, settings={"mcp_names": "pack"})
    doors: set[object] = set()
    app = org.double.app

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        doors.add(tuple(scope["client"]))
        await app(scope, receive, send)

    org.double.app = watched
    with running(org.double) as state:
        mcp = {"url": state.credentials["mcp_url"], "token": state.credentials["mcp_token"]}
        connector = org.connect(tiers={"mcp": mcp})
        yield org, connector, doors
        await connector.aclose()
        for client in org.clients:
            await client.aclose()


@pytest.fixture(scope="module")
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def client(portal: BlockingPortal) -> Generator[Client]:
    with portal.wrap_async_context_manager(connected()) as (org, connector, doors):
        yield Client(portal, org, connector, doors)


def test_a_client_uses_http_alone_one_session_and_the_connections_that_it_has(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    client.forget()
    client("list_orgs", {})
    before, asked = client.seen(), 0

    @given(CALLS)
    def run(call: tuple[str, Mapping[str, Value]]) -> None:
        nonlocal asked
        client(*call)
        asked += 1

    run()
    messages = client.seen() - before
    assert messages.total() == asked >= 100
    assert all("tools/call" in message for message in messages)
    assert len(client.doors) <= asked // 10  # the library lets go of those that were idle for long


@given(CALLS)
def test_each_operation_is_asked_by_its_own_tool(
    client: Client, call: tuple[str, Mapping[str, Value]]
) -> None:
    before = client.seen()
    client(*call)
    assert list((client.seen() - before).elements()) == [f"POST /mcp tools/call {OPERATIONS[call[0]]}"]


WRONG = st.one_of(
    st.tuples(
        st.just("limit"), st.integers(max_value=0) | st.integers(2_001) | st.text(max_size=3) | st.booleans()
    ),
    st.tuples(st.just("account_name"), st.integers() | st.sampled_from(["", " ", "\t"]) | st.none()),
    st.tuples(st.text(max_size=12).map(lambda name: f"{name}!"), st.text(max_size=3)),
)


@given(
    st.sampled_from(["get_accounts", "get_opportunities", "get_contacts"]).flatmap(
        lambda name: st.tuples(st.just(name), ARGUMENTS[name])
    ),
    WRONG,
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    client: Client, call: tuple[str, Mapping[str, Value]], wrong: tuple[str, Value]
) -> None:
    before = client.seen()
    with pytest.raises(BadRequest, match=call[0]):
        client(call[0], {**call[1], wrong[0]: wrong[1]})
    assert client.seen() == before


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=30),
    st.lists(st.text(min_size=1), min_size=1),
)
def test_a_server_at_an_address_has_no_command_and_is_called_in_clear_text_on_this_machine_alone(
    host: str, command: list[str]
) -> None:
    with pytest.raises(ValidationError):
        McpSettings.model_validate({"url": f"https://{host}/mcp", "command": command})
    with pytest.raises(ValidationError):
        McpSettings.model_validate({"url": f"http://x{host}.example/mcp", "token": "secret"})


# ── 4: our server ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with portal.wrap_async_context_manager(served(tmp_path_factory.mktemp("served"))) as server:
        yield server


@pytest.fixture(scope="module")
def http(portal: BlockingPortal) -> Generator[httpx2.AsyncClient]:
    with portal.wrap_async_context_manager(httpx2.AsyncClient()) as http:
        yield http


@given(st.sampled_from(["127.0.0.1", "localhost"]), st.integers(1, 4), st.integers(1, 20))
def test_each_server_takes_a_port_of_its_own(
    portal: BlockingPortal, server: Served, host: str, servers: int, others: int
) -> None:
    async def take() -> None:
        ports: set[int | None] = set()
        async with AsyncExitStack() as stack:
            for _ in range(servers):
                serving = http_serving(server.hub, server.assembled, host=host, port=0)
                ports.add(httpx2.URL((await stack.enter_async_context(serving)).url).port)
            assert len(ports) == servers
            for port in ports:
                socket.create_connection((host, port or 0)).close()  # it takes connections already
                for _ in range(others):
                    with pytest.raises(ConfigError, match=f"cannot listen on .*:{port}.*--port"):
                        bound(host, port or 0)

    portal.call(take)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["accept", "authorization", "mcp-session-id", "mcp-protocol-version", "x-other", "cookie"]
    ),
    st.text("abcXYZ 0123/*=;.-", max_size=20).map(str.strip),
)


@given(HEADERS, st.text("abc=&%20", max_size=12))
def test_health_is_answered_whoever_asks(
    portal: BlockingPortal, server: Served, http: httpx2.AsyncClient, headers: dict[str, str], query: str
) -> None:
    async def look() -> tuple[int, object]:
        reply = await http.get(f"{server.root}/health?{query}", headers=headers)
        return reply.status_code, reply.json()

    assert portal.call(look) == (200, {"status": "ok"})
