"""The three results of an ingest job, each row matched with its item.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Job Successful Record Results" and its like: the
columns that were sent, after ``sf__Id`` and ``sf__Created`` or ``sf__Error``. The rows come in any order: so
one is told by its id or key, and a new record by all that was sent for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadResponse
from crmhub_salesforce.batches import Ready
from crmhub_salesforce.bulk.jobs import Jobs
from crmhub_salesforce.bulk.result_file import ResultFile
from crmhub_salesforce.bulk.rows import Table, by_columns
from crmhub_salesforce.ids import full_id

__all__ = ["Matched", "Results"]

_ERROR = re.compile(r"([A-Z][A-Z0-9_]{1,79}):(.*):([^:]*?) ?--", re.DOTALL)
_ROWS = 2_000
_Name: TypeAlias = Literal["successfulResults", "failedResults", "unprocessedrecords"]
_Cells: TypeAlias = tuple[str, str, tuple[str, ...]]


@dataclass(slots=True)
class Matched:
    """What a job did with its items: the collections API's result for each, or that it left the item out."""

    results: list[tuple[Ready, Native]] = field(default_factory=list[tuple[Ready, Native]])
    left_out: list[Ready] = field(default_factory=list[Ready])
    untold: list[Ready] = field(default_factory=list[Ready])
    """Items of which none of the results tells anything."""


class Results:
    """Reads the results of jobs."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def of(self, job: str, table: Table, key: str | None) -> Matched:
        """What became of each item of a job; ``key`` is the column that tells its records apart.

        Raises what a call raises, and ``BadResponse`` for a result that is not one.
        """
        waiting: dict[tuple[str, ...], list[Ready]] = {}
        columns = [key] if key is not None else list(table.columns)
        for row in table.rows:
            name = tuple(_folded(row.texts.get(column, ""), key) for column in columns)
            waiting.setdefault(name, []).append(row.item)
        matched = Matched()
        made: set[str] = set()

        def take(cells: _Cells) -> Ready | None:
            items = waiting.get(tuple(_folded(cell, key) for cell in cells[2]))
            return items.pop() if items else None

        def succeeded(cells: _Cells) -> None:
            id_ = full_id(cells[0])
            if id_ is None or (key is None and id_ in made) or (key == "Id" and id_ != cells[2][0]):
                return  # it tells of no record, of another, or of one that it has told of already
            made.add(id_)
            if (item := take(cells)) is not None:
                result: Native = {"id": id_, "success": True, "created": cells[1].lower() == "true"}
                matched.results.append((item, result))

        def failed(cells: _Cells) -> None:
            if (item := take(cells)) is not None:
                result: Native = {"success": False, "errors": [_refusal(cells[1])]}
                matched.results.append((item, {"id": cells[0], **result} if cells[0] else result))

        def left_out(cells: _Cells) -> None:
            if (item := take(cells)) is not None:
                matched.left_out.append(item)

        await self._each(job, "successfulResults", "sf__Created", columns, succeeded)
        await self._each(job, "failedResults", "sf__Error", columns, failed)
        await self._each(job, "unprocessedrecords", None, columns, left_out)
        matched.untold = [item for items in waiting.values() for item in items]
        return matched

    async def _each(
        self,
        job: str,
        name: _Name,
        second: str | None,
        columns: Sequence[str],
        keep: Callable[[_Cells], None],
    ) -> None:
        def reader(header: list[str]) -> Callable[[Sequence[str]], _Cells]:
            places = by_columns(header, columns)
            own = by_columns(header, ["sf__Id", second] if second is not None else [])
            width = len(header)

            def cells(row: Sequence[str]) -> _Cells:
                # A job that failed before its first record may not know its columns, and has no rows.
                if len(row) != width or places is None or own is None:
                    raise BadResponse(f"a row of the {name} of the job is not one that was sent")
                first = [row[place] for place in own] or ["", ""]
                return first[0], first[1], tuple(row[place] for place in places)

            return cells

        with closing(ResultFile[_Cells](self._clock, reader)) as file:
            await self._jobs.into(job, name, file)
            await file.open()
            while rows := await file.take(_ROWS):
                for row in rows:
                    keep(row)


def _folded(text: str, key: str | None) -> str:
    """Keys are compared without regard to case, but ids are not, whose case counts."""
    return text if key is None or key == "Id" else text.casefold()


def _refusal(text: str) -> Native:
    """``CODE:message:fields --`` as a refusal of the collections API."""
    found = _ERROR.fullmatch(text.strip())
    if found is None:
        return {"statusCode": text.partition(":")[0], "message": text, "fields": []}
    return {
        "statusCode": found[1],
        "message": found[2],
        "fields": [name.strip() for name in found[3].split(",") if name.strip()],
    }
