"""The file of a bulk read job, on disk while it is read, and its rows a page at a time."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, TypeVar

import anyio.to_thread

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadResponse

__all__ = ["ResultFile"]

_LARGEST = 16 * 1024**3  # bytes, packed or not: 80 kB for each of 200,000 rows
_LONGEST_LINE = 1024 * 1024  # characters
_PIECE = 1024 * 1024

_T = TypeVar("_T")


class ResultFile:
    """A :class:`crmhub.http.Sink` for the zip archive of one CSV.

    Its file has no name, so that it goes with the process. No more than a page of rows is in memory. What is
    no such archive raises ``BadResponse``.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="crmhub-")  # noqa: SIM115 - see close()
        self._rows: Iterator[list[str]] = iter(())
        self._read: Callable[[list[str]], Native] | None = None
        self._size = 0

    async def begin(self) -> None:
        """A body begins; what was written before is void."""
        self._size = 0
        await self._work(self._emptied)

    async def write(self, chunk: bytes) -> None:
        """The next bytes."""
        self._size += len(chunk)
        if self._size > _LARGEST:
            raise BadResponse(f"the file is larger than {_LARGEST} bytes")
        await self._work(lambda: self._file.write(chunk))

    async def open(self, reader: Callable[[list[str]], Callable[[list[str]], Native]], skip: int) -> None:
        """Look at all of it, then stand after ``skip`` rows. ``reader`` reads rows under a given header."""
        await self._work(lambda: self._opened(reader, skip))

    async def take(self, most: int) -> list[Native]:
        """The next rows, as ``reader`` reads them; none at the end."""
        return await self._work(lambda: self._taken(most))

    def close(self) -> None:
        """Let go of the file."""
        self._rows = iter(())
        self._file.close()

    async def _work(self, do: Callable[[], _T]) -> _T:
        if self._clock.simulated:  # a pending thread would let a simulated clock jump ahead
            return do()
        return await anyio.to_thread.run_sync(do)

    def _emptied(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _opened(self, reader: Callable[[list[str]], Callable[[list[str]], Native]], skip: int) -> None:
        with _readable():
            archive, name = self._archive()
            with archive.open(name) as whole:  # else its checksum is seen only when its rows are given
                size = 0
                while piece := whole.read(_PIECE):
                    size += len(piece)
                    if size > _LARGEST:
                        raise BadResponse(f"the file is larger than {_LARGEST} bytes, unpacked")
            text = io.TextIOWrapper(archive.open(name), "utf-8-sig", newline="")
            self._rows = csv.reader(_lines(text), strict=True)
            header = next(self._rows, None)
            if header is None:
                raise BadResponse("the file of the bulk read job has no header")
            self._read = reader(header)
            for _ in islice(self._rows, skip):
                pass

    def _archive(self) -> tuple[zipfile.ZipFile, str]:
        self._file.seek(0)
        if self._file.read(64).lstrip()[:1] == b"<":
            raise BadResponse("HTML or XML came where the zip archive of a bulk read job was expected")
        archive = zipfile.ZipFile(self._file)
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
        if len(names) != 1:
            raise BadResponse(f"the archive of the bulk read job holds {len(names)} files instead of one")
        return archive, names[0]

    def _taken(self, most: int) -> list[Native]:
        if self._read is None:
            return []
        with _readable():
            return [self._read(row) for row in islice(self._rows, most)]


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            raise BadResponse(f"a line of the file is longer than {_LONGEST_LINE} characters")
        yield line


@contextmanager
def _readable() -> Generator[None]:
    """Whatever is wrong with an archive or a table, as our error."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise BadResponse("what came is not a whole zip archive") from None
    except UnicodeDecodeError:
        raise BadResponse("the file of the bulk read job is not UTF-8") from None
    except csv.Error:
        raise BadResponse("the file of the bulk read job is not CSV") from None
