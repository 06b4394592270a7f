"""Reading one CSV file: its header and its rows, each with the line and the byte where it stands.

Quoting is read as RFC 4180 has it, and strictly: what a lenient reader would guess at is an error
with ``file:line``. Errors never hold a cell's content.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from crmhub.document import suggest
from crmhub.errors import BadRequest, BadResponse

__all__ = ["LONGEST", "Form", "Header", "Row", "read_header", "read_rows"]

LONGEST = 16 * 2**20
"""The most characters in a cell, and bytes in a line. More is a lost quote, not data."""

_DELIMITERS = (",", ";", "\t", "|")
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Form:
    """How files are written. Without a ``delimiter`` it is the one that gives the header most columns."""

    encoding: str = "utf-8-sig"
    delimiter: str | None = None


class Row(NamedTuple):
    """A record's cells, the line (from 1) and the byte where it begins."""

    line: int
    offset: int
    cells: list[str]


@dataclass(frozen=True)
class Header:
    """The columns of a file, how its cells are told apart, and where its records begin."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    line: int
    offset: int

    def position(self, column: str) -> int:
        """The place of a column. Raises :class:`BadRequest` with a suggestion."""
        if column not in self.columns:
            raise BadRequest(f"{self.path}: no column {column!r}", hint=suggest(column, self.columns))
        return self.columns.index(column)


def read_header(file: BinaryIO, path: Path, form: Form) -> Header:
    """The header, which is the first row that is not blank. Raises :class:`BadResponse`."""
    found, lines, delimiter = _first_row(file, path, form)
    columns = tuple(cell.strip() for cell in found.cells)
    seen: set[str] = set()
    for number, column in enumerate(columns, 1):
        if not column:
            raise BadResponse(
                f"{path}:{found.line}: column {number} has no name", hint="name it or remove it"
            )
        if column in seen:
            raise BadResponse(
                f"{path}:{found.line}: two columns are named {column!r}", hint="rename or remove one of them"
            )
        seen.add(column)
    return Header(path, columns, delimiter, form.encoding, lines.line, lines.offset)


def read_rows(file: BinaryIO, header: Header, line: int, offset: int) -> Iterator[Row]:
    """The records from a place on; blank lines are passed over. Raises :class:`BadResponse`."""
    width = len(header.columns)
    for row in _rows(_Lines(file, header.path, header.encoding, line - 1, offset), header.delimiter):
        if len(row.cells) != width:
            more = "more" if len(row.cells) > width else "fewer"
            raise BadResponse(
                f"{header.path}:{row.line}: {len(row.cells)} cells, {more} than the header's {width}",
                hint="put cells that hold a delimiter, a quote or a line break between quotes",
            )
        yield row


def _first_row(file: BinaryIO, path: Path, form: Form) -> tuple[Row, _Lines, str]:
    best: tuple[Row, _Lines, str] | None = None
    fault: BadResponse | None = None
    for delimiter in _DELIMITERS if form.delimiter is None else (form.delimiter,):
        lines = _Lines(file, path, form.encoding)
        try:
            row = next(_rows(lines, delimiter), None)
        except BadResponse as error:  # quotes that make no sense with one delimiter may do with the next
            fault = fault or error
            continue
        if row is not None and (best is None or len(row.cells) > len(best[0].cells)):
            best = row, lines, delimiter
    if best is not None:
        return best
    raise fault or BadResponse(
        f"{path}: no header: the file is empty", hint="the first line names the columns"
    )


class _Lines:
    """Decoded lines from a place on. The csv module reads none ahead, so the place is always known."""

    def __init__(self, file: BinaryIO, path: Path, encoding: str, line: int = 0, offset: int = 0) -> None:
        """``line`` counts the lines before ``offset``, which is in bytes."""
        file.seek(offset)
        self._file = file
        self.path = path
        # The mark belongs to the file, not to each line, where utf-8-sig would take it away too.
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.line = line
        self.offset = offset

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        content = self._file.readline(LONGEST + 1)
        if not content:
            raise StopIteration
        self.line += 1
        if len(content) > LONGEST:
            raise BadResponse(f"{self.path}:{self.line}: a line longer than {LONGEST:,} bytes")
        self.offset += len(content)
        if self.line == 1:
            content = self._begun(content)
        try:
            text = content.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise BadResponse(
                f"{self.path}:{self.line}: not {self._encoding.upper()} (byte {error.start + 1})",
                hint="save it as UTF-8, or name its encoding, as in encoding: cp1252",
            ) from None
        if "\0" in text:
            raise BadResponse(f"{self.path}:{self.line}: a NUL byte", hint="is it a text file at all?")
        return text

    def _begun(self, content: bytes) -> bytes:
        if content.startswith(_UTF16):
            raise BadResponse(f"{self.path}:1: this is UTF-16", hint="save it as UTF-8")
        return content.removeprefix(_BOM) if self._encoding == "utf-8" else content


def _rows(lines: _Lines, delimiter: str) -> Iterator[Row]:
    # The module has one limit for the whole process and 131,072 by default; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line, offset = lines.line + 1, lines.offset
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _misread(lines, line, str(error)) from None
        if cells:
            yield Row(line, offset, cells)


def _misread(lines: _Lines, line: int, said: str) -> BadResponse:
    place = f"{lines.path}:{line}"
    if "end of data" in said or "limit" in said:
        return BadResponse(
            f"{place}: a quoted cell of the record that begins here does not end", hint="close its quote"
        )
    if "new-line" in said:
        return BadResponse(f"{place}: a carriage return in a line", hint="save it with LF or CRLF line ends")
    return BadResponse(
        f"{place}: quotes that cannot be read: {said}", hint='write a quote inside of a quoted cell as ""'
    )
