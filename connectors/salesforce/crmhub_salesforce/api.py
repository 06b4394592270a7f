"""The calls that the rest of the connector is made of: paths, queries, and what replies say beside data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from crmhub.connector import Context, Native, Value
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub.http import HttpClient, Params, Response, Sink
from crmhub_salesforce.errors import error_of
from crmhub_salesforce.ids import SHORT, full_id

__all__ = ["Api", "Reply", "is_of_another", "plain"]

_LONGEST_URL = 15_000  # 16,384 bytes are read (REST API Developer Guide, "URI too long"); some are the host's
_NEXT = re.compile(r"/services/data/v\d\d\.\d/(?:query|queryAll)/[A-Za-z0-9-]{1,200}")


@dataclass(frozen=True, slots=True)
class Reply:
    """One page of a query."""

    records: Sequence[Native]
    done: bool
    next: str | None
    """The path of the next page."""
    at: datetime
    """The server's time when the query was sent, at the latest."""


class Api:
    """The REST API of one version, on one HTTP client."""

    def __init__(self, http: HttpClient, context: Context, version: str) -> None:
        self._http = http
        self._clock = context.clock
        self._connection = context.connection
        self.base = f"/services/data/v{version}"

    async def call(
        self,
        method: str,
        target: str,
        *,
        params: Params | None = None,
        json: Value = None,
        idempotent: bool | None = None,
    ) -> Response:
        """Make a call to an absolute path; see ``HttpClient.request`` for what it raises."""
        return await self._http.request(method, target, params=params, json=json, idempotent=idempotent)

    async def data(
        self,
        method: str,
        below: str,
        *,
        params: Params | None = None,
        json: Value = None,
        idempotent: bool | None = None,
    ) -> Response:
        """Make a call to a path below ``/services/data/vXX.0``."""
        return await self.call(method, self.base + below, params=params, json=json, idempotent=idempotent)

    async def carry(
        self,
        method: str,
        below: str,
        *,
        params: Params | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        into: Sink | None = None,
    ) -> Response:
        """Send or receive a file by a path below ``/services/data/vXX.0``."""
        return await self._http.request(
            method,
            self.base + below,
            params=params,
            content=content,
            headers=headers,
            into=into,
            expect="any",
        )

    async def query(self, soql: str, *, object: str | None = None, deleted: bool = False) -> Reply:
        """The first page of a query; ``deleted`` also finds deleted and archived records.

        Raises ``BadResponse`` also for records of another object, and for fewer than the answer says there
        are. Without ``object`` the statement may be one that only counts.
        """
        began = self._clock.monotonic()
        response, body = await self._asked(soql, deleted=deleted)
        reply = self._reply(response, body, object, self._clock.monotonic() - began)
        missing = reply.done and _total(body) > len(reply.records)
        if missing and (reply.records or object is not None):
            raise self._strange(response, object, "it has fewer records than it says there are")
        return reply

    async def count(self, soql: str, *, object: str, deleted: bool = False) -> int:
        """How many records a query that only counts has found."""
        response, body = await self._asked(soql, deleted=deleted)
        total = _total(body)
        if total < 0:
            raise self._strange(response, object, "totalSize is missing")
        return total

    async def next_page(self, link: str, *, object: str | None = None) -> Reply:
        """The page behind ``Reply.next``."""
        began = self._clock.monotonic()
        response = await self.call("GET", link)
        return self._reply(response, response.json(), object, self._clock.monotonic() - began)

    async def _asked(self, soql: str, *, deleted: bool) -> tuple[Response, Value]:
        """The answer to a query. One that is too long for a URL goes inside of a composite request."""
        below = "/queryAll" if deleted else "/query"
        if len(encoded := _encoded(soql)) > _LONGEST_URL:
            return await self._composite(f"{self.base}{below}?q={encoded}")
        response = await self.data("GET", below, params={"q": soql})
        return response, response.json()

    async def _composite(self, url: str) -> tuple[Response, Value]:
        """One GET inside of a composite request (REST API Developer Guide, "Composite")."""
        inner: Value = {"method": "GET", "url": url, "referenceId": "query"}
        response = await self.data("POST", "/composite", json={"compositeRequest": [inner]}, idempotent=True)
        body = response.json()
        answers = body.get("compositeResponse") if isinstance(body, dict) else None
        answer = answers[0] if isinstance(answers, list) and len(answers) == 1 else None
        if not isinstance(answer, dict) or not isinstance(status := answer.get("httpStatusCode"), int):
            raise response.unreadable("JSON that is no answer to a composite request")
        if status != 200:
            error = error_of(answer.get("body"), status, response)
            error.at(connection=self._connection)
            raise error
        return response, answer.get("body")

    def _reply(self, response: Response, body: Value, object: str | None, took: float) -> Reply:
        if not isinstance(body, dict):
            raise self._strange(response, object, "it is no object")
        records, done, link = body.get("records"), body.get("done"), body.get("nextRecordsUrl")
        if not isinstance(records, list) or not isinstance(done, bool):
            raise self._strange(response, object, "records or done is missing")
        if done and link is not None:
            raise self._strange(response, object, "it says that it is all, and names a next page")
        rows = [record for record in records if isinstance(record, dict)]
        if len(rows) != len(records):
            raise self._strange(response, object, "a record is no object")
        if object is not None and any(is_of_another(record, object) for record in rows):
            raise self._strange(response, object, "a record is one of another object")
        return Reply(
            records=[plain(record) for record in rows],
            done=done,
            next=None if done else self._checked_link(response, link, object),
            at=self._server_time(response) - timedelta(seconds=took),
        )

    def _checked_link(self, response: Response, link: Value, object: str | None) -> str:
        if not isinstance(link, str) or _NEXT.fullmatch(link) is None:
            raise self._strange(response, object, "its nextRecordsUrl is missing or no query cursor")
        return link

    def _server_time(self, response: Response) -> datetime:
        """The ``Date`` of the reply (RFC 9110, 6.6.1), else our own clock.

        The earlier of both: what is read again does no harm, and a clock on the way may be wrong.
        """
        now = self._clock.now()
        return min(response.sent_at or now, now)

    def _strange(self, response: Response, object: str | None, why: str) -> BadResponse:
        return BadResponse(
            f"the answer to a query cannot be understood: {why}",
            where=Where(connection=self._connection, object=object),
            status=response.status,
            request_id=response.request_id,
        )


def plain(record: Native) -> Native:
    """The record without the ``attributes`` that Salesforce puts into each, parents and children too.

    Its id has 18 characters, as ids are compared everywhere. It is changed in place: a page has thousands of
    records, and nobody else holds them.
    """
    record.pop("attributes", None)
    id_ = record.get("Id")
    if isinstance(id_, str) and len(id_) == SHORT:
        record["Id"] = full_id(id_) or id_
    for value in record.values():
        if type(value) is dict:
            plain(value)
        elif type(value) is list:
            for part in value:
                if isinstance(part, dict):
                    plain(part)
    return record


def is_of_another(record: Native, object: str) -> bool:
    """Whether a record says by its ``attributes`` that it is none of that object."""
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    return isinstance(kind, str) and kind != object and kind.casefold() != object.casefold()


def _total(body: Value) -> int:
    """How many records there are by the answer's own word; -1: it does not tell."""
    total = body.get("totalSize") if isinstance(body, dict) else None
    return -1 if not isinstance(total, int) or isinstance(total, bool) else total


def _encoded(soql: str) -> str:
    try:
        return quote(soql, safe="")
    except UnicodeEncodeError:
        raise BadRequest("the query is not Unicode text: half of a surrogate pair is in it") from None
