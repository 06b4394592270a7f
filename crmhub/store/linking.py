"""Writing links, as part of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Insert, and_, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from crmhub.errors import StoreError, Where
from crmhub.store.links import sides
from crmhub.store.records import Link, RecordRef
from crmhub.store.tables import link as table
from crmhub.store.upsert import excluded, upsert

__all__ = ["LinkClash", "explain_clash", "forget_links", "save_links", "unlink"]

_NEW_VALUES = ("model", "state", "hash", "a_version", "b_version", "base")


class LinkClash(Exception):
    """A link would join a record that is already linked to another one; the transaction must end."""


def save_links(connection: Connection, links: Sequence[Link]) -> None:
    """Insert new pairs and update known ones; a record linked elsewhere raises :class:`LinkClash`."""
    if not links:
        return
    rows = [_row(link) for link in links]
    try:
        result = connection.execute(_saving(connection.dialect.name), rows)
    except IntegrityError as error:
        raise LinkClash from error
    if result.rowcount != len(rows):
        raise LinkClash


def unlink(connection: Connection, links: Sequence[Link]) -> None:
    """Mark the pairs as no longer belonging together; they keep their place."""
    if links:
        connection.execute(update(table).where(_IS_PAIR).values(state="unlinked"), _pairs(links))


def forget_links(connection: Connection, links: Sequence[Link]) -> None:
    """Remove the pairs."""
    if links:
        connection.execute(delete(table).where(_IS_PAIR), _pairs(links))


def explain_clash(connection: Connection, links: Sequence[Link]) -> StoreError:
    """Which of the links cannot be, and why. Run after the transaction that failed."""
    taken: dict[tuple[RecordRef, str], RecordRef] = {}
    for link in links:
        for near, far in ((link.source, link.target), (link.target, link.source)):
            other = taken.setdefault((near, far.connection), far)
            if other == far:
                other = _linked_to(connection, near, far.connection) or far
            if other != far:
                return _clash(link.model, near, other, far)
    return StoreError("the links changed while they were written", hint="run it again")


@cache
def _saving(dialect: str) -> Insert:
    # The key holds side a and the other connection: with another b it is another pair, left alone.
    same_pair = and_(*(table.c[name] == excluded(name) for name in ("b_object", "b_id")))
    statement = upsert(dialect, table, only=_NEW_VALUES, where=same_pair)
    return statement.execution_options(preserve_rowcount=True)


def _clash(model: str, record: RecordRef, present: RecordRef, wanted: RecordRef) -> StoreError:
    return StoreError(
        f"this {model} is already linked to {present.object} {present.id} of {present.connection}, "
        f"so it cannot be linked to {wanted.object} {wanted.id}",
        hint="one record is linked to one record of another connection: forget the old link first",
        where=Where(connection=record.connection, object=record.object, record=record.id),
    )


def _linked_to(connection: Connection, record: RecordRef, other: str) -> RecordRef | None:
    of = sides(record.connection, other)
    columns = table.c
    row = connection.execute(
        select(columns[f"{of.far}_object"], columns[f"{of.far}_id"]).where(
            columns[f"{of.near}_connection"] == record.connection,
            columns[f"{of.near}_object"] == record.object,
            columns[f"{of.near}_id"] == record.id,
            columns[f"{of.far}_connection"] == other,
        )
    ).first()
    return RecordRef(other, row[0], row[1]) if row else None


_PAIR = ("a_connection", "a_object", "a_id", "b_connection", "b_object", "b_id")
_IS_PAIR = and_(*(table.c[name] == bindparam(f"of_{name}") for name in _PAIR))


def _pairs(links: Sequence[Link]) -> list[dict[str, object]]:
    rows = map(_row, links)
    return [{f"of_{name}": row[name] for name in _PAIR} for row in rows]


def _row(link: Link) -> dict[str, object]:
    a, b = link.source, link.target
    a_version, b_version = link.source_version, link.target_version
    if sides(a.connection, b.connection).near == "b":
        a, b = b, a
        a_version, b_version = b_version, a_version
    return {
        "a_connection": a.connection,
        "a_object": a.object,
        "a_id": a.id,
        "b_connection": b.connection,
        "b_object": b.object,
        "b_id": b.id,
        "model": link.model,
        "state": link.state,
        "hash": link.hash,
        "a_version": a_version,
        "b_version": b_version,
        "base": link.base,
    }
