"""The CSV that a job gives, on disk while it is read, and its rows a few at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Generic, TypeVar

from crmhub.clock import Clock
from crmhub.errors import BadResponse
from crmhub.http.spooled import SpooledFile, lines_of

__all__ = ["ResultFile"]

_LONGEST_CELL = 16 * 1024 * 1024  # characters; texts of 131,072 are ordinary, bodies of e-mails are longer

_Row = TypeVar("_Row")
_Reader = Callable[[list[str]], Callable[[Sequence[str]], _Row]]


class ResultFile(SpooledFile, Generic[_Row]):
    """One CSV; ``reader`` reads rows under a given header. What is no CSV in UTF-8 raises ``BadResponse``."""

    def __init__(self, clock: Clock, reader: _Reader[_Row]) -> None:
        super().__init__(clock)
        self._reader = reader
        self._text: IO[str] = io.StringIO()
        self._rows: Iterator[list[str]] = iter(())
        self._read: Callable[[Sequence[str]], _Row] | None = None

    async def open(self, skip: int = 0) -> None:
        """Read the header, then stand after ``skip`` rows."""
        await self.work(lambda: self._opened(skip))

    async def take(self, most: int) -> list[_Row]:
        """The next rows; none at the end."""
        return await self.work(lambda: self._taken(most))

    def close(self) -> None:
        """Let go of the file."""
        self._rows = iter(())
        self._text.close()
        super().close()

    def _opened(self, skip: int) -> None:
        with _readable():
            self.file.seek(0)
            # The module has one limit for the whole process and 131,072 by default; it is only ever raised.
            csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
            self._text = io.TextIOWrapper(self.file, "utf-8-sig", newline="")
            self._rows = csv.reader(lines_of(self._text, _LONGEST_CELL), strict=True)
            self._read = self._reader(next(self._rows, list[str]()))
            for _ in islice(self._rows, skip):
                pass

    def _taken(self, most: int) -> list[_Row]:
        if self._read is None:
            return []
        with _readable():
            return [self._read(row) for row in islice(self._rows, most)]


@contextmanager
def _readable() -> Generator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise BadResponse("the result of the job is not UTF-8") from None
    except csv.Error:
        raise BadResponse("the result of the job is not CSV") from None
