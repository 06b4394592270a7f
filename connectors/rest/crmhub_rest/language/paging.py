"""How one page leads to the next.

Four ways: what the reply (or its last record) gives is sent back (``next``), the reply has a link
(``link``), records are counted (``offset``) or pages are (``number``). Where a page stands is plain JSON, so
that it can be kept in a checkpoint; members that begin with a dot are not sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from crmhub.native import Native, Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import ABSENT, JsonPath

__all__ = ["Paging", "Place"]

Place = dict[str, "Value"]
"""Where a read stands: what the next call adds, by target (``after``, ``query.start``, ``body.page.no``)."""

_LINK = "link"


class Paging(Part):
    """The way from page to page. A target is a parameter of a get, else a member of the body."""

    next: dict[str, JsonPath] = {}
    """Targets, and where in the reply their next values are; ``last.`` begins a path in the last record."""
    link: JsonPath | None = None
    """Where the reply has the next page's URL, or its path from the root and its query."""
    offset: str | None = None
    """The target of the number of records before the page. Each page begins with the last record of the one
    before, so that none is passed over when records come and go."""
    number: str | None = None
    """The target of the page's number. With ``size``, pages overlap as those by ``offset`` do: their sizes
    differ a little."""
    first: int = Field(default=1, ge=0, le=1)
    """The number of the first page."""
    size: dict[str, int] = Field(default_factory=dict[str, int], max_length=1)
    """The target of the page size, and the most it can be."""
    more: JsonPath | None = None
    """Where the reply says whether there is more: false or 0 ends the read."""
    total: JsonPath | None = None
    """Where the reply says how many records there are in all: a read that ends with fewer is an error."""
    short_is_last: bool = False
    """Whether a page with fewer records than were asked for is the last one."""
    empty_is_last: bool = False
    """Whether a page without records is the last one, whatever the reply gives to be sent back."""
    forgets: bool = False
    """Whether the CRM forgets after a while what it gave: a read that cannot go on then begins anew."""
    cap: int | None = Field(default=None, ge=1)
    """How many records pages can reach in all, where that is bounded."""

    @model_validator(mode="after")
    def _one_way(self) -> Paging:
        ways = [name for name in ("next", "link", "offset", "number") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError(f"one of next, link, offset and number is needed, not {len(ways)}")
        if any(most < 1 for most in self.size.values()):
            raise ValueError("size: give the most records that a page can have")
        return self

    @property
    def most(self) -> int | None:
        """The largest page, where that is known."""
        return next(iter(self.size.values()), None)

    @property
    def counts(self) -> bool:
        """Whether a page is found by a number: of records before it, or its own."""
        return self.offset is not None or self.number is not None

    @property
    def size_target(self) -> str | None:
        """Where the page size goes."""
        return next(iter(self.size), None)

    def start(self) -> Place:
        """The place of the first page."""
        return self.numbered(self.first) if self.number else {}

    def numbered(self, number: int) -> Place:
        """The place of the page with that number."""
        return {str(self.number): number}

    def reaches_cap(self, count: int, size: int) -> bool:
        """Whether another page of that size would be beyond the cap."""
        return self.cap is not None and count + size > self.cap

    def added(self, place: Place, size: int | None) -> Place:
        """What the call at that place adds, by target; a link adds nothing."""
        added: Place = {
            name: value for name, value in place.items() if name != _LINK and not name.startswith(".")
        }
        for target, most in self.size.items():
            added.setdefault(target, min(size or most, most))
        return added

    def link_of(self, place: Place) -> str | None:
        """The URL of the page at that place, if it is told by one."""
        link = place.get(_LINK)
        return link if isinstance(link, str) else None

    def following(self, place: Place, reply: Value, rows: Sequence[Value], size: int | None) -> Place | None:
        """The place of the page after the one that came; ``None``: there is none."""
        if self.more is not None and self.more.get(reply) in (False, 0, None, "false", "0"):
            return None
        if self.short_is_last and size is not None and len(rows) < size:
            return None
        if self.empty_is_last and not rows:
            return None
        if self.next:
            return self._told(reply, rows)
        if self.link is not None:
            link = self.link.get(reply)
            return {_LINK: link} if link else None
        if not rows:
            return None
        if self.offset is not None:
            before = place.get(self.offset, 0)
            reached = (before if isinstance(before, int) else 0) + len(rows)
            return None if self.ends(reply, reached) else {self.offset: reached}
        number = place.get(str(self.number), self.first)
        pages = number + 1 if isinstance(number, int) else self.first + 1
        if size is not None and self.ends(reply, (pages - self.first) * size):
            return None
        return self.numbered(pages)

    def _told(self, reply: Value, rows: Sequence[Value]) -> Place | None:
        """What the reply gives to be sent back, if it gives all of it."""
        place: Place = {}
        last: Native = {"last": rows[-1]} if rows else {}
        for target, path in self.next.items():
            value = path.find(last if path.steps[:1] == ("last",) else reply)
            if value is ABSENT or value is None or value == "":
                return None
            place[target] = value
        return place

    def ends(self, reply: Value, reached: int) -> bool:
        """Whether so many records are all that the reply says there are."""
        total = self.total.get(reply) if self.total is not None else None
        return isinstance(total, int) and reached >= total
