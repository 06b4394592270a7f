"""Finding records: by id, by words, and how many there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from crmhub.clock import Clock
from crmhub.connector import Condition, Missing, Native, Page, Value
from crmhub.errors import BadRequest, BadResponse, NotFound, Unsupported, Where
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.language.call import Call
from crmhub_rest.language.template import Scope
from crmhub_rest.links import Links, limited
from crmhub_rest.pages import Pages
from crmhub_rest.refusals import is_gone
from crmhub_rest.schemas import Described, Schemas

__all__ = ["Lookup", "takes_many"]

_AGAIN = 0.5
"""Seconds after which a record that was just created is looked for again."""


def takes_many(call: Call) -> bool:
    """Whether a call takes several records."""
    return bool(call.each) or "ids" in call.names


class Lookup:
    """Finds records of one connection."""

    def __init__(self, api: Api, schemas: Schemas, clock: Clock) -> None:
        self._api = api
        self._schemas = schemas
        self._clock = clock
        self._made: dict[tuple[str, str], float] = {}

    def made(self, of: Described, id: str) -> None:
        """Note that a record was just created: it may take a while until it is found."""
        now = self._clock.monotonic()
        if of.says.late:
            self._made = {key: until for key, until in self._made.items() if until > now}
            self._made[of.name, id] = now + of.says.late

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Native | Missing]:
        """See :meth:`crmhub.connector.Connector.get`."""
        of = await self._schemas.checked(object, fields)
        found = await self.raw(of, list(dict.fromkeys(ids)), fields)
        wanted = self._wanted(of, fields)
        told = of.says.deletes
        gone = {id_ for id_, row in found.items() if told is not None and told.gone(row)}
        living = [row for id_, row in found.items() if id_ not in gone]
        await self._schemas.settle(of, wanted, living, set())
        await Links(self._api, of).fill(living, of.linked(fields))
        return [
            Missing(id_, "deleted" if id_ in gone else "unknown")
            if id_ in gone or id_ not in found
            else {name: found[id_].get(name) for name in wanted}
            for id_ in ids
        ]

    async def raw(self, of: Described, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Native]:
        """The flat records with those ids that are there, with all that the CRM gives of them."""
        says = of.says
        call = says.get
        if call is None:
            return await self._by_listing(of, frozenset(ids), fields)
        told = says.deletes
        extra = [told.flag] if told is not None and told.flag else []
        asked: list[Value] = [*of.plain([*self._wanted(of, fields), *extra])]
        if not takes_many(call):
            return await self._one_by_one(of, call, ids, asked)
        found: dict[str, Native] = {}
        for start in range(0, len(ids), call.most):
            sent = [self._api.key_sent(id_, of.name) for id_ in ids[start : start + call.most]]
            usable: list[Value] = [id_ for id_ in sent if id_ is not None]
            if not usable:
                continue
            scope = self._api.scope(of.name, {"ids": usable, "fields": asked})
            items = [{"id": id_} for id_ in usable]
            response = await self._api.send("get", call, scope, items=items, idempotent=True)
            for raw in self._api.rows("get", call, scope, response):
                row = self.flat(of, raw)
                found[str(row[says.key])] = row
        return found

    async def undecoded(self, of: Described, id: str) -> Native:
        """The record as the CRM itself has it. Raises ``NotFound``."""
        call = of.says.get
        sent = self._api.key_sent(id, of.name)
        if call is None or sent is None:
            raise NotFound(f"{of.name} {id} cannot be read", where=Where(object=of.name, record=id))
        scope = self._api.scope(of.name, {"id": sent, "ids": [sent], "fields": [*of.plain(of.schema.fields)]})
        response = await self._there(of, id, call, scope)
        if not takes_many(call):
            found = [self._api.row(call, scope, response)]
        else:
            found = self._api.rows("get", call, scope, response)
        record = next((row for row in found if isinstance(row, dict)), None)
        if record is None:
            raise NotFound(f"no such record of {of.name}", where=Where(object=of.name, record=id))
        return record

    async def _one_by_one(
        self, of: Described, call: Call, ids: Sequence[str], asked: list[Value]
    ) -> dict[str, Native]:
        found: dict[str, Native] = {}

        async def one(id_: str) -> None:
            if (sent := self._api.key_sent(id_, of.name)) is None:
                return
            scope = self._api.scope(of.name, {"id": sent, "fields": asked})
            try:
                call.path.fill(scope)
            except BadRequest:
                return  # no record of the CRM's has an id that its own URLs cannot hold
            try:
                response = await self._there(of, id_, call, scope)
            except NotFound as error:
                if not is_gone(self._api.crm, error):
                    raise
                return
            row = self.flat(of, _whole(sent, self._api.row(call, scope, response)))
            if row[of.says.key] != id_:
                raise BadResponse(
                    "another record came than was asked for", where=Where(object=of.name, record=id_)
                )
            found[id_] = row

        await limited([lambda id_=id_: one(id_) for id_ in ids], self._api.concurrency)
        return found

    async def _there(self, of: Described, id: str, call: Call, scope: Scope) -> Response:
        """The reply; of a record that was just created it is asked again until it is there."""
        while True:
            try:
                return await self._api.send("get", call, scope, items=[scope], idempotent=True)
            except NotFound as error:
                if not is_gone(self._api.crm, error):
                    raise
                if self._made.get((of.name, id), 0.0) <= self._clock.monotonic():
                    raise
            await self._clock.sleep(_AGAIN)

    async def _by_listing(
        self, of: Described, ids: frozenset[str], fields: Sequence[str]
    ) -> dict[str, Native]:
        """Where records cannot be asked for by id: small tables, read whole."""
        found: dict[str, Native] = {}
        pages = Pages(self._api, of).read(
            "list", of.says.list, self._api.scope(of.name), of.plain(self._wanted(of, fields))
        )
        async with aclosing(pages):
            async for got in pages:
                found |= {str(row[of.says.key]): row for row in got.rows if row[of.says.key] in ids}
        return found

    def flat(self, of: Described, raw: Value) -> Native:
        """A raw record as crmhub sees it."""
        return Pages(self._api, of).flat(raw)

    def _wanted(self, of: Described, fields: Sequence[str]) -> tuple[str, ...]:
        says = of.says
        always = (says.key, *([says.modified] if says.modified else []))
        return tuple(dict.fromkeys((*always, *(name.partition(".")[0] for name in fields))))

    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records that the CRM's search finds for the words; its index may lag behind writes."""
        of = await self._schemas.checked(object, fields)
        call = of.says.search
        if call is None:
            raise Unsupported(
                f"{self._api.crm.title} has no search for {object}",
                hint="read and filter what comes",
                where=Where(object=object),
            )
        if not text.strip():
            raise BadRequest("there are no words to search for", where=Where(object=object))
        wanted, links = self._wanted(of, fields), Links(self._api, of)
        left, sure = limit, set[str]()
        size = min(limit, call.page.most or limit) if call.page is not None else limit
        if limit < 1:
            return
        scope = self._api.scope(object, {"text": text, "limit": size})
        pages = Pages(self._api, of, size=size).read("search", call, scope, of.plain(wanted))
        async with aclosing(pages):
            async for got in pages:
                rows = list(got.rows[:left])
                await self._schemas.settle(of, wanted, rows, sure)
                await links.fill(rows, of.linked(fields))
                if rows:
                    yield Page([{name: row.get(name) for name in wanted} for row in rows])
                left -= len(rows)
                if left <= 0:
                    return

    async def count(self, object: str, filter: Sequence[Condition]) -> int:
        """How many live records there are. Raises ``Unsupported`` with conditions."""
        of = await self._schemas.of(object)
        call = of.says.count
        if call is None or filter:
            raise Unsupported(
                f"{self._api.crm.title} does not count {object}" + (" by conditions" if filter else ""),
                hint="read and count what comes",
                where=Where(object=object),
            )
        scope: Mapping[str, Value] = self._api.scope(object)
        response = await self._api.send("count", call, scope, idempotent=True)
        total = call.total.get(response.json())
        if isinstance(total, bool) or not isinstance(total, int | str) or not str(total).isdigit():
            raise BadResponse(f"the reply has no number at {call.total.text!r}", where=Where(object=object))
        return int(total)


def _whole(sent: Value, raw: Value) -> Value:
    """The record with the parts of its id that only the call had."""
    return {**sent, **raw} if isinstance(sent, dict) and isinstance(raw, dict) else raw
