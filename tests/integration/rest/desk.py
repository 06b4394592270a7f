"""A small CRM of the tests' own, lenient as many are: what it does not know, it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from crmhub.config import load_config
from crmhub.connector import Connector
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub_rest.connector import connector
from crmhub_rest.language.load import parse

__all__ = ["DESK", "FIRMS", "KEY", "MAPS", "Desk", "hub_of", "opened"]

KEY = "a-key-of-the-desk"

DESK = """\
crm: desk
version: 1
title: Desk
settings:
  key: {type: secret, required: true, about: The key.}
base_url: http://localhost
auth:
  - header: {x-key: "${key}"}
refusal: {code: [error.code], message: [error.message]}
objects:
  people:
    name: name
    modified: changed
    created: made
    record: {rename: {city: details.city}, custom: {at: custom}}
    fields:
      id: text read_only
      name: text required
      email: email
      city: text read_only
      made: datetime read_only
      changed: datetime read_only
      cf_vip: bool
    list: {get: /v1/people, rows: data, page: {next: {cursor: next}, size: {limit: 4}, total: total}}
    changes:
      get: /v1/people
      query: {since: "${since}"}
      rows: data
      page: {next: {cursor: next}, size: {limit: 4}}
    get: {get: "/v1/people/${id}", row: data}
    deletes:
      list: {get: /v1/gone, query: {since: "${since}"}, rows: data}
      at: changed
    links:
      friends: {to: people, many: true, read: {get: "/v1/people/${id}/friends", rows: data}, target: to.id}
    write:
      create: {post: /v1/people, row: data}
      update: {patch: "/v1/people/${id}", row: data}
      delete: {delete: "/v1/people/${id}"}
"""

FIRMS = """\
  firms:
    name: name
    fields: {id: text read_only}
    describe: {call: {get: /v1/fields, rows: data}, name: key, type: kind, types: {words: text}}
    record: {lift: values}
    list: {get: /v1/firms, rows: data}
webhooks:
  verify: {header: {x-secret: "${key}"}}
  events:
    - {object: people, when: {what: person}, key: who}
"""
"""Another object, which is described by the desk itself, and messages."""

MAPS = """\
maps:
  - model: contact
    object: people
    set: {kind: person}
    fields:
      full_name: name
      emails[role=work].value: email
"""


class Desk:
    """People in memory, under the key ``KEY``."""

    def __init__(self, people: int = 10) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)
        self.people: dict[str, dict[str, object]] = {}
        self.gone: list[dict[str, object]] = []
        self.calls: list[str] = []
        for number in range(people):
            self.add({"name": f"Person {number}", "email": f"p{number}@example.com"})
        self.app = Starlette(
            routes=[
                Route("/v1/people", self._list, methods=["GET"]),
                Route("/v1/people", self._create, methods=["POST"]),
                Route("/v1/people/{id}", self._one, methods=["GET", "PATCH", "DELETE"]),
                Route("/v1/people/{id}/friends", self._friends),
                Route("/v1/gone", self._gone),
                Route("/v1/firms", self._firms),
                Route("/v1/fields", self._fields),
            ]
        )
        self.transport = asgi_transport(self.app)

    def add(self, fields: Mapping[str, object]) -> dict[str, object]:
        """A new person, a minute after the last."""
        self.now += timedelta(minutes=1)
        id_ = str(100 + len(self.people) + len(self.gone))
        row = {"id": id_, "details": {"city": "Paris"}, "custom": {"vip": True}, **fields}
        self.people[id_] = row | {"made": self.now.isoformat(), "changed": self.now.isoformat()}
        return self.people[id_]

    def remove(self, id: str) -> None:
        """A person gone."""
        self.now += timedelta(minutes=1)
        self.gone.append(self.people.pop(id) | {"changed": self.now.isoformat()})

    def _said(self, request: Request) -> JSONResponse | None:
        self.calls.append(f"{request.method} {request.url.path}?{request.url.query}")
        if request.headers.get("x-key") != KEY:
            return _error(401, "no_key", "the key is not right")
        return None

    async def _list(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        since = request.query_params.get("since", "")
        rows = sorted(self.people.values(), key=lambda row: str(row["changed"]))
        rows = [row for row in rows if not since or str(row["changed"]) >= since[:19]]
        start = int(request.query_params.get("cursor", "0"))
        size = int(request.query_params.get("limit", "4"))
        end = start + size
        reply: dict[str, object] = {"data": rows[start:end], "total": len(rows)}
        return self._replied(reply | ({"next": str(end)} if end < len(rows) else {}))

    async def _create(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        body = await request.json()
        if not body.get("name"):
            return _error(422, "no_name", "a name is needed")
        return self._replied({"data": self.add(body)}, 201)

    async def _one(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        found = self.people.get(request.path_params["id"])
        if found is None:
            return _error(404, "not_found", "no such person")
        if request.method == "DELETE":
            self.remove(str(found["id"]))
        elif request.method == "PATCH":
            found |= await request.json()
        return self._replied({"data": found})

    async def _friends(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        others = [id_ for id_ in self.people if id_ != request.path_params["id"]]
        return self._replied({"data": [{"to": {"id": others[0]}}]})

    async def _gone(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        return self._replied({"data": self.gone})

    async def _firms(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        return self._replied({"data": [{"id": "1", "values": {"name": "Acme", "town": "Lyon"}}]})

    async def _fields(self, request: Request) -> JSONResponse:
        if (refused := self._said(request)) is not None:
            return refused
        return self._replied({"data": [{"key": key, "kind": "words"} for key in ("name", "town")]})

    def _replied(self, body: object, status: int = 200) -> JSONResponse:
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return JSONResponse(body, status, headers={"date": date})


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def opened(desk: Desk, text: str = DESK) -> tuple[Hub, Connector]:
    """A hub with a connection to the desk, as ``text`` describes it."""
    hub = Hub(transports={"desk": desk.transport})
    return hub, hub.add("desk", connector(parse(text, "desk.yaml")), key=KEY).connector


def hub_of(folder: Path, desk: Desk) -> Hub:
    """The hub of the folder's configuration, its connection ``desk`` to the desk."""
    return Hub(load_config(folder / "crmhub.yaml"), transports={"desk": desk.transport})
