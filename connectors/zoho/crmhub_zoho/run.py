"""One read by queries: what it asks, and what is checked on every page of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import lt

from crmhub.connector import Checkpoint, Native, ReadRequest
from crmhub.errors import BadResponse, Where
from crmhub_zoho import checkpoints, coql
from crmhub_zoho.checkpoints import Bulk, Changes, Full, Position
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.fetching import Fetcher, plan
from crmhub_zoho.ranges import Range
from crmhub_zoho.records import CONVERTED, ID, MODIFIED, distinct, newest_of, normaliser, numbers_of, stamp_of
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import Answer, Rest

__all__ = ["Run", "began_at", "not_advancing"]


class Run:
    """See the module."""

    def __init__(
        self, rest: Rest, fetcher: Fetcher, config: ZohoConfig, request: ReadRequest, schema: ModuleSchema
    ) -> None:
        self.module = request.object
        self.request = request
        self.schema = schema
        self.plan = plan(schema, request.fields)
        self.limit = max(1, min(request.page_size or config.page_size, coql.MOST_ROWS))
        self._rest = rest
        self._fetcher = fetcher
        self._normalise = normaliser(schema, frozenset(self.plan.columns))
        for condition in request.filter:
            schema.check(condition.field)
        live = [f"{CONVERTED} = false"] if schema.has(CONVERTED) else []
        self._filter = [*coql.conditions(request.filter, schema.data_types, room=3 + len(live)), *live]

    @property
    def is_filtered(self) -> bool:
        """Whether not all records of the module are asked for."""
        return bool(self._filter)

    async def ask(self, where: str, order: str) -> Answer:
        """A page of rows in that order."""
        where = coql.all_of([where, *self._filter])
        query = coql.select(self.plan.columns, self.module, where, order=order, limit=self.limit)
        return await self._rest.coql(query, self.limit)

    async def ask_ids(self, part: Range, *, last: bool = False) -> Answer:
        """The first page of a range in the order of its ids; its ``last`` one in the opposite order."""
        parts: list[str] = []
        if part.after:
            parts.append(f"{ID} > {coql.literal(part.after)}")
        if part.before:
            parts.append(f"{ID} < {coql.literal(part.before)}")
        where = coql.all_of(parts or [f"{ID} is not null"])
        return await self.ask(where, f"{ID} desc" if last else f"{ID} asc")

    async def ask_changes(self, last: Position) -> Answer:
        """A page of the changes from that place on, in the order of time, then of the ids."""
        at = coql.stamp(last.at)
        where = f"{MODIFIED} >= {at}"
        if last.id:
            where = f"(({MODIFIED} = {at} and {ID} > {coql.literal(last.id)}) or {MODIFIED} > {at})"
        return await self.ask(where, f"{MODIFIED} asc, {ID} asc")

    def checked(self, rows: list[Native]) -> list[Native]:
        """The rows in one form and without repeated ones, each with its id and time of change."""
        self._normalise(rows, self.module)
        return distinct(rows, self.module)

    def has_more(self, answer: Answer, rows: Sequence[Native]) -> bool:
        """Whether another page follows; Zoho's word counts, a full page where it gives none."""
        more = len(answer.rows) >= self.limit if answer.more is None else answer.more
        if more and not rows:
            raise not_advancing(self.module)
        return more

    def check_ids(self, part: Range, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` unless the ids rise within that range."""
        ids = [int(part.after or 0), *numbers_of(rows)]
        if part.before:
            ids.append(int(part.before))
        if not all(map(lt, ids, ids[1:])):
            raise not_advancing(self.module)

    def check_changes_after(self, last: Position, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` unless the times of change rise from ``last`` on."""
        before = last.at
        for row in rows:
            at = stamp_of(row, self.module)
            if at < before:
                raise not_advancing(self.module)
            before = at

    def check_end(self, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` unless the ids rise among the last changes of one time.

        The next page begins after the last of them: of others at that time, with lower ids, none would come.
        """
        same = [row for row in rows if row.get(MODIFIED) == rows[-1].get(MODIFIED)]
        ids = numbers_of(same)
        if not all(map(lt, ids, ids[1:])):
            raise not_advancing(self.module)

    def peak(self, rows: Sequence[Native], peak: Position | None) -> Position | None:
        """The newest change among ``peak`` and the rows."""
        if not self.schema.has(MODIFIED):
            return None
        newest, last = (peak.at, peak.id) if peak else (None, "")
        for row in newest_of(rows):
            at, id_ = stamp_of(row, self.module), str(row[ID])
            if newest is None or at > newest or (at == newest and int(id_) > int(last or 0)):
                newest, last = at, id_
        return peak if newest is None else Position(newest, last)

    async def completed(self, rows: list[Native]) -> list[Native]:
        """The rows with the fields that a query cannot give."""
        return await self._fetcher.complete(self.module, self.schema, self.plan, rows)

    def save(self, state: Full | Bulk | Changes) -> Checkpoint:
        """The checkpoint of a state."""
        return checkpoints.save(state, self.module, self.request.filter)


def began_at(answer: Answer, asked_at: datetime) -> datetime:
    """When a walk began, by the server's clock; by ours where the reply does not tell."""
    return (answer.at or asked_at).replace(microsecond=0)


def not_advancing(module: str) -> BadResponse:
    """The pages go in a circle, or are not in the order that was asked for."""
    return BadResponse(
        f"the read of {module} is not advancing: a page does not come after the one before it",
        hint="nothing is lost: run it again from the last checkpoint",
        where=Where(object=module),
    )
