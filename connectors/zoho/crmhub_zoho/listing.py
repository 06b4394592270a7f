"""Reading a module that COQL does not know (Notes), by its list in the order of changes.

The list can only be asked for what changed after a time. So each page is asked for anew from the time of
the last record on, less one second, and what was seen at that time already is left out; only when one
second holds more records than a page does the read follow page tokens within it. A full read is a read of
changes from the beginning.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crmhub.clock import Clock
from crmhub.connector import Deletion, Native, Page, ReadRequest
from crmhub.errors import BadResponse, Unsupported, Where
from crmhub_zoho import checkpoints
from crmhub_zoho.checkpoints import Changes, Position, Walk
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.deletions import Deletions
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.records import ID, MODIFIED, distinct, normaliser, stamp_of
from crmhub_zoho.run import began_at, not_advancing
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import MOST_FIELDS, PAGE, Answer, Rest

__all__ = ["ListReader"]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class ListReader:
    """Reads modules by their list."""

    def __init__(
        self, rest: Rest, fetcher: Fetcher, deletions: Deletions, config: ZohoConfig, clock: Clock
    ) -> None:
        self._rest = rest
        self._fetcher = fetcher
        self._deletions = deletions
        self._config = config
        self._clock = clock

    async def read(self, request: ReadRequest, schema: ModuleSchema) -> AsyncGenerator[Page]:
        """The pages of a request; see :class:`crmhub.connector.Page`."""
        if request.filter:
            raise Unsupported(
                f"{request.object} cannot be filtered", hint="read them all, or get them by their ids"
            )
        names = _names(request, schema)
        state = self._state(request)
        first = state is None
        asked_at = self._clock.now()
        state = state or Changes(Position(_BEGINNING), asked_at)
        walk = _ListWalk(state.walk.last if state.walk else state.start)
        began = state.walk.began if state.walk else None
        normalise = normaliser(schema)
        while True:
            answer = await self._page(request, names, walk)
            normalise(answer.rows, request.object)
            began = began or began_at(answer, asked_at)
            if first:
                state, first = replace(state, deleted=began - timedelta(seconds=self._config.overlap)), False
            fresh = walk.fresh(distinct(answer.rows, request.object), request.object)
            rows = await self._fetcher.whole(request.object, schema, fresh, names)
            if not answer.goes_on(_page_size(request)):
                break
            walk.go_on(answer, request.object)
            if rows:
                place = replace(state, walk=Walk(began, Position(walk.at)))
                yield Page(rows, (), checkpoints.save(place, request.object, ()))
        gone: Sequence[Deletion] = ()
        if request.since is not None:
            gone = await self._deletions.since(request.object, state.deleted, schema)
        newest = max((one.at for one in gone if one.at is not None), default=None)
        end = checkpoints.after_walk(state, began, walk.peak, newest, self._config.overlap)
        yield Page(rows, gone, checkpoints.save(end, request.object, ()))

    def _state(self, request: ReadRequest) -> Changes | None:
        if request.since is None:
            return None
        state = checkpoints.load(request.since, request.object, ())
        return state if isinstance(state, Changes) else None

    async def _page(self, request: ReadRequest, names: Sequence[str], walk: _ListWalk) -> Answer:
        return await self._rest.records(
            request.object,
            names,
            since=walk.since,
            token=walk.token,
            by_change=True,
            per_page=_page_size(request),
        )


class _ListWalk:
    """Where a walk over the list stands: the time it has reached, and who was seen at that time."""

    def __init__(self, start: Position) -> None:
        self.at = start.at
        self.peak: Position | None = None
        self.token: str | None = None
        self._exact = bool(start.id)
        self._seen: set[str] = set()
        self._anchor = start.at
        self._tokens: set[str] = set()

    @property
    def since(self) -> datetime | None:
        """What to ask for: changes after this; ``None`` for all."""
        if self._anchor == _BEGINNING:
            return None
        return self._anchor if self._exact else self._anchor - _SECOND

    def fresh(self, rows: Sequence[Native], module: str) -> list[Native]:
        """The rows that were not seen before; raises ``BadResponse`` when they are out of order."""
        fresh: list[Native] = []
        for row in rows:
            at, record = stamp_of(row, module), str(row[ID])
            if at < self.at and self._seen:
                raise not_advancing(module)
            if at > self.at:
                self.at, self._seen = at, set()
            if record not in self._seen:
                fresh.append(row)
                self._seen.add(record)
            place = Position(at, record)
            if self.peak is None or place.order > self.peak.order:
                self.peak = place
        return fresh

    def go_on(self, answer: Answer, module: str) -> None:
        """Ask next from the time reached; within one second, for the page after this one."""
        if self.at > self._anchor:
            self._anchor, self._exact, self.token = self.at, False, None
            self._tokens.clear()
            return
        if answer.token is None or answer.token in self._tokens or not answer.rows:
            raise not_advancing(module)
        self._tokens.add(answer.token)
        self.token = answer.token


def _page_size(request: ReadRequest) -> int:
    return max(1, min(request.page_size or PAGE, PAGE))


def _names(request: ReadRequest, schema: ModuleSchema) -> list[str]:
    for name in request.fields:
        schema.check(name)
    if not schema.has(MODIFIED):
        raise BadResponse(
            f"{request.object} has no field {MODIFIED}, by which its list is read",
            where=Where(object=request.object, field=MODIFIED),
        )
    names = list(dict.fromkeys([MODIFIED, *(name for name in request.fields if name != ID)]))
    if len(names) > MOST_FIELDS:
        raise Unsupported(
            f"a list of {request.object} shows {MOST_FIELDS} fields", hint="ask for fewer fields"
        )
    return names
