"""Pages fetched while the one before is worked on: order, errors, early ends, and how many there are."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from crmhub.errors import Unavailable, UsageError
from crmhub.prefetch import ahead, beside

pytestmark = pytest.mark.anyio


class Page:
    """A page that can be counted."""

    def __init__(self, number: int) -> None:
        self.number = number


class Source:
    """Pages, and what has become of them: how many were asked for, and whether they were closed."""

    def __init__(self, count: int, *, fails: Exception | None = None) -> None:
        self.count = count
        self.fails = fails
        self.asked = 0
        self.closed = 0
        self.held: weakref.WeakSet[Page] = weakref.WeakSet()

    async def pages(self) -> AsyncGenerator[Page]:
        try:
            for number in range(self.count):
                self.asked += 1
                await anyio.lowlevel.checkpoint()
                page = Page(number)
                self.held.add(page)
                yield page
                del page
            self.asked += 1
            if self.fails is not None:
                raise self.fails
        finally:
            self.closed += 1
            await anyio.lowlevel.checkpoint()


async def settle() -> None:
    """Let every other task come as far as it can."""
    await anyio.wait_all_tasks_blocked()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
async def test_every_page_comes_once_and_in_order(count: int) -> None:
    source = Source(count)
    async with ahead(source.pages()) as pages:
        assert [page.number async for page in pages] == list(range(count))
        assert [page async for page in pages] == []
    assert source.closed == 1


async def test_the_next_page_and_no_other_comes_while_one_is_worked_on() -> None:
    source = Source(6)
    async with ahead(source.pages()) as pages:
        async for page in pages:
            await settle()
            assert source.asked == min(page.number + 2, 7)
            gc.collect()
            assert len(source.held) <= 2


async def numbers(source: Source, seen: list[int], error: Exception | None = None) -> None:
    """Read to the end, or up to an error of the reader's own."""
    async with ahead(source.pages()) as pages:
        async for page in pages:
            await settle()
            seen.append(page.number)
            if error is not None:
                raise error from KeyError("first")


async def test_an_error_comes_where_the_page_would_have_come() -> None:
    source, seen = Source(3, fails=Unavailable("later")), list[int]()
    with pytest.raises(Unavailable, match="later"):
        await numbers(source, seen)
    assert (seen, source.closed) == ([0, 1, 2], 1)


async def test_the_error_of_whoever_works_on_a_page_comes_out_as_it_is() -> None:
    source, seen = Source(5), list[int]()
    with pytest.raises(UsageError, match="mine") as caught:
        await numbers(source, seen, UsageError("mine"))
    assert isinstance(caught.value.__cause__, KeyError)
    assert (seen, source.asked, source.closed) == ([0], 2, 1)


@pytest.mark.parametrize("idle", [True, False])
async def test_a_loop_that_is_left_closes_the_pages(idle: bool) -> None:
    source = Source(5)
    async with ahead(source.pages()) as pages:
        async for _ in pages:
            if idle:
                await settle()
            break
    assert source.closed == 1
    asked = source.asked
    await settle()
    assert source.asked == asked <= 2


async def test_a_cancelled_reader_stops_the_fetching_too() -> None:
    source = Source(5)
    with anyio.CancelScope() as scope:
        async with ahead(source.pages()) as pages:
            async for _ in pages:
                await settle()
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    asked = source.asked
    await settle()
    assert source.asked == asked == 2


async def test_a_time_limit_within_the_block_hits_only_who_waits() -> None:
    never = anyio.Event()

    async def slow() -> AsyncGenerator[int]:
        yield 1
        await never.wait()

    async with ahead(slow()) as pages:
        assert await anext(pages) == 1
        with anyio.CancelScope(deadline=-1) as scope:
            await anext(pages)
        assert scope.cancelled_caught


async def test_several_readings_end_in_any_order() -> None:
    first, second = Source(3), Source(3)
    async with aclosing(first.pages()) as plain, ahead(second.pages()) as pages:
        assert (await anext(plain)).number == 0
        async with ahead(plain) as rest:
            assert [page.number async for page in rest] == [1, 2]
        assert [page.number async for page in pages] == [0, 1, 2]
    assert (first.closed, second.closed) == (1, 1)


async def test_work_beside_a_block_ends_with_it_and_its_error_comes_out_as_it_is() -> None:
    ended = list[str]()

    async def forever() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("forever")

    async def failing() -> None:
        raise Unavailable("beside")

    async with beside(forever):
        await settle()
    assert ended == ["forever"]
    with pytest.raises(Unavailable, match="beside"):
        async with beside(failing):
            await anyio.sleep_forever()
