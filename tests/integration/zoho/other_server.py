"""A Zoho that answers what a test says, in forms that the API allows and our double does not show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.connector import Checkpoint, Context, Native, Page, ReadRequest, Value
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings, MemoryTokenStore, asgi_transport
from crmhub_zoho import Connector, ZohoConfig

FIRST = 554023000000000001


@dataclass(frozen=True)
class Asked:
    """A call as the server sees it."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> str:
        """The COQL text of the call."""
        return str(json.loads(self.body)["select_query"])


@dataclass(frozen=True)
class Says:
    """A reply: JSON, bytes as they are, or nothing."""

    content: Value | bytes = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Answers = Callable[[Asked], Says]
NOTHING = Says(status=204)


def said(content: Value | bytes, status: int = 200) -> Answers:
    """An answer that is always the same."""
    return lambda _: Says(content, status)


def refusal(code: str, status: int = 400, **details: Value) -> Says:
    """A call refused as a whole."""
    return Says({"code": code, "details": details, "message": "no", "status": "error"}, status)


def record(number: int, **fields: Value) -> Native:
    """A record whose id and time of change rise with its number."""
    at = f"2026-01-01T{10 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}+05:30"
    return {"id": str(FIRST + number), "Modified_Time": at, **fields}


def fields_of(**data_types: str) -> Answers:
    """The metadata of a module with those fields."""
    names = {"Modified_Time": "datetime", **data_types}
    return said({"fields": [{"api_name": name, "data_type": kind} for name, kind in names.items()]})


class OtherServer:
    """Tokens, fields and an empty organisation; :meth:`on` says all else."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events = Events(self.clock)
        self.tokens = MemoryTokenStore()
        self.asked: list[Asked] = []
        self.clients: list[HttpClient] = []
        self._answers: list[tuple[str, re.Pattern[str], Answers]] = []
        self.on("POST", "/oauth/v2/token", said({"access_token": "1000.x", "expires_in": 3600}))
        self.on("GET", "/crm/v8/settings/fields", fields_of(Name="text"))
        self.on("GET", r"/crm/v8/\w+/deleted", lambda _: NOTHING)
        self.on("POST", "/crm/v8/coql", lambda _: NOTHING)
        self.on("GET", "/crm/v8/org", said({"org": [{"zgid": "1"}]}))

    def on(self, method: str, pattern: str, answers: Answers) -> None:
        """Answer calls of that path so; what was said last holds."""
        self._answers.insert(0, (method, re.compile(pattern), answers))

    def connect(self, **settings: object) -> Connector:
        """A connection to it."""
        given = {"api_url": "http://localhost", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
        config = ZohoConfig.model_validate({**given, **settings})
        return Connector(
            config,
            Context("zoho", clock=self.clock, events=self.events, tokens=self.tokens, http=self._client),
        )

    async def aclose(self) -> None:
        """Close what its connections have opened."""
        for client in self.clients:
            await client.aclose()

    def _client(self, settings: HttpSettings) -> HttpClient:
        client = HttpClient(
            settings,
            connection="zoho",
            clock=self.clock,
            events=self.events,
            random=Random(1),
            transport=asgi_transport(self._answer),
        )
        self.clients.append(client)
        return client

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = Asked(
            request.url.path, dict(parse_qsl(request.url.query)), dict(request.headers), await request.body()
        )
        self.asked.append(asked)
        ways = (
            answers
            for method, pattern, answers in self._answers
            if method == request.method and pattern.fullmatch(asked.path)
        )
        answers = next(ways, None)
        says = answers(asked) if answers else refusal("INVALID_URL_PATTERN", 404)
        raw = isinstance(says.content, bytes)
        content = says.content if isinstance(says.content, bytes) else json.dumps(says.content).encode()
        headers = {} if raw else {"content-type": "application/json;charset=UTF-8"}
        if says.content is None:
            content, headers = b"", {}
        await Response(content, says.status, {**headers, **says.headers})(scope, receive, send)


async def pages_of(
    connector: Connector, module: str, *fields: str, since: Checkpoint | None = None
) -> Sequence[Page]:
    """All pages of a read."""
    return [page async for page in connector.read(ReadRequest(module, fields, since=since))]
