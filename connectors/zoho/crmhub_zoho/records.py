"""Rows as they come off the wire, checked and brought into one form.

Ids are text, an empty choice is ``None``, and every row of a page has its key and its cursor field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, Where
from crmhub_zoho.schema import ModuleSchema

__all__ = [
    "CONVERTED",
    "ID",
    "MODIFIED",
    "distinct",
    "instant",
    "is_record_id",
    "newest_of",
    "normaliser",
    "numbers_of",
    "stamp_of",
]

ID = "id"
MODIFIED = "Modified_Time"
CONVERTED = "Converted__s"
"""Of a lead: it has become other records, and is shown by no list."""
NO_CHOICE = "-None-"

_RECORD_ID = re.compile(r"[1-9]\d{0,18}", re.ASCII)
_LONGEST_LIST = 40


def is_record_id(text: str | None) -> bool:
    """Whether the text is a 64-bit number, as all of Zoho's record ids are."""
    return text is not None and _RECORD_ID.fullmatch(text) is not None


def instant(text: str) -> datetime | None:
    """A date-time with offset as aware UTC in whole seconds; ``None`` if it is not one."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    at = at.astimezone(UTC)
    return at.replace(microsecond=0) if at.microsecond else at


def stamp_of(row: Native, module: str) -> datetime:
    """The time of a row's last change; raises ``BadResponse`` naming what the row has instead."""
    value = row.get(MODIFIED)
    at = instant(value) if isinstance(value, str) else None
    if at is None:
        problem = "without" if MODIFIED not in row else "with an unreadable"
        raise _odd(row, module, f"a record of {module} came {problem} {MODIFIED}", MODIFIED)
    return at


def normaliser(
    schema: ModuleSchema | None, fields: Collection[str] | None = None
) -> Callable[[Sequence[Native], str], None]:
    """A function that brings rows of the module into one form, in place; it raises ``BadResponse``.

    ``fields`` are those that the rows have, at most (``None``: any).
    """

    def names_of(*data_types: str) -> tuple[str, ...]:
        names = schema.names_of(*data_types) if schema else ()
        return tuple(name for name in names if fields is None or name in fields)

    lookups = names_of("lookup", "ownerlookup", "userlookup")
    picklists = names_of("picklist")
    multiple = names_of("multiselectpicklist")

    def normalise(rows: Sequence[Native], module: str) -> None:
        for row in rows:
            id_ = row.get(ID)
            if type(id_) is not str or not _RECORD_ID.fullmatch(id_):
                row[ID] = _id_of(row, module)
            for name in lookups:
                linked = row.get(name)
                if type(linked) is dict and type(linked.get(ID)) is int:
                    linked[ID] = str(linked[ID])
            for name in picklists:
                if row.get(name) == NO_CHOICE:
                    row[name] = None
            for name in multiple:
                chosen = row.get(name)
                if isinstance(chosen, list) and NO_CHOICE in chosen:
                    row[name] = [one for one in chosen if one != NO_CHOICE]

    return normalise


def numbers_of(rows: Iterable[Native]) -> list[int]:
    """The ids of rows, as the numbers by which Zoho orders them."""
    return [int(str(row[ID])) for row in rows]


def newest_of(rows: Sequence[Native]) -> Sequence[Native]:
    """Those rows among which the newest change is: where all tell it alike, the last in order of text.

    An org tells all times with the same offset, so that one of many needs to be read.
    """
    told = [value for row in rows if isinstance(value := row.get(MODIFIED), str)]
    if len(told) != len(rows) or len({(len(value), value[-6:]) for value in told}) != 1:
        return rows
    newest = max(told)
    return [row for row, value in zip(rows, told, strict=True) if value == newest]


def distinct(rows: Sequence[Native], module: str) -> list[Native]:
    """The rows without repeated ones; raises ``BadResponse`` when one id comes with two contents."""
    by_id: dict[Value, Native] = {str(row[ID]): row for row in rows}
    if len(by_id) == len(rows):
        return list(rows)
    by_id.clear()
    for row in rows:
        first = by_id.setdefault(str(row[ID]), row)
        if first is not row and first != row:
            raise BadResponse(
                f"one page of {module} holds the same record twice, with different values",
                where=Where(object=module, record=str(row[ID])),
            )
    return list(by_id.values())


def _id_of(row: Native, module: str) -> str:
    value = row.get(ID)
    text = str(value) if type(value) in {str, int} else None
    if text is None or not is_record_id(text):
        raise _odd(row, module, f"a record of {module} came without a usable {ID}", ID)
    return text


def _odd(row: Native, module: str, what: str, field: str) -> BadResponse:
    return BadResponse(
        f"{what}; it has {_names(row)}",
        hint="without it nothing can be read on from there; look at the module's fields and permissions",
        where=Where(object=module, field=field),
    )


def _names(names: Iterable[str]) -> str:
    known = sorted(names)
    shown = ", ".join(known[:_LONGEST_LIST])
    return (
        f"{shown} and {len(known) - _LONGEST_LIST} more" if len(known) > _LONGEST_LIST else shown or "nothing"
    )
