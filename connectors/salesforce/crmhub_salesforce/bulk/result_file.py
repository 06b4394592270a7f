"""The CSV that a job gives, on disk while it is read, and its rows a few at a time."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Generic, TypeVar

import anyio.to_thread

from crmhub.clock import Clock
from crmhub.errors import BadResponse

__all__ = ["ResultFile"]

_LARGEST = 16 * 1024**3  # bytes
_LONGEST_CELL = 16 * 1024 * 1024  # characters; texts of 131,072 are ordinary, bodies of e-mails are longer

_Row = TypeVar("_Row")
_T = TypeVar("_T")
_Reader = Callable[[list[str]], Callable[[Sequence[str]], _Row]]


class ResultFile(Generic[_Row]):
    """A :class:`crmhub.http.Sink` for one CSV; ``reader`` reads rows under a given header.

    Its file has no name, so that it goes with the process. What is no CSV in UTF-8 raises ``BadResponse``.
    """

    def __init__(self, clock: Clock, reader: _Reader[_Row]) -> None:
        self._clock = clock
        self._reader = reader
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="crmhub-")  # noqa: SIM115 - see close()
        self._text: IO[str] = io.StringIO()
        self._rows: Iterator[list[str]] = iter(())
        self._read: Callable[[Sequence[str]], _Row] | None = None
        self._size = 0

    async def begin(self) -> None:
        """A body begins; what was written before is void."""
        self._size = 0
        await self._work(self._emptied)

    async def write(self, chunk: bytes) -> None:
        """The next bytes."""
        self._size += len(chunk)
        if self._size > _LARGEST:
            raise BadResponse(f"the result of the job is larger than {_LARGEST} bytes")
        await self._work(lambda: self._file.write(chunk))

    async def open(self, skip: int = 0) -> None:
        """Read the header, then stand after ``skip`` rows."""
        await self._work(lambda: self._opened(skip))

    async def take(self, most: int) -> list[_Row]:
        """The next rows; none at the end."""
        return await self._work(lambda: self._taken(most))

    def close(self) -> None:
        """Let go of the file."""
        self._rows = iter(())
        self._text.close()
        self._file.close()

    async def _work(self, do: Callable[[], _T]) -> _T:
        if self._clock.simulated:  # a pending thread would let a simulated clock jump ahead
            return do()
        return await anyio.to_thread.run_sync(do)

    def _emptied(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _opened(self, skip: int) -> None:
        with _readable():
            self._file.seek(0)
            # The module has one limit for the whole process and 131,072 by default; it is only ever raised.
            csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
            self._text = io.TextIOWrapper(self._file, "utf-8-sig", newline="")
            self._rows = csv.reader(_lines(self._text), strict=True)
            self._read = self._reader(next(self._rows, list[str]()))
            for _ in islice(self._rows, skip):
                pass

    def _taken(self, most: int) -> list[_Row]:
        if self._read is None:
            return []
        with _readable():
            return [self._read(row) for row in islice(self._rows, most)]


def _lines(text: IO[str]) -> Iterator[str]:
    while line := text.readline(_LONGEST_CELL):
        if len(line) == _LONGEST_CELL and not line.endswith("\n"):
            raise BadResponse(f"a line of the job's result is longer than {_LONGEST_CELL} characters")
        yield line


@contextmanager
def _readable() -> Generator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise BadResponse("the result of the job is not UTF-8") from None
    except csv.Error:
        raise BadResponse("the result of the job is not CSV") from None
