"""Insert or update, in the words of each database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Insert, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["excluded", "upsert"]


def upsert(
    dialect: str,
    table: Table,
    *,
    set_: Mapping[str, ColumnElement[object]] | None = None,
    only: Sequence[str] = (),
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """An insert into ``table`` that updates the row with the same primary key instead.

    The columns ``only`` (all but the key, when empty) take the new values, those in ``set_`` what is
    said there; a row for which ``where`` does not hold is left alone. Run it with a list of rows: the
    many-row ``values()`` form is compiled anew each time, and some ten times slower.
    """
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    names = only or [column.name for column in table.columns if column.name not in key]
    values = {name: insert.excluded[name] for name in names}
    return insert.on_conflict_do_update(index_elements=key, set_={**values, **(set_ or {})}, where=where)


def excluded(name: str) -> ColumnElement[object]:
    """The value of the row that was to be inserted, for ``set_`` and ``where``."""
    return literal_column(f"excluded.{name}")
