"""Answers over records that are read whole: for sums of all, and an order that no CRM knows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from crmhub.agent.answers import AnswerBase
from crmhub.agent.tool import Call
from crmhub.models import Record
from crmhub.native import Value

__all__ = ["Slice", "all_of", "plain", "sliced"]

_Model = TypeVar("_Model", bound=Record)


async def all_of(pages: AsyncGenerator[Sequence[_Model]]) -> list[_Model]:
    """What the pages hold."""
    async with aclosing(pages):
        return [each async for page in pages for each in page]


def plain(text: str | None) -> str:
    """A name to compare by: case and spacing aside."""
    return " ".join((text or "").split()).casefold()


@dataclass(frozen=True)
class Slice(Generic[_Model]):
    """The next few of all records, in the order of their ``place``, each of which is another.

    What is told on the next page are those behind the last place, whatever came or went meanwhile.
    """

    records: Sequence[_Model]
    all: Sequence[_Model]
    _place: Callable[[_Model], tuple[str, ...]]
    _call: Call
    _left: int

    def resume(self, count: int) -> Mapping[str, Value]:
        """The place after the first so many."""
        return {"after": [*self._place(self.records[count - 1])]} if count else dict(self._call.place or {})

    def tell(self, data: AnswerBase) -> None:
        """How many there are in all, and the way to go on."""
        data.total = len(self.all)
        if self._left > len(self.records):
            data.truncated, data.next_cursor = True, self._call.seal(self.resume(len(self.records)))


async def sliced(
    call: Call, records: Iterable[_Model], place: Callable[[_Model], tuple[str, ...]], limit: int
) -> Slice[_Model]:
    """Those behind the call's cursor, counted and noted as handed out."""
    ordered = sorted(records, key=place)
    after = cast("list[str]", (call.place or {}).get("after", []))
    left = [each for each in ordered if [*place(each)] > after]
    await call.reach.handed(left[:limit])
    return Slice(left[:limit], ordered, place, call, len(left))
