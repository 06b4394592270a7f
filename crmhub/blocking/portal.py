"""The thread in which the blocking API's asynchronous work is done, and how work gets there."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from threading import Event, Lock, get_ident
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import anyio
import sniffio
from anyio.from_thread import BlockingPortalProvider

from crmhub.errors import UsageError

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

__all__ = ["Runner"]

_T = TypeVar("_T")

_GLANCE = 0.5
"""Seconds after which a wait begins anew. A signal that comes just before a lock is waited for does not
end that wait; so Ctrl-C is noticed late, but not never."""


class _Shared:
    """One thread for all blocking hubs: it begins with the first of them and ends with the last."""

    provider = BlockingPortalProvider()

    @classmethod
    def renew(cls) -> None:
        """After a fork: the thread is the parent's, and is not there in the child."""
        cls.provider = BlockingPortalProvider()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_Shared.renew)


class Runner:
    """One hub's way to the thread. It is taken on first use and given back by :meth:`close`.

    Can be used from several threads at once. From inside an event loop everything raises
    :class:`UsageError`: waiting there would stop the loop.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._provider = _Shared.provider
        self._taken: BlockingPortal | None = None
        self._closed = False
        self._open: set[Callable[[], None]] = set()

    def call(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do the work and wait for it. Its errors pass through; Ctrl-C cancels it and waits for its end."""
        _refuse_event_loops()
        return _wait(self._portal(), work)

    def iterate(self, begin: Callable[[], AsyncGenerator[_T]]) -> Generator[_T]:
        """The generator's items, each asked for when the caller asks; closed when the caller stops."""
        _refuse_event_loops()
        pump = _Pump(begin, self._portal())
        with self._lock:
            self._open.add(pump.close)
        try:
            pump.start()
            while True:
                _refuse_event_loops()
                try:
                    item = _wait(self._portal(), pump.ask)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            with self._lock:
                self._open.discard(pump.close)
            pump.close()

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """End what is under way, do the ``last`` work, and give the thread back. Twice is no error."""
        _refuse_event_loops()
        with self._lock:
            if self._closed or self._provider is not _Shared.provider:  # the parent closes what is its own
                return
            self._closed = True
            portal, still_open = self._taken, [*self._open]
        for close in still_open:
            close()
        if portal is None:
            with self._provider as portal:
                _wait(portal, last)
            return
        try:
            _wait(portal, last)
        finally:
            self._provider.__exit__(None, None, None)

    def _portal(self) -> BlockingPortal:
        with self._lock:
            if self._closed:
                _closed()
            if self._provider is not _Shared.provider:
                raise UsageError(
                    "the hub was made before a fork", hint="make one in the process that uses it"
                )
            if self._taken is None:
                self._taken = self._provider.__enter__()
            return self._taken


class _Task(Generic[_T]):
    """Work in the loop that a thread can cancel at any moment, even while it is being handed over."""

    def __init__(self, work: Callable[[], Awaitable[_T]]) -> None:
        self.ended = Event()
        self._work = work
        self._scope: anyio.CancelScope | None = None
        self._given_up = False

    async def run(self) -> _T:
        with anyio.CancelScope() as scope:
            self._scope = scope
            try:
                if not self._given_up:
                    return await self._work()
            finally:
                self.ended.set()
        raise UsageError("the call was cancelled")  # nobody hears it: who cancels does not wait for it

    def cancel(self) -> None:
        """Called in the loop, where what was handed over earlier has begun."""
        self._given_up = True
        if self._scope is None:
            self.ended.set()
        else:
            self._scope.cancel()


class _Pump(Generic[_T]):
    """Runs one async generator in one task, so that what it holds open is closed where it was opened.

    The generator goes on only when it is asked: nothing is fetched ahead.
    """

    def __init__(self, begin: Callable[[], AsyncGenerator[_T]], portal: BlockingPortal) -> None:
        self._begin = begin
        self._portal = portal
        self._task = _Task(self._run)
        self._thread: int | None = None
        self._asked = anyio.Event()
        self._answered = anyio.Event()
        self._answer: Callable[[], _T] = _closed
        self._idle = False
        self._stopping = False
        self._fault: Exception | None = None

    def start(self) -> None:
        """Begin the task; nothing is asked of the generator yet."""
        self._portal.start_task_soon(self._task.run)

    async def ask(self) -> _T:
        """The next item. Raises what the generator raises, ``StopAsyncIteration`` at its end."""
        if not self._task.ended.is_set():
            self._answered = anyio.Event()
            self._asked.set()
            await self._answered.wait()
        return self._answer()

    def close(self) -> None:
        """Close the generator and wait until it is; raises what goes wrong in that.

        The garbage collector may do this anywhere: inside an event loop nobody waits.
        """
        if get_ident() == self._thread:
            self._stop()
            return
        if not self._task.ended.is_set():
            self._portal.start_task_soon(self._stop)
        if not _in_event_loop():
            self._task.ended.wait()
            if self._fault is not None:
                raise self._fault

    def _stop(self) -> None:
        """Between two items the generator is closed in peace; one that is being fetched is cancelled."""
        self._stopping = True
        if self._idle:
            self._asked.set()
        else:
            self._task.cancel()

    async def _run(self) -> None:
        self._thread = get_ident()
        items = self._begin()
        try:
            while True:
                self._idle = True
                await self._asked.wait()
                self._idle = False
                if self._stopping:
                    break
                self._asked = anyio.Event()
                self._answer = await _next(items)
                self._answered.set()
        finally:
            try:
                await items.aclose()
            except Exception as error:  # noqa: BLE001 - close() raises it
                self._fault = error
            self._answer = _closed
            self._answered.set()


async def _next(items: AsyncGenerator[_T]) -> Callable[[], _T]:
    """What gives the generator's next item, or raises what it raises."""
    try:
        item = await anext(items)
    except (Exception, StopAsyncIteration) as error:  # noqa: BLE001 - raised where it is asked for
        return _raiser(error)
    return lambda: item


def _raiser(error: Exception) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def _closed() -> NoReturn:
    raise UsageError("the hub is closed", hint="read its records inside with, or open a new hub")


def _wait(portal: BlockingPortal, work: Callable[[], Awaitable[_T]]) -> _T:
    task = _Task(work)
    try:
        result = portal.start_task_soon(task.run)
        while not task.ended.wait(_GLANCE):
            pass
        return result.result()
    except BaseException:
        if not task.ended.is_set():  # the waiting was interrupted, not the work
            portal.start_task_soon(task.cancel)
            task.ended.wait()
        raise


def _in_event_loop() -> bool:
    try:
        sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return False
    return True


def _refuse_event_loops() -> None:
    if _in_event_loop():
        raise UsageError(
            "the blocking API was called inside an event loop, which it would stop",
            hint="use the async one: crmhub.Hub with async with and await; "
            "or call this in a thread: anyio.to_thread.run_sync",
        )
