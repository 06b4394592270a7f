"""The file of a bulk read job, on disk while it is read, and its rows a page at a time."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadResponse
from crmhub.http.spooled import SpooledFile, lines_of

__all__ = ["ResultFile"]

_LARGEST = 16 * 1024**3  # bytes, packed or not: 80 kB for each of 200,000 rows
_LONGEST_LINE = 1024 * 1024  # characters
_PIECE = 1024 * 1024


class ResultFile(SpooledFile):
    """The zip archive of one CSV, of which no more than a page of rows is in memory.

    What is no such archive raises ``BadResponse``.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._rows: Iterator[list[str]] = iter(())
        self._read: Callable[[list[str]], Native] | None = None

    async def open(self, reader: Callable[[list[str]], Callable[[list[str]], Native]], skip: int) -> None:
        """Look at all of it, then stand after ``skip`` rows. ``reader`` reads rows under a given header."""
        await self.work(lambda: self._opened(reader, skip))

    async def take(self, most: int) -> list[Native]:
        """The next rows, as ``reader`` reads them; none at the end."""
        return await self.work(lambda: self._taken(most))

    def close(self) -> None:
        """Let go of the file."""
        self._rows = iter(())
        super().close()

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
            self._rows = csv.reader(lines_of(text, _LONGEST_LINE), strict=True)
            header = next(self._rows, None)
            if header is None:
                raise BadResponse("the file of the bulk read job has no header")
            self._read = reader(header)
            for _ in islice(self._rows, skip):
                pass

    def _archive(self) -> tuple[zipfile.ZipFile, str]:
        self.file.seek(0)
        if self.file.read(64).lstrip()[:1] == b"<":
            raise BadResponse("HTML or XML came where the zip archive of a bulk read job was expected")
        archive = zipfile.ZipFile(self.file)
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
        if len(names) != 1:
            raise BadResponse(f"the archive of the bulk read job holds {len(names)} files instead of one")
        return archive, names[0]

    def _taken(self, most: int) -> list[Native]:
        if self._read is None:
            return []
        with _readable():
            return [self._read(row) for row in islice(self._rows, most)]


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
