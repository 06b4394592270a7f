"""A Salesforce org in memory, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.connector import (
    Checkpoint,
    Condition,
    Context,
    Native,
    Page,
    ReadRequest,
    WriteItem,
    WriteRequest,
)
from crmhub.events import Event, Events
from crmhub.http import HttpClient, HttpSettings, TokenStore, asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_salesforce import Connector, SalesforceConfig
from crmhub_salesforce.simulator import SalesforceDouble, create
from tests.integration.salesforce.other_server import Answer, OtherServer, Serve

BASE = "http://localhost:8081"


@dataclass
class Org:
    """One org (the double), one clock, and every HTTP call that was made."""

    double: SalesforceDouble
    clock: ManualClock
    events: Events
    heard: list[Event] = field(default_factory=list[Event])
    clients: list[HttpClient] = field(default_factory=list[HttpClient])
    instead: Callable[[Request, bytes], Response | None] | None = None
    """Looks at each call before the double does, and may answer it."""
    before: Callable[[Request], Awaitable[None]] | None = None
    """What happens in the org before each call but those that it makes itself."""
    forms: list[bytes] = field(default_factory=list[bytes])
    """Bodies of token requests."""

    def connect(self, *, tokens: TokenStore | None = None, **settings: object) -> Connector:
        """A connection to the org; ``settings`` go into its configuration."""
        known = {
            "instance_url": BASE,
            "client_id": self.double.credentials["client_id"],
            "client_secret": self.double.credentials["client_secret"],
            "refresh_token": self.double.credentials["refresh_token"],
            **settings,
        }
        config = SalesforceConfig.model_validate(
            {key: value for key, value in known.items() if value is not None}
        )
        context = Context(
            "sf", clock=self.clock, events=self.events, random=Random(1), tokens=tokens, http=self.client
        )
        return Connector(config, context)

    def client(self, settings: HttpSettings) -> HttpClient:
        """What the hub gives: a client whose calls are answered by the double."""
        client = HttpClient(
            settings,
            connection="sf",
            clock=self.clock,
            events=self.events,
            random=Random(1),
            transport=asgi_transport(self._gate),
        )
        self.clients.append(client)
        return client

    async def _gate(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        if request.url.path.endswith("/token"):
            self.forms.append(body)
        if (before := self.before) is not None:
            self.before = None
            await before(request)
            self.before = before
        answer = self.instead(request, body) if self.instead else None
        if answer is not None:
            await answer(scope, receive, send)
            return

        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.double.app(scope, replayed, send)

    def calls(self, part: str = "/services/data/") -> list[str]:
        """The calls so far whose path holds ``part``."""
        shown = (
            f"{event.detail['method']} {event.detail['path']}"
            for event in self.heard
            if event.name == "http.call"
        )
        return [call for call in shown if part in call]

    def truth(self, object: str, *fields: str) -> dict[str, tuple[object, ...]]:
        """The live records by id, with the values of those fields."""
        rows = self.double.truth(object)
        return {str(row["Id"]): tuple(row.get(name) for name in ("SystemModstamp", *fields)) for row in rows}

    def mirror(self, *fields: str) -> Mirror:
        """A reader that keeps what it is told."""
        return Mirror(*fields)

    async def pages(
        self,
        connector: Connector,
        object: str,
        *fields: str,
        since: Checkpoint | None = None,
        filter: tuple[Condition, ...] = (),
        page_size: int | None = None,
    ) -> list[Page]:
        """All pages of a read."""
        request = ReadRequest(object, fields, since=since, filter=filter, page_size=page_size)
        return [page async for page in connector.read(request)]

    async def add(self, count: int, **fields: str) -> list[str]:
        """New accounts, all made in the same second; their ids."""
        items = [WriteItem({"Name": f"Added {number}", **fields}) for number in range(count)]
        outcomes = await self.connect().write(WriteRequest("Account", "create", items))
        return [str(outcome.id) for outcome in outcomes]

    async def change(self, ids: Sequence[str], **fields: str) -> None:
        """The same change to several accounts."""
        items = [WriteItem(dict(fields), id=one) for one in ids]
        outcomes = await self.connect().write(WriteRequest("Account", "update", items))
        assert {outcome.status for outcome in outcomes} <= {"updated"}

    async def remove(self, ids: Sequence[str]) -> None:
        """Accounts moved to the recycle bin."""
        await self.connect().write(WriteRequest("Account", "delete", [WriteItem(id=one) for one in ids]))


class Mirror:
    """What a reader of pages would keep, with the checkpoint after each page."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.rows: dict[str, tuple[object, ...]] = {}
        self.checkpoint: Checkpoint | None = None

    def take(self, page: Page) -> None:
        """Apply a page and keep its checkpoint."""
        for row in page.upserts:
            self.rows[str(row["Id"])] = tuple(row.get(name) for name in ("SystemModstamp", *self.fields))
        for gone in page.deletes:
            self.rows.pop(gone.id, None)
        self.checkpoint = page.checkpoint or self.checkpoint

    async def follow(
        self, connector: Connector, object: str = "Account", *, page_size: int | None = None
    ) -> list[Native]:
        """Read on from the checkpoint to the end; the records that came."""
        came: list[Native] = []
        request = ReadRequest(object, self.fields, since=self.checkpoint, page_size=page_size)
        async for page in connector.read(request):
            self.take(page)
            came += page.upserts
        return came


class World:
    """Makes orgs and closes what they opened."""

    def __init__(self) -> None:
        self.orgs: list[Org] = []

    def __call__(
        self,
        rows: int | Mapping[str, int] = 0,
        *,
        faults: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
        schema: Path | None = None,
    ) -> Org:
        clock = ManualClock()
        double = create(
            Options(
                rows=rows,
                seed=5,
                faults=faults,
                settings=settings or {},
                schema=schema,
                now=lambda: clock.now().timestamp(),
            )
        )
        org = Org(double, clock, Events(clock))
        org.events.subscribe(org.heard.append)
        self.orgs.append(org)
        return org


@pytest.fixture
async def make_org() -> AsyncIterator[World]:
    """Makes an org: ``make_org(rows=25)``."""
    world = World()
    yield world
    for org in world.orgs:
        for client in org.clients:
            await client.aclose()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Makes a server of our own: ``serve(answer)``."""
    servers: list[OtherServer] = []

    def make(answer: Answer) -> OtherServer:
        servers.append(OtherServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        await server.aclose()
