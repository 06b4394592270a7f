"""A server of our own making, in memory: an org as others have it, and what stands in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.connector import Checkpoint, Context, Native, Outcome, Page, ReadRequest, WriteItem, WriteRequest
from crmhub.events import Event, Events
from crmhub.http import HttpClient, HttpSettings, asgi_transport
from crmhub_salesforce import Connector, SalesforceConfig
from crmhub_salesforce.ids import full_id

BASE = "https://acme.my.salesforce.com"
DATA = "/services/data/v62.0"
STAMP = "2026-01-01T00:00:00.000+0000"
SINCE: Checkpoint = {
    "v": 1, "object": "Account", "cursor": "SystemModstamp", "mode": "changes",
    "seen": "2026-01-01T00:00:00Z", "at": None, "until": None,
}  # fmt: skip

Answer: TypeAlias = Callable[[Request, bytes], Response | None]


def id_of(number: int, prefix: str = "001") -> str:
    return full_id(f"{prefix}Hs{number:010d}") or ""


def record(number: int, **more: object) -> dict[str, object]:
    """An account as a query has it."""
    attributes = {"type": "Account", "url": f"{DATA}/sobjects/Account/{id_of(number)}"}
    fields = {"Id": id_of(number), "SystemModstamp": STAMP, "IsDeleted": False, "Name": f"name {number}"}
    return {"attributes": attributes, **fields, **more}


def paged(records: Sequence[object], **more: object) -> JSONResponse:
    """A page of a query: the last, unless ``more`` says otherwise."""
    return JSONResponse({"totalSize": len(records), "done": True, "records": records, **more})


def is_query(request: Request) -> bool:
    return request.url.path in {f"{DATA}/query", f"{DATA}/queryAll"}


def queried(*records: object, **more: object) -> Answer:
    """Answers every query with that page."""

    def answer(request: Request, body: bytes) -> Response | None:
        del body
        return paged(records, **more) if is_query(request) else None

    return answer


def _field(name: str, kind: str, **more: object) -> dict[str, object]:
    flags = dict.fromkeys(("createable", "updateable", "nillable", "filterable", "sortable"), True)
    return {"name": name, "type": kind, "label": name, "length": 255, **flags, **more}


_ABLE = ("queryable", "createable", "updateable", "deletable", "replicateable", "searchable")
FIELDS: Sequence[dict[str, object]] = (
    _field("Id", "id", createable=False, updateable=False),
    _field("Name", "string", nameField=True),
    _field("SystemModstamp", "datetime", createable=False, updateable=False),
    _field("CreatedDate", "datetime", createable=False, updateable=False),
    _field("IsDeleted", "boolean", createable=False, updateable=False),
    _field("External_Id__c", "string", externalId=True, unique=True),
    _field("Phone", "phone"),
)
DESCRIBE: dict[str, object] = {
    "name": "Account",
    "label": "Account",
    "keyPrefix": "001",
    **dict.fromkeys(_ABLE, True),
    "fields": FIELDS,
}


class OtherServer:
    """Answers as ``answer`` says, and where that says nothing: tokens, the describe, and not found."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.describe = DESCRIBE
        self.clock = ManualClock()
        self.events = Events(self.clock)
        self.heard: list[Event] = []
        self.events.subscribe(self.heard.append)
        self.calls: list[str] = []
        self.clients: list[HttpClient] = []
        self.signed_in = 0

    def connect(self, **settings: object) -> Connector:
        """A connection to it."""
        known = {"instance_url": BASE, "client_id": "app", "client_secret": "the-apps-secret", **settings}
        context = Context("sf", clock=self.clock, events=self.events, random=Random(1), http=self._client)
        return Connector(SalesforceConfig.model_validate(known), context)

    async def aclose(self) -> None:
        for client in self.clients:
            await client.aclose()

    def _client(self, settings: HttpSettings) -> HttpClient:
        transport = asgi_transport(self._app)
        client = HttpClient(
            settings, connection="sf", clock=self.clock, events=self.events, random=Random(1),
            transport=transport,
        )  # fmt: skip
        self.clients.append(client)
        return client

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.calls.append(f"{request.method} {request.url.path}")
        answer = self.answer(request, body) or self._usual(request)
        await answer(scope, receive, send)

    def _usual(self, request: Request) -> Response:
        if request.url.path.endswith("/oauth2/token"):
            self.signed_in += 1
            token = {"access_token": f"00D!token-{self.signed_in}", "instance_url": BASE}
            return JSONResponse(token)
        if request.url.path.endswith("/describe"):
            return JSONResponse(self.describe)
        return JSONResponse([{"errorCode": "NOT_FOUND", "message": "not here"}], 404)


async def read(connector: Connector, since: Checkpoint | None = None, size: int | None = None) -> list[Page]:
    """All pages of a read of accounts."""
    request = ReadRequest("Account", ("Name",), since=since, page_size=size)
    return [page async for page in connector.read(request)]


async def wrote(
    connector: Connector, operation: str, items: Sequence[WriteItem], match: str | None = None
) -> list[tuple[str, str | None, str | None]]:
    """Status, id and code of each outcome of a write of accounts."""
    request = WriteRequest("Account", operation, items, match)  # pyright: ignore[reportArgumentType]
    outcomes: Sequence[Outcome] = await connector.write(request)
    return [(one.status, one.id, one.problem.code if one.problem else None) for one in outcomes]


def sent(body: bytes) -> list[Native]:
    """The records of a collection that was sent."""
    return json.loads(body)["records"]


Serve: TypeAlias = Callable[[Answer], OtherServer]
"""Makes a server that answers like that."""
