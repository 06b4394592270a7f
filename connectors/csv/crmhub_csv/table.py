"""One CSV file as a table: checked as a whole, then read by page or by key.

The first pass sees every row before anything is handed out, so that a broken line at the end of a
file stops a load before its first write. It leaves an index of keys in a temporary SQLite file:
memory stays flat however long the file is.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import TypeAlias, cast

from crmhub.connector import Native
from crmhub.errors import BadResponse, NotFound, PermissionDenied, Unavailable
from crmhub_csv.reading import Form, Header, Row, read_header, read_rows

__all__ = ["Table", "fingerprint", "header_of"]

_BATCH = 2000

_Entry: TypeAlias = tuple[int, str, int, int]
"""Number of the record, its key, the line and the byte where it begins."""

_Stamp: TypeAlias = tuple[int, int, int]


def fingerprint(path: Path, *more: object) -> str:
    """A text that changes with the file's content, or with what else its records depend on."""
    with _opened(path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(repr((content, *more)).encode()).hexdigest()


def header_of(path: Path, form: Form) -> Header:
    """The header of a file. Raises :class:`BadResponse`."""
    with _opened(path) as file:
        return read_header(file, path, form)


class Table:
    """A file that has been checked. Every reading makes sure that it is still the same file."""

    def __init__(self, header: Header, key: str, stamp: _Stamp, index: sqlite3.Connection, rows: int) -> None:
        self.header = header
        self.key = key
        self.rows = rows
        """How many records it has."""
        self._stamp = stamp
        self._index = index

    @classmethod
    def open(cls, path: Path, form: Form, key: str | None) -> Table:
        """Check and index a file; ``key`` is the column that tells records apart, else the first one.

        Raises :class:`BadResponse` with ``file:line`` for rows that are ragged, not in the encoding,
        without a key or with the key of another, :class:`BadRequest` for a key column that is not there.
        """
        # Each call may come from another worker thread; the connector lets in one at a time.
        index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            with _opened(path) as file:
                stamp = _stamp(file)
                header = read_header(file, path, form)
                chosen = key or header.columns[0]
                rows = _fill(index, file, header, chosen)
        except BaseException:
            index.close()
            raise
        return cls(header, chosen, stamp, index, rows)

    def close(self) -> None:
        """Drop the index."""
        self._index.close()

    def fresh(self) -> bool:
        """Whether the file is still the one that was checked."""
        with _opened(self.header.path) as file:
            return _stamp(file) == self._stamp

    def page(self, start: int, size: int, fields: Sequence[str]) -> list[Native]:
        """Up to ``size`` records from the number ``start`` on, in the order of the file."""
        pick = self._picker(fields)
        with self._same_file() as file:
            place = self._places("number = ?", (start,))
            if not place:
                return []
            return [pick(row) for row in islice(read_rows(file, self.header, *place[0][1:]), size)]

    def find(self, keys: Sequence[str], fields: Sequence[str]) -> list[Native | None]:
        """The record of each key, ``None`` where there is none."""
        pick = self._picker(fields)
        found: list[Native | None] = []
        with self._same_file() as file:
            for key in keys:
                place = self._places("key = ?", (key,))
                row = next(read_rows(file, self.header, *place[0][1:])) if place else None
                found.append(None if row is None else pick(row))
        return found

    def _picker(self, fields: Sequence[str]) -> Callable[[Row], Native]:
        columns = [(name, self.header.position(name)) for name in dict.fromkeys((self.key, *fields))]
        return lambda row: {name: row.cells[position] or None for name, position in columns}

    def _places(self, condition: str, values: tuple[int | str]) -> list[tuple[str, int, int]]:
        query = f"SELECT key, line, offset FROM record WHERE {condition}"  # noqa: S608 - our own words
        return cast("list[tuple[str, int, int]]", self._index.execute(query, values).fetchall())

    @contextmanager
    def _same_file(self) -> Generator[BufferedReader]:
        path = self.header.path
        with _opened(path) as file:
            if _stamp(file) != self._stamp:
                raise Unavailable(
                    f"{path}: it changed while it was read", hint="run it again when it is whole"
                )
            yield file


def _fill(index: sqlite3.Connection, file: BufferedReader, header: Header, key: str) -> int:
    position = header.position(key)
    index.execute("PRAGMA journal_mode = OFF")
    index.execute("PRAGMA synchronous = OFF")
    index.execute("CREATE TABLE record (number INTEGER PRIMARY KEY, key TEXT UNIQUE, line INT, offset INT)")
    index.execute("BEGIN")
    entries = enumerate(read_rows(file, header, header.line + 1, header.offset))
    rows = 0
    while batch := [
        (number, _key(header, row, position), row.line, row.offset) for number, row in islice(entries, _BATCH)
    ]:
        try:
            index.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", batch)
        except sqlite3.IntegrityError:
            raise _repeated(index, batch, header, key) from None
        rows += len(batch)
    index.execute("COMMIT")
    return rows


def _key(header: Header, row: Row, position: int) -> str:
    key = row.cells[position]
    if not key.strip():
        raise BadResponse(
            f"{header.path}:{row.line}: the key column {header.columns[position]!r} is empty",
            hint="fill it, or name another key column",
        )
    return key


def _repeated(index: sqlite3.Connection, batch: Sequence[_Entry], header: Header, key: str) -> BadResponse:
    """The error for the first entry of the batch whose key stands in an earlier line."""
    for _, value, line, _ in batch:
        found = cast(
            "tuple[int] | None", index.execute("SELECT line FROM record WHERE key = ?", (value,)).fetchone()
        )
        if found is not None and found[0] < line:
            break
    else:
        raise AssertionError("the index refused a key that it does not hold")
    return BadResponse(
        f"{header.path}:{line}: the key column {key!r} holds the same as in line {found[0]}",
        hint="make it unique, or name another key column",
    )


@contextmanager
def _opened(path: Path) -> Generator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file any more", hint="put it back") from None
    except PermissionError:
        raise PermissionDenied(f"{path}: may not be read", hint="look at its permissions") from None
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read: {error.strerror}") from None


def _stamp(file: BufferedReader) -> _Stamp:
    held = os.fstat(file.fileno())
    return held.st_size, held.st_mtime_ns, held.st_ino
