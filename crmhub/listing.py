"""Records on their way: one at a time, a page at a time, or all together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

from crmhub.connector import Checkpoint, Deletion

__all__ = ["ChangePage", "Listing"]

_T = TypeVar("_T")


class Listing(Generic[_T]):
    """What a list, a search or a query gives. Nothing is sent before the first item is asked for.

    ``async for item in listing`` gives them one by one, :meth:`pages` a page at a time, as the CRM
    gives them; ``await listing`` gives all of them as a list. Each time it begins anew.
    """

    def __init__(self, pages: Callable[[], AsyncGenerator[Iterable[_T]]]) -> None:
        self._pages = pages
        self._begun: AsyncGenerator[_T] | None = None

    def __aiter__(self) -> AsyncGenerator[_T]:
        self._begun = _each(self._pages())
        return self._begun

    async def aclose(self) -> None:
        """End the iteration begun last, if it was left early: ``async with aclosing(listing)`` does it."""
        if self._begun is not None:
            await self._begun.aclose()

    async def pages(self) -> AsyncGenerator[Sequence[_T]]:
        """A page at a time; empty ones are left out."""
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                items = list(page)
                if items:
                    yield items

    async def collect(self) -> list[_T]:
        """All of them; they are all in memory then."""
        return [item async for item in self]

    def __await__(self) -> Generator[object, None, list[_T]]:
        return self.collect().__await__()


async def _each(pages: AsyncGenerator[Iterable[_T]]) -> AsyncGenerator[_T]:
    """The items of all pages. Knows no listing: one that is forgotten takes its iteration along."""
    async with aclosing(pages):
        async for page in pages:
            for item in page:  # one at a time: a page of models at once is dear to collect
                yield item


@dataclass(frozen=True, slots=True)
class ChangePage(Generic[_T]):
    """A page of what changed: ``records`` as they are now, and the ids of those that are gone.

    Keep ``checkpoint`` (JSON) once the page is safe, and give it to the next ``changes(since=…)``;
    ``None`` means that the reading cannot go on from here, but will from a later page.
    """

    records: Sequence[_T]
    deleted: Sequence[Deletion]
    checkpoint: Checkpoint | None
    object: str
    """The CRM's own record type that the page is of."""
