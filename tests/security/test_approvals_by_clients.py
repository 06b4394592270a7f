"""Threats 8, 9 and 11 with the official client: who is asked about a write that waits, and what that does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, cast

import httpx2
import pytest
from mcp.client import Client
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    InputRequiredResult,
    InputResponse,
)

from crmhub.agent.packs.writes import WRITES
from crmhub.agent.policy.language import Agents
from crmhub.models import Note
from tests.integration.agent.serving import Served, served
from tests.writing_agents import policies

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio alone."""
    return "asyncio"


NOTE = {"module": "Contacts", "record_id": "contact:north:p1", "note": "called back"}
Era = Literal["legacy", "2026-07-28"]
ERAS: list[Era] = ["legacy", "2026-07-28"]


class Person:
    """Who sits at the client, and what was asked of them."""

    def __init__(self, action: str = "accept", **content: object) -> None:
        self.asked: list[str] = []
        self._answer = ElicitResult(
            action=cast("Literal['accept']", action), content=cast("dict[str, Any]", content) or None
        )

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self._answer


@asynccontextmanager
async def client_of(
    server: Served, era: Era, person: Person | None, host: str = "trusted"
) -> AsyncGenerator[Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers))
        transport = streamable_http_client(server.url, http_client=http)
        info = Implementation(name=host, version="1")
        client = Client(transport, mode=era, client_info=info, elicitation_callback=person)
        yield await stack.enter_async_context(client)


def rules(**policy: object) -> Agents:
    return policies(approval={"elicitation": ["trusted"]}, **policy)


async def notes(server: Served) -> int:
    return len(await server.hub["north"].of(Note).list())


async def called(client: Client) -> dict[str, object]:
    return dict((await client.call_tool("create_crm_note", NOTE)).structured_content or {})


@pytest.mark.parametrize("era", ERAS)
async def test_a_trusted_clients_yes_writes_once_and_the_next_is_asked_again(
    tmp_path: Path, era: Era
) -> None:
    person = Person(allow=True)
    async with served(tmp_path, rules(), packs=[WRITES]) as server, client_of(server, era, person) as client:
        assert (await called(client))["status"] == "ok"
        assert (len(person.asked), await notes(server)) == (1, 1)
        assert 'body: "called back"' in person.asked[0]
        assert (await called(client))["status"] == "ok"
        assert (len(person.asked), await notes(server)) == (2, 2)
        store = await server.hub.store()
        (first, _) = await store.approvals.listed("used")
        assert (await store.audit.verify()).broken is None
    assert first.decision is not None
    assert first.decision.by == "elicitation:trusted"


@pytest.mark.parametrize("era", ERAS)
async def test_threat_11_a_client_that_declines_cannot_ask_or_is_not_trusted_writes_nothing(
    tmp_path: Path, era: Era
) -> None:
    async with served(tmp_path, rules(), packs=[WRITES]) as server:
        for person, host in (
            (Person("decline"), "trusted"),
            (Person("cancel"), "trusted"),
            (Person(allow=False), "trusted"),
            (Person(), "trusted"),
            (Person(allow="yes"), "trusted"),
            (Person(allow=True), "eager"),
            (None, "trusted"),
        ):
            async with client_of(server, era, person, host) as client:
                assert (await called(client))["status"] == "pending_approval"
            if person is not None:
                assert len(person.asked) == (1 if host == "trusted" else 0)
        assert await notes(server) == 0
        assert len(await (await server.hub.store()).approvals.listed("pending")) == 1


YES: dict[str, InputResponse] = {"approval": ElicitResult(action="accept", content={"allow": True})}


async def answered(client: Client, state: str | None) -> Mapping[str, object] | None:
    """What comes back to a call that brings a yes along."""
    result = await client.session.call_tool(
        "create_crm_note",
        cast("dict[str, Any]", NOTE),
        input_responses=YES,
        request_state=state,
        allow_input_required=True,
    )
    return getattr(result, "structured_content", None)


async def test_threat_8_an_answer_to_a_question_that_nobody_asked_writes_nothing(tmp_path: Path) -> None:
    person = Person("decline")
    async with (
        served(tmp_path, rules(), packs=[WRITES]) as server,
        client_of(server, "2026-07-28", person) as client,
    ):
        waiting = await called(client)
        guessed = f"{waiting['handle']}.{waiting['plan_hash']}.{'0' * 64}"
        for state in (None, "", "forged", guessed):
            assert await answered(client, state) in (None, waiting)
        assert await notes(server) == 0


async def test_threat_9_an_accepted_answer_that_is_sent_twice_writes_once(tmp_path: Path) -> None:
    person = Person("decline")
    async with (
        served(tmp_path, rules(), packs=[WRITES]) as server,
        client_of(server, "2026-07-28", person) as client,
    ):
        first = await client.session.call_tool("create_crm_note", NOTE, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        told = [await answered(client, first.request_state) for _ in range(3)]
        assert [each and each["status"] for each in told] == ["ok", "pending_approval", "pending_approval"]
        assert await notes(server) == 1
