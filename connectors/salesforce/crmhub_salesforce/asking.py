"""The queries of one read: as many rows and as many fields at a time as Salesforce can give.

A query that takes too long is asked again for half of the rows, and pages grow again when they come. One with
too many fields is read in parts (:mod:`.wide`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmhub.connector import Context, Native
from crmhub.errors import BadRequest
from crmhub_salesforce.api import Api, Reply
from crmhub_salesforce.received import checked
from crmhub_salesforce.schema import Described
from crmhub_salesforce.soql import MOST_CHARACTERS, quoted, select
from crmhub_salesforce.tiers.rest import Rest
from crmhub_salesforce.wide import Parts, joined

__all__ = ["Asked", "Asker"]

_TOO_LONG = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE"})
_FEWEST_ROWS = 25
_GROWS_AFTER = 4
"""Pages that came, after which twice as many rows are asked for again."""
_ID = 22
"""Characters of an id in a list of ids."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page: its ``rows``, and what their ``keys`` were (id and stamp) when it was asked for."""

    reply: Reply
    keys: list[Native]
    rows: list[Native]
    is_last: bool
    """Whether fewer came than were asked for."""


class Asker:
    """See the module. Reads ``fields`` of the records that meet all ``conditions``.

    ``deleted`` also finds deleted and archived records; ``most`` are the rows of a page.
    """

    def __init__(
        self,
        api: Api,
        context: Context,
        of: Described,
        fields: Sequence[str],
        conditions: Sequence[str],
        *,
        most: int,
        deleted: bool,
    ) -> None:
        self._api = api
        self._rest = Rest(api)
        self._events = context.events
        self._connection = context.connection
        self._of = of
        self._conditions = tuple(conditions)
        self._most = most
        self._deleted = deleted
        self._limit = most
        self._came = 0
        self._parts = Parts(of, fields)

    async def page(self, after: str | None, order: Sequence[str]) -> Asked:
        """The first rows, in that order, that also meet the condition ``after``."""
        conditions = self._conditions if after is None else (*self._conditions, after)
        object_ = self._of.name
        bare = select(("Id",), object_, conditions, order=order, limit=self._limit)
        self._parts.fit(MOST_CHARACTERS - len(bare))
        while True:
            limit, parts = self._limit, self._parts.all
            soql = select(parts[0], object_, conditions, order=order, limit=limit)
            try:
                reply = await self._api.query(soql, object=object_, deleted=self._deleted)
                found = checked(self._of, reply.records)
                keys = found if len(parts) == 1 else [self._key(row) for row in found]
                rows = await joined(self._of, found, parts, self._ask)
            except BadRequest as error:
                if not (self._narrowed(error) or self._parted(error)):
                    raise
                continue
            self._grow()
            return Asked(reply, keys, rows, reply.done and len(reply.records) < limit)

    async def _ask(self, fields: tuple[str, ...], ids: Sequence[str]) -> Iterable[Native]:
        """Those fields of the records of those ids, fewer at a time where that is too long."""
        half = len(ids) // 2
        bare = select(fields, self._of.name, (*self._conditions, "Id IN ()"))
        if half and len(bare) + len(ids) * _ID > MOST_CHARACTERS:
            return [*await self._ask(fields, ids[:half]), *await self._ask(fields, ids[half:])]
        named = f"Id IN ({', '.join(map(quoted, ids))})"
        soql = select(fields, self._of.name, (*self._conditions, named))
        try:
            return await self._rest.rows(soql, self._of.name, deleted=self._deleted)
        except BadRequest as error:
            if error.code not in _TOO_LONG or half < _FEWEST_ROWS:
                raise
            return [*await self._ask(fields, ids[:half]), *await self._ask(fields, ids[half:])]

    def _key(self, row: Native) -> Native:
        return {name: row[name] for name in ("Id", self._of.cursor) if name is not None}

    def _narrowed(self, error: BadRequest) -> bool:
        """Whether fewer rows can be asked for, where those were too many."""
        if error.code not in _TOO_LONG or self._limit <= _FEWEST_ROWS:
            return False
        self._limit, self._came = max(self._limit // 2, _FEWEST_ROWS), 0
        self._events.emit(
            "read.narrowed",
            connection=self._connection,
            object=self._of.name,
            cause=error.code,
            rows=self._limit,
        )
        return True

    def _parted(self, error: BadRequest) -> bool:
        """Whether fewer fields can be asked for at a time, where those were too many."""
        if not self._parts.halve(error):
            return False
        self._events.emit(
            "read.parted",
            connection=self._connection,
            object=self._of.name,
            cause=error.code,
            parts=len(self._parts.all),
        )
        return True

    def _grow(self) -> None:
        self._came += 1
        if self._limit < self._most and self._came >= _GROWS_AFTER:
            self._limit, self._came = min(self._limit * 2, self._most), 0
