"""A Zoho organisation in memory, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse
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
from crmhub.http import HttpClient, HttpSettings, MemoryTokenStore, TokenStore, asgi_transport
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_zoho import Connector, ZohoConfig
from crmhub_zoho.simulator import create


@dataclass
class Org:
    """One organisation (the double), one clock, and every HTTP call that was made."""

    double: Double
    clock: ManualClock
    events: Events
    tokens: TokenStore = field(default_factory=MemoryTokenStore)
    """Shared by all connections, since Zoho gives out ten tokens in ten minutes."""
    bodies: list[bytes] = field(default_factory=list[bytes])
    hosts: list[str] = field(default_factory=list[str])
    """The host of each call."""
    poison: bytes | None = None
    """A call whose body holds this is refused as a whole, with a page that is no JSON."""
    meanwhile: tuple[str, Callable[[], Awaitable[object]]] | None = None
    """What happens once, right after the next call whose path holds the text."""
    heard: list[Event] = field(default_factory=list[Event])
    clients: list[HttpClient] = field(default_factory=list[HttpClient])

    def connect(self, *, tokens: TokenStore | None = None, **settings: object) -> Connector:
        """A connection to the organisation; ``settings`` go into its configuration."""
        config = ZohoConfig.model_validate(
            {
                "api_url": "http://localhost:8080",
                "client_id": self.double.credentials["client_id"],
                "client_secret": self.double.credentials["client_secret"],
                "refresh_token": self.double.credentials["refresh_token"],
                **settings,
            }
        )
        context = Context(
            "zoho", clock=self.clock, events=self.events, tokens=tokens or self.tokens, http=self.client
        )
        return Connector(config, context)

    def client(self, settings: HttpSettings) -> HttpClient:
        """What the hub gives: a client whose calls are answered by the double."""
        client = HttpClient(
            settings,
            connection="zoho",
            clock=self.clock,
            events=self.events,
            random=Random(1),
            transport=asgi_transport(self._gate),
        )
        self.clients.append(client)
        return client

    async def _gate(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keeps the bodies of calls, and refuses the poisoned ones before they reach the double."""
        request = Request(scope, receive)
        body = await request.body()
        self.bodies.append(body)
        self.hosts.append(request.url.hostname or "")
        if self.poison is not None and self.poison in body:
            await HTMLResponse("<h1>Request blocked</h1>", 400)(scope, receive, send)
            return

        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.double.app(scope, replayed, send)
        if self.meanwhile is not None and self.meanwhile[0] in scope["path"]:
            (_, happens), self.meanwhile = self.meanwhile, None
            await happens()

    def calls(self, part: str = "/crm/") -> list[str]:
        """The paths of the calls so far that hold ``part``."""
        shown = (
            f"{event.detail['method']} {event.detail['path']}"
            for event in self.heard
            if event.name == "http.call"
        )
        return [call for call in shown if part in call]

    def truth(self, module: str, *fields: str) -> dict[str, tuple[object, ...]]:
        """The live records by id, with the values of those fields."""
        rows = self.double.truth(module)
        return {str(row["id"]): tuple(row.get(name) for name in ("Modified_Time", *fields)) for row in rows}

    def mirror(self, *fields: str) -> Mirror:
        """A reader that keeps what it is told."""
        return Mirror(*fields)

    async def pages(
        self,
        connector: Connector,
        module: str,
        *fields: str,
        since: Checkpoint | None = None,
        filter: tuple[Condition, ...] = (),
        page_size: int | None = None,
    ) -> list[Page]:
        """All pages of a read."""
        request = ReadRequest(module, fields, since=since, filter=filter, page_size=page_size)
        return [page async for page in connector.read(request)]

    async def add(self, module: str, count: int, **fields: str) -> list[str]:
        """New records, all made in the same second; their ids."""
        name = {"Accounts": "Account_Name", "Deals": "Deal_Name", "Tasks": "Subject", "Notes": "Note_Title"}[
            module
        ]
        items = [WriteItem({name: f"Added {number}", **fields}) for number in range(count)]
        outcomes = await self.connect().write(WriteRequest(module, "create", items))
        return [str(outcome.id) for outcome in outcomes]

    async def change(self, module: str, ids: Sequence[str], **fields: str) -> None:
        """The same change to several records."""
        items = [WriteItem(dict(fields), id=one) for one in ids]
        outcomes = await self.connect().write(WriteRequest(module, "update", items))
        assert {outcome.status for outcome in outcomes} == {"updated"}

    async def remove(self, module: str, ids: Sequence[str]) -> None:
        """Records moved to the recycle bin."""
        await self.connect().write(WriteRequest(module, "delete", [WriteItem(id=one) for one in ids]))


class Mirror:
    """What a reader of pages would keep, with the checkpoint after each page."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.rows: dict[str, tuple[object, ...]] = {}
        self.checkpoint: Checkpoint | None = None
        self.pages: list[Page] = []

    def take(self, page: Page) -> None:
        """Apply a page and keep its checkpoint."""
        self.pages.append(page)
        for row in page.upserts:
            self.rows[str(row["id"])] = tuple(row.get(name) for name in ("Modified_Time", *self.fields))
        for gone in page.deletes:
            self.rows.pop(gone.id, None)
        self.checkpoint = page.checkpoint or self.checkpoint

    async def follow(
        self, connector: Connector, module: str, *, page_size: int | None = None
    ) -> list[Native]:
        """Read on from the checkpoint to the end; the records that came."""
        came: list[Native] = []
        request = ReadRequest(module, self.fields, since=self.checkpoint, page_size=page_size)
        async for page in connector.read(request):
            self.take(page)
            came += page.upserts
        return came


class World:
    """Makes organisations and closes what they opened."""

    def __init__(self) -> None:
        self.orgs: list[Org] = []

    def __call__(
        self,
        rows: int | Mapping[str, int] = 0,
        *,
        faults: tuple[str, ...] = (),
        schema: Path | None = None,
        settings: Mapping[str, str] | None = None,
        base_url: str = "",
    ) -> Org:
        clock = ManualClock()
        double = create(
            Options(
                rows=rows,
                seed=5,
                faults=faults,
                schema=schema,
                settings=settings or {},
                base_url=base_url,
                now=lambda: clock.now().timestamp(),
            )
        )
        org = Org(double, clock, Events(clock))
        org.events.subscribe(org.heard.append)
        self.orgs.append(org)
        return org


@pytest.fixture
async def make_org() -> AsyncIterator[World]:
    """Makes an organisation: ``make_org(rows=25)``."""
    world = World()
    yield world
    for org in world.orgs:
        for client in org.clients:
            await client.aclose()
