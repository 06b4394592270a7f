"""A module cut into ranges of ids, so that several are read at once.

Ids rise as records are made, but how they lie is not known: an organisation's modules share them, and what
is deleted leaves gaps. So a range is cut by how dense its last page was, and whichever turns out to be the
largest is cut again when another one is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cutting", "Range"]

_CUTS = 4  # each cut may cost one more call, for a last page that is not full
_PAGES_A_CUT = 25  # so long reads may be cut more often: by 4 % more calls at most


@dataclass(frozen=True, slots=True)
class Range:
    """The ids after one and before another, both not in it; empty: from the first, up to the last."""

    after: str = ""
    before: str = ""

    @property
    def is_open(self) -> bool:
        """Whether its end is not known."""
        return not self.before

    @property
    def span(self) -> int:
        """How many ids there are in it; of a range whose end is known."""
        return max(0, int(self.before) - int(self.after or 0) - 1)


@dataclass(frozen=True, slots=True)
class _Density:
    rows: int
    ids: int


class Cutting:
    """How the ranges of one read are cut: for ``parallel`` calls at once, of ``page`` rows each."""

    def __init__(self, page: int, parallel: int) -> None:
        self._page = page
        self._parallel = parallel
        self._pages = 0
        self._cuts = 0
        self._known: dict[Range, _Density] = {}

    def learn(self, rest: Range, ids: Sequence[int]) -> None:
        """A page has been read next to ``rest``, whose ids are likely to lie as those of the page do."""
        self._pages += 1
        if ids:
            self._known[rest] = _Density(len(ids), ids[-1] - ids[0] + 1)

    def expected(self, rest: Range) -> int:
        """How many rows are likely to be in it: a page at most where nothing is known."""
        density = self._known.get(rest)
        if rest.is_open or density is None:
            return min(self._page, 1 if rest.is_open else rest.span)
        return -(-rest.span * density.rows // density.ids)

    def cut(self, ranges: Sequence[Range]) -> tuple[Range, ...]:
        """The same ids in as many ranges as may be read at once, if they are large enough for it."""
        cut = list(ranges)
        while cut and len(cut) < self._parallel:
            largest = max(cut, key=self.expected)
            pages = -(-self.expected(largest) // self._page)
            pieces = min(pages, self._parallel - len(cut) + 1, self._allowed() + 1)
            if pieces < 2:
                break
            place = cut.index(largest)
            cut[place : place + 1] = self._pieces(largest, pages, pieces)
            self._cuts += pieces - 1
        return tuple(cut)

    def _allowed(self) -> int:
        return _CUTS + self._pages // _PAGES_A_CUT - self._cuts

    def _pieces(self, whole: Range, pages: int, pieces: int) -> list[Range]:
        """``whole`` in pieces of so many expected pages each, as equal as can be."""
        density = self._known.pop(whole)
        ids_a_page = max(1, self._page * density.ids // density.rows)
        each, more = divmod(pages, pieces)
        found: list[Range] = []
        after = whole.after
        for number in range(pieces - 1):
            end = int(after or 0) + (each + (number < more)) * ids_a_page
            if end + 1 >= int(whole.before):
                break
            found.append(Range(after, str(end + 1)))
            after = str(end)
        found.append(Range(after, whole.before))
        for one in found:
            self._known[one] = density
        return found
