"""What became of the rows of a bulk write job.

Source: Zoho CRM API v8, "Download Bulk Write Result": a zip archive with one CSV file: the first three mapped
columns of each row, STATUS (added, updated, skipped or unprocessed), RECORD_ID, and ERRORS as
``<code>-<column>[,<column>]``, several joined by colons.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal, TypeAlias

from crmhub.connector import Outcome, Problem, WriteItem
from crmhub.errors import BadResponse
from crmhub_zoho.bulk.write_rows import Table
from crmhub_zoho.errors import problem_of
from crmhub_zoho.records import ID, is_record_id

__all__ = ["read_result", "row_outcomes"]

Told: TypeAlias = tuple[tuple[str, ...], str, str, str]
"""A row of a result: the cells that are shown, status, id, errors."""

_COLUMNS = ("STATUS", "RECORD_ID", "ERRORS")
_SHOWN = 3
_MOST_BYTES = 200_000_000  # of the file, unpacked
_DONE: Mapping[str, Literal["created", "updated"]] = {"ADDED": "created", "UPDATED": "updated"}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_NO_RECORD = frozenset({"RESOURCE_NOT_FOUND", "INVALID_DATA"})
_UNTOLD = Outcome(
    "unknown",
    problem=Problem(
        "untold", "the result of the bulk write does not tell what became of it", permanent=False
    ),
)


def read_result(archive: bytes) -> list[Told]:
    """The rows of a result; raises ``BadResponse`` for what is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            (info,) = (one for one in packed.infolist() if not one.is_dir())
            with packed.open(info) as file:
                content = file.read(_MOST_BYTES)  # a longer one ends in the middle of a row
        lines = [line for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if line]
        header = [name.strip().upper() for name in lines[0]]
        status, record, errors = (_last(header, name) for name in _COLUMNS)
        return [
            (tuple(line[:status]), line[status].strip().upper(), line[record].strip(), line[errors].strip())
            for line in lines[1:]
        ]
    except (
        zipfile.BadZipFile,
        ValueError,
        IndexError,
        RuntimeError,
        NotImplementedError,
        csv.Error,
        EOFError,
    ):
        raise BadResponse("the result of the bulk write cannot be read") from None


def row_outcomes(
    table: Table, header: Sequence[str], items: Sequence[WriteItem], told: Sequence[Told]
) -> list[Outcome]:
    """An outcome for each row of the table, whose ``items`` they were; what is not told is ``unknown``."""
    found = _matched(table, header, told)
    return [
        _UNTOLD if line is None else _outcome(item, line, header)
        for item, line in zip(items, found, strict=True)
    ]


def _matched(table: Table, header: Sequence[str], told: Sequence[Told]) -> list[Told | None]:
    """The result of each row: by its place when all stand where they stood, else by what is shown of it."""
    width = len(told[0][0]) if told else 0
    shown = [tuple(row.texts.get(name, "") for name in islice(header, width)) for row in table.rows]
    if len(told) == len(shown) and all(map(_same, shown, (line[0] for line in told))):
        return list(told)
    if not 0 < width <= _SHOWN:
        return [None] * len(shown)
    counts = Counter(line[0] for line in told) + Counter(shown)
    lines = {line[0]: line for line in told if counts[line[0]] == 2}  # once there, once here
    return [lines.get(cells) for cells in shown]


def _same(sent: Sequence[str], shown: Sequence[str]) -> bool:
    return all(one == other.strip() for one, other in zip(sent, shown, strict=True))


def _outcome(item: WriteItem, line: Told, header: Sequence[str]) -> Outcome:
    _, status, record, errors = line
    if status in _DONE:
        if not is_record_id(record) or item.id not in {None, record}:
            return _UNTOLD
        return Outcome(_DONE[status], record)
    if status not in {"SKIPPED", "UNPROCESSED"}:
        return _UNTOLD
    code, field = _first_error(errors, header)
    if item.id is not None and code in _NO_RECORD and field in {ID, None}:
        return Outcome("rejected", item.id, problem=Problem(code, "no such record", missing=True))
    if code is None:
        what = "Zoho left the row out and does not say why"
        return Outcome("rejected", item.id, problem=Problem(status, what, permanent=status == "SKIPPED"))
    meaning = problem_of({"code": code})
    what = f"Zoho left the row out: {code}" + (f", field {field}" if field else "")
    permanent = meaning.permanent and status == "SKIPPED"
    return Outcome("rejected", item.id, problem=Problem(code, what, field, permanent=permanent))


def _first_error(errors: str, header: Sequence[str]) -> tuple[str | None, str | None]:
    """Code and field of the first error; only what cannot be a record's value."""
    code, _, columns = errors.partition(":")[0].partition("-")
    column = columns.partition(",")[0].strip()
    if not _CODE.fullmatch(code.strip()):
        return None, None
    return code.strip(), column if column in header else None


def _last(header: Sequence[str], name: str) -> int:
    """The place of a column of the result, which stands behind those of the file; raises ``ValueError``."""
    return len(header) - 1 - list(reversed(header)).index(name)
