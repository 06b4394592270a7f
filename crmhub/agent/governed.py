"""The records of one model in one connection, as one agent may see them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Generic, TypeVar

from crmhub.agent.answers import Refused
from crmhub.agent.given import Given
from crmhub.agent.matching import Rows, meets, told_by
from crmhub.agent.policy.decide import ALWAYS, head_of
from crmhub.arguments import fields_of
from crmhub.conditions import can_ask
from crmhub.connection import Connection
from crmhub.errors import NotFound, Unsupported, Where
from crmhub.listing import Listing
from crmhub.mapping.rules import Rule
from crmhub.models import Record
from crmhub.usage import Operation

__all__ = ["TOO_MANY", "Governed"]

_Model = TypeVar("_Model", bound=Record)
TOO_MANY = "too_many_to_scan"
_SEARCHED = 200
"""Records that are asked of a CRM's search, at most: some of what it finds does not show why it was found."""


class Governed(Generic[_Model]):
    """Reads as :class:`crmhub.records.Records` does, within the agent's policy."""

    def __init__(self, call: Given, connection: Connection, model: type[_Model]) -> None:
        self._call = call
        self._connection = connection
        self._model = model
        self._sight = call.grant.sight(model.model)
        self._known = fields_of(model)
        self._rows = Rows(call.grant.rows(model.model), connection)

    # ── fields ───────────────────────────────────────────────────────────────────────────────────

    def shows(self, field: str) -> bool:
        """Whether the agent sees a field's values."""
        return self._sight.seen(field) == "shown"

    def demand(self, *fields: str) -> None:
        """Before something is computed, sorted or chosen by these fields.

        Raises :class:`Refused` where the agent does not see all of them: the result would tell.
        """
        for each in fields:
            if head_of(each) not in self._known or not self.shows(each):
                raise Refused(
                    "field_not_available",
                    f"{self._model.model}: there is no such field to choose, sort or count by here",
                    hint=f"by these there is: {', '.join(sorted(self._shown()))}",
                )

    def _shown(self) -> list[str]:
        return [name for name in self._known if name not in ALWAYS and self.shows(name)]

    async def rules(self) -> Mapping[str, Rule]:
        """The fields that the CRM has and the agent sees, by path, custom ones too; never what is in them."""
        maps = await self._connection.of(self._model).maps()
        found = {path: rule for each in maps for path, rule in each.by_path.items()}
        return {path: rule for path, rule in found.items() if self._sight.seen(path) != "denied"}

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def list(
        self,
        *,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        modified_since: datetime | None = None,
        limit: int | None = None,
    ) -> Listing[_Model]:
        """Records that the agent may see. Raises :class:`Refused` for a condition on what it may not."""
        only = self._only(fields)
        self._may_ask(where, modified_since)
        return Listing(lambda: self._listed(only, where or {}, modified_since, limit))

    def scan(
        self,
        *,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        modified_since: datetime | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Sequence[_Model]]:
        """As :meth:`list`, or with ``search`` as :meth:`search`, but none is counted or noted as handed out.

        For sums, and for choosing: what is told of single records goes through ``reach.handed`` first.
        Raises :class:`Refused` where more would have to be read than the policy lets one question read.
        """
        only = self._only(fields)
        self._may_ask(where, modified_since)
        if search is not None:
            return self._searched(search, only, limit or _SEARCHED)
        return self._scanned(only, where or {}, modified_since, limit)

    def among(self, fields: Iterable[str]) -> frozenset[str]:
        """Those of the fields that are there for the agent, masked ones too."""
        return self._sight.fields_among(self._known) & frozenset(fields)

    def search(self, text: str, *, fields: Iterable[str] | None = None, limit: int = 10) -> Listing[_Model]:
        """Records that the CRM's search finds, and that have each word where the agent sees it.

        What a CRM finds by a field that is hidden is left out: else the search would tell what is in it.
        """
        only = self._only(fields)
        return Listing(lambda: self._found(text, only, limit))

    def newest(self, limit: int, *, fields: Iterable[str] | None = None) -> Listing[_Model]:
        """The records made last, newest first; where the policy chooses rows, those among the last few.

        Raises :class:`Refused` where the agent does not see when records were made.
        """
        only = self._only(fields)
        self.demand("created_at")
        return Listing(lambda: self._latest(only, limit))

    async def get(self, id: str, *, fields: Iterable[str] | None = None) -> _Model:
        """The record of that id. Raises :class:`NotFound`, also for one that the agent may not see."""
        (found,) = await self.get_many([id], fields=fields)
        if found is None:
            raise NotFound("no such record", where=Where(connection=self._connection.name))
        return found

    async def get_many(
        self, ids: Iterable[str], *, fields: Iterable[str] | None = None
    ) -> Sequence[_Model | None]:
        """The record of each id, in order; ``None`` where there is none that the agent may see."""
        only, asked = self._only(fields), list(ids)
        await self._afford("get", len(asked))
        records = await self._connection.of(self._model).get_many(asked, fields=self._fetched(only))
        kept = [record for record in records if record is not None and await self._rows.meet(record)]
        given = await self._handed(kept, only)
        known = {record.id: record for record in given}
        return [known.get(id_) for id_ in asked]

    async def count(
        self, *, where: Mapping[str, object] | None = None, modified_since: datetime | None = None
    ) -> int:
        """How many there are that the agent may see.

        Raises :class:`Refused` where they would have to be read to be counted, and are too many.
        """
        self._may_ask(where, modified_since)
        asked = await self._rows.asked(where or {})
        if asked is None:
            return 0
        await self._afford("count", None)
        try:
            if asked.exact:
                return await self._connection.of(self._model).count(
                    where=asked.where, modified_since=modified_since
                )
        except Unsupported:
            if not self._rows:
                raise
        total = 0
        async with aclosing(self._matching(frozenset(), where or {}, modified_since, None)) as pages:
            async for page in pages:
                total += len(page)
        return total

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _only(self, fields: Iterable[str] | None) -> frozenset[str] | None:
        """The fields that are wanted. Those that are not there for the agent are refused, not left out."""
        if fields is None:
            return None
        wanted = frozenset(fields)
        for name in wanted - ALWAYS:
            if head_of(name) not in self._known or self._sight.seen(name) == "denied":
                raise Refused(
                    "field_not_available",
                    f"{self._model.model}: there is no such field here",
                    hint=f"there is: {', '.join(sorted(self._sight.fields_among(self._known)))}",
                )
        return frozenset(head_of(name) for name in wanted)

    def _may_ask(self, where: Mapping[str, object] | None, modified_since: datetime | None) -> None:
        self.demand(*(name for name in where or {} if name != "id"))
        if modified_since is not None:
            self.demand("updated_at")

    def _fetched(self, only: frozenset[str] | None) -> frozenset[str]:
        """The fields to ask the CRM for."""
        allowed = self._sight.fields_among(self._known)
        return (allowed if only is None else allowed & only) | self._rows.fields

    async def _listed(
        self,
        only: frozenset[str] | None,
        where: Mapping[str, object],
        modified_since: datetime | None,
        limit: int | None,
    ) -> AsyncGenerator[Sequence[_Model]]:
        left = limit
        if left == 0:
            return
        await self._afford("list", limit)
        async with aclosing(self._matching(self._fetched(only), where, modified_since, limit)) as pages:
            async for page in pages:
                given = await self._handed(page[:left], only)
                if given:
                    yield given
                if left is not None:
                    left -= len(given)
                    if left <= 0:
                        return

    async def _matching(
        self,
        fields: frozenset[str],
        where: Mapping[str, object],
        modified_since: datetime | None,
        limit: int | None,
    ) -> AsyncGenerator[Sequence[_Model]]:
        """Pages of the records that the agent may see, the CRM asked for no others where it can be."""
        asked = await self._rows.asked(where)
        if asked is None:
            return
        records = self._connection.of(self._model)
        fields |= self._rows.fields | {head_of(name) for name in where}
        most = self._call.grant.policy.limits.records_per_scan
        bound = None if asked.exact and limit is not None else most
        ways = await self._ways(asked.where, where)
        scanned, chosen = 0, ways.pop(0)
        listing = records.list(
            fields=fields, where=chosen, modified_since=modified_since, limit=limit if asked.exact else None
        )
        pages = listing.pages()
        try:
            while True:
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
                except Unsupported:
                    if scanned or not ways:
                        raise
                    await pages.aclose()  # the CRM cannot choose by that: we do
                    bound, chosen = most, ways.pop(0)
                    pages = records.list(fields=fields, where=chosen, modified_since=modified_since).pages()
                    continue
                scanned += len(page)
                kept = [record for record in page if chosen or meets(record, where)]
                yield [record for record in kept if await self._rows.meet(record)]
                if bound is not None and scanned > bound:
                    raise Refused(
                        TOO_MANY,
                        f"more than {bound} records of {self._model.model} would have to be read for this",
                        hint="ask for less: by a condition, or by when they were changed",
                    )
        finally:
            await pages.aclose()

    async def _ways(
        self, asked: Mapping[str, object], where: Mapping[str, object]
    ) -> list[Mapping[str, object]]:
        """What the CRM can be asked for, the narrowest first; nothing, where we can choose ourselves."""
        ways: list[Mapping[str, object]] = [asked]
        if asked != where:
            ways.append(where)
        if where:
            maps = await self._connection.of(self._model).maps()
            if all(any(can_ask(mapped, name) for mapped in maps) for name in where if name != "id"):
                ways.append({})
        return ways

    async def _scanned(
        self,
        only: frozenset[str] | None,
        where: Mapping[str, object],
        modified_since: datetime | None,
        limit: int | None,
    ) -> AsyncGenerator[Sequence[_Model]]:
        await self._afford("list", limit)
        async with aclosing(self._matching(self._fetched(only), where, modified_since, limit)) as pages:
            async for page in pages:
                yield [self._call.veil.seen(record, only) for record in page]

    async def _found(
        self, text: str, only: frozenset[str] | None, limit: int
    ) -> AsyncGenerator[Sequence[_Model]]:
        left = limit
        async with aclosing(self._searched(text, only, limit)) as pages:
            async for page in pages:
                if left <= 0:
                    return
                given = page[:left]
                await self._call.handed(given)
                left -= len(given)
                if given:
                    yield given

    async def _searched(
        self, text: str, only: frozenset[str] | None, limit: int
    ) -> AsyncGenerator[Sequence[_Model]]:
        kept: list[_Model] = []
        for most in dict.fromkeys([min(max(limit * 2, 20), _SEARCHED), _SEARCHED]):
            await self._afford("search", most)
            found = await self._connection.of(self._model).search(
                text, fields=self._fetched(None), limit=most
            )
            kept = [record for record in found if await self._rows.meet(record)]
            kept = [record for record in kept if told_by(self._call.veil.seen(record), text)]
            if len(kept) >= limit or len(found) < most:
                break  # else others that are hidden may have taken their places
        yield [self._call.veil.seen(record, only) for record in kept]

    async def _latest(self, only: frozenset[str] | None, limit: int) -> AsyncGenerator[Sequence[_Model]]:
        most = min(max(limit * 5, 50), max(limit, _SEARCHED)) if self._rows else limit
        await self._afford("newest", most)
        found = await self._connection.of(self._model).newest(most, fields=self._fetched(only))
        kept = [record for record in found if await self._rows.meet(record)]
        yield await self._handed(kept[:limit], only)

    async def _handed(self, records: Sequence[_Model], only: frozenset[str] | None) -> Sequence[_Model]:
        """The records as the agent gets them, counted and noted."""
        given = [self._call.veil.seen(record, only) for record in records]
        await self._call.handed(given)
        return given

    async def _afford(self, operation: Operation, records: int | None) -> None:
        """Pay what the CRM will charge, where the policy limits that."""
        limits = self._call.grant.policy.limits
        if limits.credits_per_day is None:
            return
        most = limits.records_per_scan if records is None else records
        try:
            cost = (await self._connection.estimate(operation, self._model, records=most)).cost
        except Unsupported:
            cost = 1  # its calls have no prices
        await self._call.meter.credits(cost)
