"""Pages that are counted: records that come and go meanwhile move the others, and one could be passed over.

So each page begins with the last record of the one before. Where another stands there, rows have shifted, and
the read goes back until it meets a record that has come already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, Unavailable, Where
from crmhub_rest.guards import stuck
from crmhub_rest.language.paging import Paging, Place
from crmhub_rest.language.path import ABSENT
from crmhub_rest.schemas import Described

__all__ = ["Counted", "calls_of"]

_LAST = ".last"
"""The member of a place that tells of the record before the page's own ones."""
_REMEMBERED = 2_000
_MOST_BACK = 25


@dataclass(frozen=True, slots=True)
class _Last:
    """The record that came last before a page, and how many stood before it."""

    id: str
    version: Value
    place: int

    @classmethod
    def of(cls, place: Place) -> _Last | None:
        """What a place says of it."""
        noted = place.get(_LAST)
        if not isinstance(noted, list) or len(noted) != 3:
            return None
        id_, version, at = noted
        return cls(str(id_), version, at) if isinstance(at, int) else None

    @property
    def noted(self) -> Value:
        """The same as a part of a place."""
        return [self.id, self.version, self.place]


class Counted:
    """One read by an offset or by page numbers."""

    def __init__(
        self, of: Described, role: str, paging: Paging, size: int | None, place: Place | None
    ) -> None:
        self._of = of
        self._role = role
        self._paging = paging
        self._size = size
        self._widest = 0
        self._furthest = 0
        self.reached: int | None = None
        """How many records there were up to the end of the last page, where that is known."""
        self._backs = 0
        self._by_plain_numbers = False
        self._stale = 0
        last = _Last.of(place or {})
        self._known: dict[str, Value] = {} if last is None else {last.id: last.version}

    def taken(self, here: Place, rows: Sequence[Native]) -> list[Native] | Place:
        """What is new of the page at that place, or where to look instead, since rows have shifted."""
        start, last = self._start(here), _Last.of(here)
        fresh = list(rows)
        if start is not None and last is not None:
            if self._ignores_size(here, rows):
                self._by_plain_numbers = True
                return self._paging.numbered(self._paging.first + (last.place + 1) // (self._size or 1))
            behind = last.place - start + 1
            in_place = 0 < behind <= len(rows) and self._is(rows[behind - 1], last)
            if in_place and len(self._known) == 1:  # the first page of a read that goes on
                fresh = fresh[behind:]
            elif start > 0 and not in_place and not (rows and self._is_known(rows[0])):
                return self._back(start, last)
            fresh = [row for row in fresh if not self._is_known(row)]
            self._demand_new(here, rows, fresh, start)
        elif rows and all(self._is_known(row) for row in rows):
            raise self._stuck()
        for row in rows:
            self._known.pop(str(row[self._of.says.key]), None)
            self._known[str(row[self._of.says.key])] = self._version(row)
        for id_ in [*self._known][: max(len(self._known) - _REMEMBERED, 0)]:
            del self._known[id_]
        self._widest = max(self._widest, len(rows))
        sure = start is not None and (start == 0 or last is not None) and not self._stale
        self.reached = start + len(rows) if sure and start is not None else None
        if (self.reached or 0) > self._furthest:
            self._furthest, self._backs = self.reached or 0, 0
        return fresh

    def following(self, here: Place, reply: Value, rows: Sequence[Native]) -> Place | None:
        """The place of the page after the one that was taken; ``None``: there is none."""
        size, start = self.size_at(here), self._start(here)
        plain = self._paging.following(here, reply, rows, size)
        if plain is None or start is None:
            return plain
        only_last = self._paging.offset is not None and _LAST in here and start > 0 and len(rows) < 2
        if only_last or (not self._stale and self._paging.ends(reply, start + len(rows))):
            return None
        if len(rows) < 2 or not self._can_overlap(here, rows):
            target = self._paging.size_target or ""
            return {**plain, target: here[target]} if target in here else plain
        place = start + len(rows) - 1
        return self._at(place, _Last(str(rows[-1][self._of.says.key]), self._version(rows[-1]), place))

    def size_at(self, place: Place) -> int | None:
        """How many records are asked for at that place."""
        own = place.get(self._paging.size_target or "")
        return own if isinstance(own, int) else self._size

    def _start(self, place: Place) -> int | None:
        """How many records stand before the page; ``None`` where that cannot be known."""
        held = place.get(self._paging.offset or self._paging.number or "")
        if self._paging.offset is not None:
            return held if isinstance(held, int) else 0
        size = self.size_at(place)
        number = held if isinstance(held, int) else self._paging.first
        if number == self._paging.first:
            return 0
        return None if size is None or self._by_plain_numbers else (number - self._paging.first) * size

    def _can_overlap(self, here: Place, rows: Sequence[Native]) -> bool:
        """Whether pages can begin anywhere: by numbers only where the CRM gives as many as are asked for."""
        if self._paging.offset is not None:
            return True
        size = self._size
        if self._by_plain_numbers or size is None or self._paging.size_target is None or size < 4:
            return False
        return len(rows) == self.size_at(here)

    def _ignores_size(self, here: Place, rows: Sequence[Native]) -> bool:
        size = self.size_at(here)
        return self._paging.number is not None and size is not None and len(rows) > size

    def _at(self, start: int, last: _Last) -> Place:
        """The place of a page that begins there, or by numbers a little before."""
        if self._paging.offset is not None:
            return {self._paging.offset: start, _LAST: last.noted}
        size = _size_for(start, self._size or 1)
        sized: Place = {str(self._paging.size_target): size}
        if (start // size + 1) * size <= start + 1 and start == last.place:  # all sizes end here: small ones
            return {**self._paging.numbered(self._paging.first + (start + 1) // size), **sized}
        return {**self._paging.numbered(self._paging.first + start // size), **sized, _LAST: last.noted}

    def _demand_new(self, here: Place, rows: Sequence[Native], fresh: Sequence[Native], start: int) -> None:
        """Raise ``BadResponse`` where full pages have nothing new, unless the read has just gone back."""
        full = len(rows) >= (self.size_at(here) or 2) and len(rows) > 1
        self._stale = self._stale + 1 if start and full and not fresh and not self._backs else 0
        if self._stale > 1:
            raise self._stuck()

    def _back(self, start: int, last: _Last) -> Place:
        self._backs += 1
        if self._backs > _MOST_BACK:
            raise Unavailable(
                "records come and go faster than pages can be read",
                hint="try again later; if it stays so, look at page.size in the CRM's description",
                where=Where(object=self._of.name),
            )
        step = max((self._size or self._widest) - 1, 0) * 2 ** (self._backs - 1)
        return self._at(max(start - step, 0) if step else 0, last)

    def _stuck(self) -> BadResponse:
        return stuck(self._of, self._role, "pages in a row have the same records")

    def _is_known(self, row: Native) -> bool:
        """Whether the record came a little while ago, as it is now: one that changed may have moved."""
        return self._known.get(str(row[self._of.says.key]), ABSENT) == self._version(row)

    def _is(self, row: Native, last: _Last) -> bool:
        return str(row[self._of.says.key]) == last.id and self._version(row) == last.version

    def _version(self, row: Native) -> Value:
        return row.get(self._of.says.modified) if self._of.says.modified is not None else None


def _size_for(start: int, most: int) -> int:
    """The page size by which the numbered page that holds that record goes on the furthest."""
    return max(range(max(most // 2, 2), most + 1), key=lambda size: (start // size + 1) * size)


def calls_of(paging: Paging, records: int, size: int, *, tells_end: bool) -> int:
    """How many calls such a read takes while nothing shifts. ``tells_end``: the last page says that it is."""
    start, asked, calls, overlaps = 0, size, 0, False
    while True:
        calls += 1
        rows = min(asked, max(records - start, 0))
        reached = start + rows
        ends = rows == 0 or (tells_end and reached >= records) or (paging.short_is_last and rows < asked)
        if ends or (paging.offset is not None and overlaps and rows < 2):
            return calls
        overlaps = rows > 1 and (paging.offset is not None or (size > 3 and rows == asked))
        if paging.offset is not None:
            start = reached - overlaps
            continue
        if overlaps:
            asked = _size_for(reached - 1, size)
            overlaps = ((reached - 1) // asked + 1) * asked > reached
        start = (reached - 1) // asked * asked if overlaps else start + asked if rows < asked else reached
