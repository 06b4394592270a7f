"""A body too large to be held, on disk while it is read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Final, TypeVar

import anyio.to_thread

from crmhub.clock import Clock
from crmhub.errors import BadResponse

__all__ = ["SpooledFile", "lines_of"]

_LARGEST: Final = 16 * 1024**3
"""Bytes."""

_T = TypeVar("_T")


class SpooledFile:
    """A :class:`~crmhub.http.Sink` whose file has no name, and so goes with the process.

    A subclass reads ``file``, in :meth:`work`. Raises ``BadResponse`` for a body of more than 16 GiB.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.file: Final[IO[bytes]] = tempfile.TemporaryFile(prefix="crmhub-")  # noqa: SIM115 - see close()
        self._size = 0

    async def begin(self) -> None:
        """A body begins; what was written before is void."""
        self._size = 0
        await self.work(self._emptied)

    async def write(self, chunk: bytes) -> None:
        """The next bytes."""
        self._size += len(chunk)
        if self._size > _LARGEST:
            raise BadResponse(f"the file is larger than {_LARGEST} bytes")
        await self.work(lambda: self.file.write(chunk))

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    async def work(self, do: Callable[[], _T]) -> _T:
        """Do what takes a while beside the event loop."""
        if self._clock.simulated:  # a pending thread would let a simulated clock jump ahead
            return do()
        return await anyio.to_thread.run_sync(do)

    def _emptied(self) -> None:
        self.file.seek(0)
        self.file.truncate()


def lines_of(text: IO[str], longest: int) -> Iterator[str]:
    """The lines of a text. Raises ``BadResponse`` for one of more than ``longest`` characters."""
    while line := text.readline(longest):
        if len(line) == longest and not line.endswith("\n"):
            raise BadResponse(f"a line of the file is longer than {longest} characters")
        yield line
