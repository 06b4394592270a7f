"""The folder that the conformance checks run against: one file, edited as people would, in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from crmhub.connector import Native
from crmhub.testing.conformance.target import Org, Sample, Spoilt, Target
from crmhub_csv.connector import CsvConnector

__all__ = ["CsvOrg", "CsvTarget", "target"]

_COLUMNS: list[str] = ["number", "title", "remarks"]


class CsvOrg(Org):
    """A folder with one file, ``notes.csv``."""

    name = "csv"
    connector = CsvConnector

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.settings = {"folder": str(folder), "page_size": 3}
        self._file = folder / "notes.csv"
        self._made = 0
        self._save([])

    async def truth(self, object: str) -> Sequence[Native]:
        """The rows of the file; a cell without text is null."""
        del object
        with self._file.open(encoding="utf-8", newline="") as file:
            return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """Rows added below."""
        present = list(await self.truth(object))
        first = self._made + 1
        self._made += len(rows)
        numbers = [str(number) for number in range(first, self._made + 1)]
        new = [{"number": number, **row} for number, row in zip(numbers, rows, strict=True)]
        self._save([*present, *new])
        return numbers

    async def change(self, object: str, id: str, fields: Native) -> None:
        """A row edited."""
        rows = await self.truth(object)
        self._save([{**row, **fields} if row["number"] == id else row for row in rows])

    async def remove(self, object: str, id: str) -> None:
        """A row taken out."""
        self._save([row for row in await self.truth(object) if row["number"] != id])

    def spoilt(self) -> Sequence[Spoilt]:
        """A folder and a key column that are not there."""
        return (
            Spoilt("a folder that does not exist", {"folder": str(self._file / "nowhere")}, "cannot be read"),
            Spoilt("a key column that does not exist", {"keys": {"notes": "code"}}, "code"),
        )

    def _save(self, rows: Sequence[Native]) -> None:
        with self._file.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


class CsvTarget(Target):
    """Notes in a file."""

    connector: ClassVar[str] = "csv"
    sample: ClassVar[Sample] = Sample("notes", "title", long_text="remarks")

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[CsvOrg]:
        """A folder of its own."""
        with TemporaryDirectory() as folder:
            org = CsvOrg(Path(folder))
            try:
                yield org
            finally:
                await org.aclose()


target = CsvTarget()
