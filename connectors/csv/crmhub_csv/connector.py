"""The connector: every CSV file of a folder is an object, every row a record, every cell a text."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

import anyio
import anyio.to_thread
from pydantic import Field, field_validator

from crmhub.connector import (
    Capabilities,
    Check,
    Checkpoint,
    ConnectorConfig,
    Context,
    FieldSpec,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    ReadRequest,
    WriteRequest,
)
from crmhub.document import suggest
from crmhub.errors import ConfigError, CrmhubError, NotFound, Unsupported, Where
from crmhub_csv.reading import Form
from crmhub_csv.table import Table, fingerprint, header_of

__all__ = ["CsvConfig", "CsvConnector"]

_T = TypeVar("_T")
_SIGNS = ',;\t|"\r\nAz09'


class CsvConfig(ConnectorConfig):
    """Which folder, and how its files are written."""

    folder: Path
    """The folder; a relative one is looked for in the working folder."""
    keys: dict[str, str] = {}
    """For each file (without ``.csv``) the column that tells its records apart; else the first one."""
    encoding: str = "utf-8-sig"
    """Any encoding of Python's that contains ASCII as it is; a byte order mark is passed over."""
    delimiter: str | None = None
    """One character; else whichever of comma, semicolon, tab and bar gives the header most columns."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    reread: str = ""
    """Any text. When it changes, files that have not changed are read once more too."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            found = codecs.lookup(value)
            plain = _SIGNS.encode(found.name) == _SIGNS.encode("ascii")
        except (LookupError, UnicodeError, TypeError):
            raise ValueError("no such text encoding; usual ones are utf-8 and cp1252") from None
        if not plain and found.name != "utf-8-sig":
            raise ValueError("an encoding in which ASCII is not itself; save the files as UTF-8")
        return "utf-8-sig" if found.name in {"utf-8", "utf-8-sig"} else found.name

    @field_validator("delimiter")
    @classmethod
    def _single(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value in '"\r\n\0'):
            raise ValueError("one character, such as ';'")
        return value


class CsvConnector:
    """Reads; never writes. A file is checked as a whole before its first page is handed out."""

    Config: ClassVar[type[ConnectorConfig]] = CsvConfig

    def __init__(self, config: CsvConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._form = Form(config.encoding, config.delimiter)
        self._tables: dict[str, Table] = {}
        self._lock = anyio.Lock()

    async def capabilities(self) -> Capabilities:
        """Every file can be read whole and by key; nothing can be written."""
        return Capabilities(await self._run(self._able))

    async def check(self) -> Sequence[Check]:
        """Whether the folder can be read, and whether it has the files and key columns that are named."""
        return await self._run(self._checked)

    async def describe(self, object: str) -> ObjectSchema:
        """The columns: all texts, none required, all of them the file's own (custom)."""
        header = await self._run(lambda: header_of(self._path(object), self._form), object)
        key = self._config.keys.get(object, header.columns[0])
        fields = {
            name: FieldSpec(
                name, "text", name, creatable=False, updatable=False, unique=name == key, custom=True
            )
            for name in header.columns
        }
        return ObjectSchema(object, fields, object)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Rows in the order of the file; an interrupted read of the same content goes on where it stood.

        Content that was read to its end is not read again until it changes; then all of it is. A row
        that is gone from the file is not reported as deleted.
        """
        object_ = request.object
        if request.filter:
            where = Where(self._context.connection, object_)
            raise Unsupported("CSV files cannot be filtered", hint="read them whole and choose", where=where)
        mark = await self._run(lambda: self._mark(object_), object_)
        start, ended = _place(request.since, mark)
        if ended:
            yield Page(checkpoint=request.since)
            return
        size = request.page_size or self._config.page_size
        table = await self._run(lambda: self._table(object_), object_)
        while start < table.rows:
            page = await self._run(lambda at=start: table.page(at, size, request.fields), object_)
            start += len(page)
            yield Page(page, (), {"file": mark, "row": start})
        yield Page((), (), {"file": mark, "row": start, "end": True})

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The rows with these keys, in order."""
        found = await self._run(lambda: self._table(object).find(ids, fields), object)
        return [Missing(id_) if row is None else row for id_, row in zip(ids, found, strict=True)]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Always :class:`Unsupported`."""
        raise Unsupported(
            "a folder of CSV files is read-only",
            hint="use it as the source: crmhub load CONNECTION --from FOLDER --mapping FILE",
            where=Where(self._context.connection, request.object),
        )

    async def aclose(self) -> None:
        """Drop the indexes."""
        while self._tables:
            self._tables.popitem()[1].close()

    # ── files ────────────────────────────────────────────────────────────────────────────────

    async def _run(self, work: Callable[[], _T], object: str | None = None) -> _T:
        """Do blocking work, one at a time, in a thread; inline where time is simulated."""
        async with self._lock:
            try:
                return work() if self._context.clock.simulated else await anyio.to_thread.run_sync(work)
            except CrmhubError as error:
                error.at(connection=self._context.connection, object=object)
                raise

    def _files(self) -> Mapping[str, Path]:
        folder = self._config.folder
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            hint = "check the path" if folder.is_absolute() else f"it is looked for in {Path.cwd()}"
            raise ConfigError(f"folder {folder}: cannot be read: {error.strerror}", hint=hint) from None
        files: dict[str, Path] = {}
        for path in entries:
            if path.suffix.lower() != ".csv" or path.name.startswith(".") or not path.is_file():
                continue
            other = files.setdefault(path.stem, path)
            if other is not path:
                raise ConfigError(f"{other} and {path.name} would be one object", hint="rename one")
        return files

    def _path(self, object: str) -> Path:
        files = self._files()
        if object not in files:
            raise NotFound(f"no file {object}.csv in {self._config.folder}", hint=suggest(object, files))
        return files[object]

    def _mark(self, object: str) -> str:
        path = self._path(object)
        config = self._config
        return fingerprint(path, config.keys.get(object), config.encoding, config.delimiter, config.reread)

    def _table(self, object: str) -> Table:
        table = self._tables.get(object)
        if table is not None and table.fresh():
            return table
        if table is not None:
            self._tables.pop(object).close()
        table = Table.open(self._path(object), self._form, self._config.keys.get(object))
        self._tables[object] = table
        return table

    def _able(self) -> dict[str, ObjectCapabilities]:
        return {
            name: ObjectCapabilities(key=self._key(name, path), page_size=self._config.page_size)
            for name, path in self._files().items()
        }

    def _key(self, object: str, path: Path) -> str:
        """The key column. A file whose header cannot be read says why when it is read, not before."""
        if object in self._config.keys:
            return self._config.keys[object]
        try:
            return header_of(path, self._form).columns[0]
        except CrmhubError:
            return ""

    def _checked(self) -> list[Check]:
        try:
            files = self._files()
        except ConfigError as error:
            return [Check("folder", ok=False, detail=error.what, mend=error.hint or "")]
        checks = [Check("folder", ok=True, detail=f"{len(files)} files")]
        for object_, key in self._config.keys.items():
            try:
                header_of(self._path(object_), self._form).position(key)
            except CrmhubError as error:
                checks.append(Check(f"key of {object_}", ok=False, detail=error.what, mend=error.hint or ""))
            else:
                checks.append(Check(f"key of {object_}", ok=True, detail=key))
        return checks


def _place(since: Checkpoint | None, mark: str) -> tuple[int, bool]:
    """The row to go on with, and whether the content was read to its end."""
    if since is None or since.get("file") != mark:
        return 0, False
    row = since.get("row")
    return (max(row, 0) if isinstance(row, int) else 0), since.get("end") is True
