"""A file of records, on disk while it is read, and its records a page at a time."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import IO, cast

import msgspec

from crmhub.clock import Clock
from crmhub.connector import Native, Value
from crmhub.errors import BadResponse
from crmhub.http.spooled import SpooledFile, lines_of
from crmhub_rest.language.call import ResultFile
from crmhub_rest.schemas import Described
from crmhub_rest.values import said

__all__ = ["ExportFile", "typed"]

_LARGEST = 16 * 1024**3  # bytes, packed or not
_LONGEST_LINE = 16 * 1024 * 1024  # characters
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class ExportFile(SpooledFile):
    """Such a file. What is none raises ``BadResponse``."""

    def __init__(self, clock: Clock, says: ResultFile) -> None:
        super().__init__(clock)
        self._says = says
        self._text: IO[str] = io.StringIO()
        self._records: Iterator[Value] = iter(())

    async def open(self, skip: int) -> None:
        """Stand after ``skip`` records."""
        await self.work(lambda: self._opened(skip))

    async def take(self, most: int) -> list[Value]:
        """The next records; none at the end. Those of a table have a text, or nothing, in each field."""
        return await self.work(lambda: self._taken(most))

    def close(self) -> None:
        """Let go of the file."""
        self._records = iter(())
        self._text.close()
        super().close()

    def _opened(self, skip: int) -> None:
        with _readable():
            self._text = io.TextIOWrapper(self._unpacked(), "utf-8-sig", newline="")
            lines = _lines(self._text)
            self._records = self._tabled(lines) if self._says.form == "csv" else _by_line(lines)
            for _ in islice(self._records, skip):
                pass

    def _taken(self, most: int) -> list[Value]:
        with _readable():
            return [*islice(self._records, most)]

    def _unpacked(self) -> IO[bytes]:
        self.file.seek(0)
        head = self.file.read(64)
        self.file.seek(0)
        if head.startswith(_GZIP):
            return cast("IO[bytes]", gzip.open(self.file))
        if head.startswith(_ZIP):
            archive = zipfile.ZipFile(self.file)
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
            if len(names) != 1:
                raise BadResponse(f"the archive holds {len(names)} files instead of one")
            return archive.open(names[0])
        if head.lstrip()[:1] == b"<":
            raise BadResponse("HTML or XML came where a file of records was expected")
        return self.file

    def _tabled(self, lines: Iterator[str]) -> Iterator[Value]:
        # The module has one limit for the whole process and 131,072 by default; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_LINE))
        rows = csv.reader(lines, strict=True)
        names = [self._says.columns.get(name, name) for name in next(rows, list[str]())]
        if len(set(names)) != len(names):
            raise BadResponse("two columns of the file have the same name")
        for row in rows:
            if len(row) != len(names):
                raise BadResponse("a line of the file has more or fewer columns than its first one")
            yield {name: text or None for name, text in zip(names, row, strict=True)}


def typed(says: ResultFile, of: Described, raw: Value) -> Value:
    """A record of a file, the texts of a table by its fields' types."""
    if says.form != "csv" or not isinstance(raw, dict):
        return raw
    known, lift = of.schema.fields, of.says.record.lift
    row: Native = {
        name: said(known[name].type, text) if isinstance(text, str) and name in known else text
        for name, text in raw.items()
    }
    return row if lift is None else {**row, lift: dict[str, Value]()}


def _by_line(lines: Iterator[str]) -> Iterator[Value]:
    for line in lines:
        if line.strip():
            yield cast("Value", _decode(line))


def _lines(text: IO[str]) -> Iterator[str]:
    size = 0
    for line in lines_of(text, _LONGEST_LINE):
        size += len(line)
        if size > _LARGEST:
            raise BadResponse(f"the file is longer than {_LARGEST} characters, unpacked")
        yield line


@contextmanager
def _readable() -> Generator[None]:
    """Whatever is wrong with the file, as our error."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadResponse("the file is not UTF-8") from None
    except (csv.Error, msgspec.DecodeError, RecursionError):
        raise BadResponse("the file is not of the form that the description says (file.form)") from None
    except (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError, RuntimeError):
        raise BadResponse("what came is not a whole archive") from None
