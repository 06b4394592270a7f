"""Records as they came, looked at before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crmhub.connector import Native
from crmhub.errors import BadResponse, Where
from crmhub_salesforce import checkpoint
from crmhub_salesforce.ids import looks_like_id
from crmhub_salesforce.schema import Described

__all__ = ["checked", "stamp_of"]


def checked(of: Described, records: Sequence[Native]) -> list[Native]:
    """The page's records, each once and with its key and cursor field."""
    found: dict[str, Native] = {}
    needed = ("Id", of.cursor) if of.cursor else ("Id",)
    for row in records:
        _demand_fields(of, row, needed)
        if found.setdefault(str(row["Id"]), row) != row:
            raise BadResponse("a page holds one record twice, with different values", where=_at(of, row))
    return list(found.values())


def _demand_fields(of: Described, row: Native, needed: Sequence[str]) -> None:
    for name in needed:
        if not isinstance(row.get(name), str):
            raise BadResponse(
                f"a record came without its {name}; it has {', '.join(sorted(row)) or 'no fields'}",
                where=_at(of, row, name),
            )
    if not looks_like_id(str(row["Id"])):
        raise BadResponse("a record's Id is no id", where=_at(of, {}, "Id"))


def stamp_of(of: Described, row: Native, cursor: str) -> datetime:
    """The instant in a record's cursor field; raises ``BadResponse`` where there is none."""
    try:
        return checkpoint.moment(row.get(cursor))
    except ValueError:
        raise BadResponse("a record's cursor field holds no time", where=_at(of, row, cursor)) from None


def _at(of: Described, row: Native, field: str | None = None) -> Where:
    id_ = row.get("Id")
    return Where(object=of.name, record=id_ if isinstance(id_, str) else None, field=field)
