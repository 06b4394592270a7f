"""What became of a record that is gone, by its own fields: deleted, merged, or converted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from crmhub.connector import Deletion, Native
from crmhub.errors import BadResponse, Where
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described

__all__ = ["LIVE_LEADS", "became", "deletion_of", "telling", "tells_converted"]

LIVE_LEADS = "IsConverted = false"
"""The condition that leaves out what was converted."""
_TOMBSTONE = ("IsDeleted", "MasterRecordId")
_CONVERTED = ("IsConverted", "ConvertedContactId")


def deletion_of(row: Native, at: datetime | None) -> Deletion:
    """What became of a record that is deleted: it was merged into another, or is gone."""
    into = _into(row, "MasterRecordId")
    return Deletion(str(row["Id"]), at) if into is None else Deletion(str(row["Id"]), at, "merged", into)


def became(row: Native, *, converted: bool) -> Deletion | None:
    """What became of a record that is gone, as :func:`telling` fields say; ``None``: it lives.

    ``converted``: leads that were converted are gone, into their contact.
    """
    if row.get("IsDeleted") is True:
        return deletion_of(row, None)
    if not (converted and row.get("IsConverted") is True):
        return None
    return Deletion(str(row["Id"]), None, "converted", _into(row, "ConvertedContactId"))


def _into(row: Native, field: str) -> str | None:
    """The id of the record that a record has gone into; raises ``BadResponse`` for what is none."""
    value = row.get(field)
    if value is None or value == "":
        return None
    into = full_id(value) if isinstance(value, str) else None
    if into is None or into == row["Id"]:
        where = Where(record=str(row["Id"]), field=field)
        raise BadResponse("a record that is gone does not tell which other record it has become", where=where)
    return into


def telling(of: Described, *, converted: bool) -> tuple[str, ...]:
    """The fields that :func:`became` looks at, as far as the object has them."""
    return tuple(name for name in (*_TOMBSTONE, *(_CONVERTED if converted else ())) if of.has(name))


def tells_converted(of: Described, asked: Collection[str]) -> bool:
    """Whether records that were converted are told as gone: unless whoever asks asks for them."""
    return all(map(of.has, _CONVERTED)) and _CONVERTED[0] not in asked
