"""Work beside other work: the next page on its way while the one before is worked on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Generic, Self, TypeVar

import anyio

__all__ = ["ahead", "beside"]

_Page = TypeVar("_Page")


@asynccontextmanager
async def ahead(pages: AsyncGenerator[_Page]) -> AsyncGenerator[AsyncIterator[_Page]]:
    """``pages``, each of which is fetched while the block works on the one before::

        async with ahead(connection.deals.changes(since=checkpoint)) as pages:
            async for page in pages:
                ...

    One page is fetched ahead, so that two at most are in memory. What goes wrong with a page is raised
    where that page would have come. At the end of the block, however it is left, what is under way is
    cancelled and ``pages`` are closed. The block holds a task group: it belongs into one function, and not
    around a ``yield``.
    """
    async with aclosing(pages):
        fetched = _Fetched(pages)
        with fetched:
            async with beside(fetched.fetch):
                yield fetched


@asynccontextmanager
async def beside(work: Callable[[], Coroutine[object, None, object]]) -> AsyncGenerator[None]:
    """``work`` runs while the block does, and is cancelled at its end; errors come out as they are."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            yield
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        error, *others = group.exceptions
        if others:
            raise
        raise error from error.__cause__


class _Fetched(Generic[_Page]):
    """The pages in the order in which they come; the fetching task waits until each has been taken."""

    def __init__(self, pages: AsyncGenerator[_Page]) -> None:
        self._pages = pages
        self._put, self._taken = anyio.create_memory_object_stream[_Page](0)
        self._error: Exception | None = None

    async def fetch(self) -> None:
        """Fetch to the end, or to the first error."""
        with self._put:
            try:
                async for page in self._pages:
                    await self._put.send(page)
                    del page  # the caller alone holds it while the next one comes
            except Exception as error:  # noqa: BLE001 - raised where the page would have come
                self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._put.close()
        self._taken.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Page:
        try:
            return await self._taken.receive()
        except anyio.EndOfStream:
            error, self._error = self._error, None
            if error is not None:
                raise error from error.__cause__
            raise StopAsyncIteration from None
