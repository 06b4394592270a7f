"""The calls that the rest of the connector is made of: a call of the description, filled and sent."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from crmhub.connector import Context, Native, Value
from crmhub.errors import BadRequest, ConnectorError
from crmhub.http import HttpClient, HttpSettings, Response, Sink
from crmhub.http.paths import origin
from crmhub_rest.language.call import Call, Encoding, Listing, Nested, ResultFile
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.members import apart
from crmhub_rest.language.path import ABSENT, JsonPath, put
from crmhub_rest.language.template import Scope, written
from crmhub_rest.nowhere import nowhere
from crmhub_rest.seams import Seams

__all__ = ["Api", "Exchange"]

_LONGEST_DOWNLOAD = 600.0  # seconds, from a host of files
_json = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call with its content, as far as the description makes it: no credentials are in it yet."""

    role: str
    method: str
    path: str
    query: Mapping[str, str | int | Sequence[str | int]]
    headers: Mapping[str, str]
    body: Value


def _unwatched(exchange: Exchange, reply: Response | None) -> None:
    """Nobody looks."""


class Api:
    """One connection's way to the CRM."""

    def __init__(self, crm: Crm, http: HttpClient, settings: Scope, seams: Seams, context: Context) -> None:
        self.crm = crm
        self.seams = seams
        self.concurrency = http.concurrency
        self.clock = context.clock
        self._http = http
        self._settings = settings
        self._context = context
        self._strangers: dict[str, HttpClient] = {}
        self.noticed: dict[str, str] = {}
        """By object: what the description names, and records do not have."""
        self.heard: set[tuple[str, str]] = set()
        """Objects and operations of whose replies it was seen whether they show what was sent."""
        self.watcher: Callable[[Exchange, Response | None], None] = _unwatched
        """Is told of every call and its reply, if there is one, with their content: for people who look."""

    def notice(self, object: str, lines: Sequence[str]) -> None:
        """Tell observers, once, what the description names and no record of a page has.

        It may be a mistake, or a field that nobody has filled: only a person can say.
        """
        if lines and object not in self.noticed:
            told = self.noticed[object] = f"no record has {', '.join(lines)}"
            self.tell("read.dangling", object, error=told)

    def tell(self, event: str, object: str, **detail: str) -> None:
        """Tell observers."""
        self._context.events.emit(event, connection=self._context.connection, object=object, **detail)

    def scope(self, object: str, values: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """What the placeholders of a call for that object stand for."""
        says = self.crm.objects[object]
        words: Native = dict(says.words)
        known: Native = {"object": object, "modified": says.modified, "words": words}
        return {**self._settings, **known, **(values or {})}

    def key_sent(self, id: str, object: str) -> Value:
        """A record's id as the CRM takes it, or a table of its parts; ``None`` for what cannot be one."""
        names = self.crm.objects[object].parts
        if not names:
            return self.id_sent(id)
        parts = {name: self.id_sent(part) for name, part in (apart(id, names) or {}).items()}
        return None if not parts or None in parts.values() else parts

    def id_sent(self, id: str) -> Value:
        """An id as the CRM takes it; ``None`` for what cannot be one."""
        if self.crm.ids == "int":
            return int(id) if id.isascii() and id.isdigit() else None
        return id or None

    async def send(
        self,
        role: str,
        call: Call,
        scope: Scope,
        *,
        added: Mapping[str, Value] | None = None,
        items: Sequence[Scope] = (),
        fields: tuple[JsonPath, Native] | None = None,
        link: str | None = None,
        idempotent: bool | None = None,
        read: bool = True,
    ) -> Response:
        """Make a call. ``items`` are what ``each`` is filled for, ``fields`` what goes into the body where.
        Where its reply is not ``read``, that need not be JSON.

        Raises what :meth:`crmhub.http.HttpClient.request` raises, with the object filled in.
        """
        query = {
            name: value for name, part in call.query.items() if (value := part.fill(scope)) is not ABSENT
        }
        body = dict(call.body.filled(scope)) if call.body is not None else dict[str, Value]()
        listed: list[Value] | None = None
        for path, template in call.each.items():
            entries = [one for item in items if (one := template.fill({**scope, **item})) is not ABSENT]
            if path.steps:
                put(body, path, entries)
            else:
                listed = entries
        if fields is not None:
            put(body, *fields)
        headers = {
            name: text for name, part in call.headers.items() if (text := part.text(scope)) is not None
        }
        for target, value in (added or {}).items():
            _add(call, target, value, query, body, headers)
        object_ = str(scope["object"])
        sends_body = call.by_body or bool(call.each) or call.body is not None
        whole = self.seams.body(object_, role, body if listed is None else listed) if sends_body else None
        path = self._absolute(link, object_) if link else call.path.fill(scope)
        params = None if link else self._params(call, query)
        told = Exchange(role, call.method, path, params or {}, headers, whole)
        try:
            reply = await self._http.request(
                call.method,
                path,
                params=params,
                json=whole,
                headers=headers or None,
                endpoint=call.limit,
                cost=call.cost,
                ok=[*range(200, 300), *call.ok],
                idempotent=call.idempotent if idempotent is None else idempotent,
                expect="json" if read else "done",
            )
        except ConnectorError as error:
            self.watcher(told, None)
            error.at(object=object_)
            raise
        self.watcher(told, reply)
        return reply

    async def download(self, file: ResultFile, call: Call, link: str, into: Sink, object: str) -> None:
        """Write the file at a link that the CRM gave into the sink.

        From one of the file's ``hosts`` it comes by a client without credentials; any other place than the
        connection's own origin is refused with ``BadRequest``.
        """
        link = self._absolute(link, object)
        try:
            client = self._client_of(link, file.hosts)
            await client.request("get", link, endpoint=call.limit, expect="any", into=into)
        except ConnectorError as error:
            error.at(object=object)
            raise

    def _absolute(self, link: str, object: str) -> str:
        try:
            return self._http.absolute(link)
        except ConnectorError as error:
            error.at(object=object)
            raise

    def _client_of(self, link: str, hosts: Sequence[str]) -> HttpClient:
        scheme, host, port = origin(link)
        if not any(f".{host}".endswith(f".{one.lower()}") for one in hosts):
            return self._http
        make = self._context.http
        if scheme != "https" or make is None:
            raise BadRequest(f"a file on {host} is only fetched by https")
        base = f"https://{host}:{port}"
        if base not in self._strangers:
            self._strangers[base] = make(
                HttpSettings(base_url=base, reach=self._http.reach, timeout=_LONGEST_DOWNLOAD)
            )
        return self._strangers[base]

    def rows(self, role: str, call: Call, scope: Scope, response: Response) -> list[Value]:
        """The raw records of a reply. Raises ``BadResponse`` that names what is there instead."""
        object_ = str(scope["object"])
        body = response.json()
        path = call.rows or JsonPath(".")
        found = path.find(body)
        if found is ABSENT or not isinstance(found, list):
            raise nowhere(path, body, object_, "a list of records")
        listed = list(self.seams.rows(object_, role, found))
        if isinstance(call, Listing) and call.nested is not None:
            listed = _inner(call.nested, listed, object_)
        if call.row.text == ".":
            return listed
        rows = [call.row.find(one) for one in listed]
        if any(row is ABSENT for row in rows):
            raise nowhere(call.row, listed[0], object_, "the record inside of each row")
        return [row for row in rows if row is not ABSENT]

    def row(self, call: Call, scope: Scope, response: Response) -> Value:
        """The raw record of a reply. Raises ``BadResponse`` as :meth:`rows` does."""
        body = response.json() if response.content else None
        found = call.row.find(body)
        if found is ABSENT:
            raise nowhere(call.row, body, str(scope["object"]), "a record")
        return found

    def _params(self, call: Call, query: Mapping[str, Value]) -> dict[str, str | int | Sequence[str | int]]:
        params: dict[str, str | int | Sequence[str | int]] = {}
        for name, value in query.items():
            if value is None:
                continue
            how = call.encode.get(name) or (self.crm.lists if isinstance(value, list) else "json")
            if isinstance(value, list | dict) or name in call.encode:
                params.update(_encoded(name, value, how))
            else:
                params[name] = value if isinstance(value, int) else written(value)
        return params


def _encoded(name: str, value: Value, how: Encoding) -> dict[str, str | Sequence[str | int]]:
    match how:
        case "json":
            return {name: _json(value).decode()}
        case "base64":
            return {name: base64.urlsafe_b64encode(_json(value)).decode()}
        case "comma":
            return {name: written(value)}
        case _:
            items = value if isinstance(value, list) else [value]
            return {f"{name}[]" if how == "brackets" else name: [written(item) for item in items]}


def _inner(nested: Nested, rows: Sequence[Value], object: str) -> list[Value]:
    """The records inside of rows, with what they carry of them."""
    inner: list[Value] = []
    for row in rows:
        found = nested.at.find(row)
        if found is ABSENT or not isinstance(found, list):
            raise nowhere(nested.at, row, object, "a list of records")
        carried = {name: path.get(row) for name, path in nested.carry.items()}
        inner += [{**one, **carried} if isinstance(one, dict) else one for one in found]
    return inner


def _add(call: Call, target: str, value: Value, query: Native, body: Native, headers: dict[str, str]) -> None:
    where, _, rest = target.partition(".")
    if where == "query" and rest:
        query[rest] = value
    elif where == "header" and rest:
        headers[rest] = written(value)
    elif where == "body" and rest:
        put(body, JsonPath(rest), value)
    elif call.by_body:
        put(body, JsonPath(target), value)
    else:
        query[target] = value
