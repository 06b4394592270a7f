"""What has changed since: by the CRM's own pages, page by page from the last change, or by comparing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub_rest import checkpoint
from crmhub_rest.api import Api
from crmhub_rest.everything import Everything, Scope
from crmhub_rest.language.call import Listing
from crmhub_rest.language.object import Changes as ChangesOf
from crmhub_rest.pages import Got

__all__ = ["LEAST_LAG", "Changing", "Step", "lag_of"]

LEAST_LAG = 1.0
"""Seconds: what is committed while a reply is made may not be in it, and stamps are often whole seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one page of changes gives. ``goes_on``: a read can begin anew from ``state`` to have the rest."""

    rows: Sequence[Native]
    state: checkpoint.Changes
    goes_on: bool = True


class Changing:
    """Reads changes."""

    def __init__(self, api: Api, everything: Everything, clock: Clock) -> None:
        self._api = api
        self._everything = everything
        self._clock = clock

    def steps(self, scope: Scope, state: checkpoint.Changes) -> AsyncGenerator[Step]:
        """The pages of what has changed. Raises ``BadRequest`` for an object that tells no changes."""
        changes = scope.of.says.changes
        if changes is None:
            raise BadRequest("the object cannot be read by changes", where=Where(object=scope.of.name))
        if changes == "all":
            return self._compared(scope, state)
        if changes.reanchor and changes.ties is not None:
            return self._anchored(scope, state, changes, changes.ties)
        return self._paged(scope, state, changes)

    async def _paged(
        self, scope: Scope, state: checkpoint.Changes, changes: ChangesOf
    ) -> AsyncGenerator[Step]:
        """Changes by the CRM's own pages."""
        start = state.at or state.seen - timedelta(seconds=lag_of(changes))
        values = self._api.scope(scope.of.name, {"since": changes.since.write(start)})
        pages = scope.pages.read("changes", changes, values, scope.asked, state.place)
        async with aclosing(pages):
            async for got in pages:
                state = self._moved(scope, state, got, start=start)
                rows = got.rows
                if changes.newest_first:
                    rows = [row for row in rows if self.stamp(scope, row) >= start]
                    yield Step(rows, state, goes_on=False)
                    if len(rows) < len(got.rows):
                        return
                    continue
                self._demand_filtered(scope, rows, start)
                state = replace(state, place=got.following)
                yield Step(rows, state, goes_on=got.following is not None)

    async def _compared(self, scope: Scope, state: checkpoint.Changes) -> AsyncGenerator[Step]:
        """Everything, without what has not changed since."""
        start = state.seen - timedelta(seconds=LEAST_LAG)
        async with aclosing(self._everything.pages(scope, state.place)) as pages:
            async for got in pages:
                state = replace(self._moved(scope, state, got, start=start), place=got.following)
                rows = [row for row in got.rows if self.stamp(scope, row) >= start]
                yield Step(rows, state, goes_on=got.following is not None)

    async def _anchored(
        self, scope: Scope, state: checkpoint.Changes, changes: ChangesOf, ties: Listing
    ) -> AsyncGenerator[Step]:
        """Changes a page at a time, each asked for from the last record's time on."""
        start = state.at or state.seen - timedelta(seconds=lag_of(changes))
        edge: set[str] = set()
        while True:
            role, listing = ("changes", changes) if state.after is None else ("ties", ties)
            values = self._api.scope(
                scope.of.name, {"since": changes.since.write(start), "after": state.after}
            )
            got = await self._first(scope.pages.read(role, listing, values, scope.asked))
            state = self._moved(scope, state, got, start=start)
            fresh = [row for row in got.rows if row[scope.of.says.key] not in edge]
            last = self.stamp(scope, got.rows[-1]) if got.rows else start
            if state.after is not None:
                if not got.rows:
                    start, edge = start + timedelta(milliseconds=1), set[str]()
                    state = replace(state, at=start, after=None)
                    continue
                state = replace(state, at=start, after=str(got.rows[-1][scope.of.says.key]))
                yield Step(fresh, state)
                continue
            self._demand_filtered(scope, got.rows, start)
            if got.following is None and not got.capped:
                yield Step(fresh, state, goes_on=False)
                return
            if last > start:
                edge = {str(row[scope.of.says.key]) for row in got.rows if self.stamp(scope, row) == last}
                start = last
                state = replace(state, at=start)
                yield Step(fresh, state)
            else:  # a page full of one instant
                edge = set()
                state = replace(state, at=start, after="0")

    async def _first(self, pages: AsyncGenerator[Got]) -> Got:
        async with aclosing(pages):
            async for got in pages:
                return got
        return Got((), None, None)

    def _moved(
        self, scope: Scope, state: checkpoint.Changes, got: Got, *, start: datetime
    ) -> checkpoint.Changes:
        """The state with what the page tells: the CRM's time, and the newest change."""
        stamps = [self.stamp(scope, row) for row in got.rows]
        newest = max([*stamps, *([state.newest] if state.newest else [])], default=None)
        return replace(state, at=state.at or start, until=state.until or self.time_of(got), newest=newest)

    def stamp(self, scope: Scope, row: Native) -> datetime:
        """When a record was changed, or else made. Raises ``BadResponse`` where it does not say so."""
        says = scope.of.says
        found = says.times.read(row.get(str(says.modified)))
        if found is None:
            created = says.times.read(row.get(says.created)) if says.created else None
            if created is not None:
                return created  # never changed since it was made
            raise BadResponse(
                f"a record came without a time in {says.modified!r}: it has {', '.join(sorted(row)[:20])}",
                hint="modified or times in the CRM's description is wrong",
                where=Where(object=scope.of.name, record=str(row[says.key]), field=says.modified),
            )
        return found

    def _demand_filtered(self, scope: Scope, rows: Sequence[Native], start: datetime) -> None:
        """Raise ``BadResponse`` when records came that are older than was asked for."""
        earliest = start - timedelta(seconds=LEAST_LAG)
        if any(self.stamp(scope, row) < earliest for row in rows):
            raise BadResponse(
                "records came that are older than was asked for: the CRM ignores the condition",
                hint="since in the CRM's description does not reach it",
                where=Where(object=scope.of.name),
            )

    def time_of(self, got: Got) -> datetime:
        """The CRM's time, at the latest, when the page was made."""
        return (got.at or self._clock.now()) - timedelta(seconds=LEAST_LAG)


def lag_of(changes: ChangesOf | str) -> float:
    """How late a change can show, in seconds."""
    return LEAST_LAG if isinstance(changes, str) else max(changes.lag, LEAST_LAG)
