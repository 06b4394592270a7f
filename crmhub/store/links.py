"""Links: which records in different connections are the same real thing.

A pair is one row, its sides in the order of their connections' names; every function here speaks
from the asker's side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from sqlalchemy import Connection, Select, bindparam, or_, select

from crmhub.errors import StoreError, Where
from crmhub.store.database import Database
from crmhub.store.records import Link, LinkState, RecordRef
from crmhub.store.tables import link as table

if TYPE_CHECKING:
    _Row: TypeAlias = tuple[
        str, str, str, str, str, str, str, bytes | None, str | None, str | None, str | None, LinkState
    ]

__all__ = ["Links", "Sides", "chunks", "sides"]

_CHUNK = 500
"""Ids in one query: below every database's limit of bound values."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Which side of the row the asker's record is on, and which the other one."""

    near: Literal["a", "b"]
    far: Literal["a", "b"]


_FORWARD = Sides("a", "b")
_BACKWARD = Sides("b", "a")


def sides(near: str, far: str) -> Sides:
    """The sides of a link between two connections, by name."""
    if near == far:
        raise StoreError("a link joins two connections, not one with itself", where=Where(connection=near))
    return _FORWARD if near < far else _BACKWARD


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids without repetition, in lists that fit into one query."""
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), _CHUNK):
        yield unique[start : start + _CHUNK]


class Links:
    """Reached as ``store.links``. Links are written with the page they belong to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, source: tuple[str, str], target: str, ids: Collection[str]) -> dict[str, Link]:
        """The links of ``(connection, object)``'s records to the connection ``target``, by source id.

        Ids without a link are absent. Unlinked pairs are there, and say so in ``state``.
        """
        connection, source_object = source
        query = _by_ids(sides(connection, target), by_object=True)
        found = await self._select(query, {"near": connection, "far": target, "object": source_object}, ids)
        return {link.source.id: link for link in found}

    async def find_target(
        self, source: str, target: tuple[str, str], ids: Collection[str]
    ) -> dict[str, Link]:
        """The links that end in ``(connection, object)``'s records, by target id: the other way round.

        ``source`` is a connection. The links still run from source to target.
        """
        found = await self.find(target, source, ids)
        return {key: turned(link) for key, link in found.items()}

    async def find_any(
        self, connection: str, ids: Collection[str], target: str, *, objects: Collection[str] = ()
    ) -> dict[str, Link]:
        """Like :meth:`find` for references that may point to several objects, by source id.

        ``objects`` narrows it to those. Raises :class:`StoreError` when two objects have a linked
        record of the same id: which one is meant cannot be told from the id.
        """
        query = _by_ids(sides(connection, target), by_object=False)
        found: dict[str, Link] = {}
        for link in await self._select(query, {"near": connection, "far": target}, ids):
            if objects and link.source.object not in objects:
                continue
            other = found.setdefault(link.source.id, link)
            if other is not link:
                raise StoreError(
                    f"the id stands for records of {other.source.object} and {link.source.object}",
                    hint="name the objects that the reference may point to",
                    where=Where(connection=connection, record=link.source.id),
                )
        return found

    async def of_record(self, connection: str, object: str, id: str) -> list[Link]:
        """Every link of one record, seen from it; one at most for each other connection."""
        query = _of_record()
        values = {"connection": connection, "object": object, "id": id}
        rows = await self._database.read(lambda open_: open_.execute(query, values).all())
        links = _links(cast("Sequence[_Row]", rows))
        me = RecordRef(connection, object, id)
        seen = [link if link.source == me else turned(link) for link in links]
        return sorted(seen, key=lambda link: link.target)

    async def _select(
        self, query: Select[tuple[object, ...]], values: dict[str, str], ids: Collection[str]
    ) -> list[Link]:
        def run(connection: Connection) -> list[Link]:
            found: list[Link] = []
            for chunk in chunks(ids):
                rows = connection.execute(query, {**values, "ids": chunk}).all()
                found += _links(cast("Sequence[_Row]", rows))
            return found

        return await self._database.read(run)


def turned(link: Link) -> Link:
    """The same link seen from its other side."""
    return Link(
        link.model, link.target, link.source, link.hash, link.base, link.target_version, link.source_version,
        link.state,
    )  # fmt: skip


def _links(rows: Sequence[_Row]) -> list[Link]:
    return [
        Link(model, RecordRef(c1, o1, i1), RecordRef(c2, o2, i2), digest, base, version1, version2, state)
        for model, c1, o1, i1, c2, o2, i2, digest, base, version1, version2, state in rows
    ]


@cache
def _by_ids(of: Sides, *, by_object: bool) -> Select[tuple[object, ...]]:
    columns = table.c
    query = _columns(of).where(
        columns[f"{of.near}_connection"] == bindparam("near"),
        columns[f"{of.near}_id"].in_(bindparam("ids", expanding=True)),
        columns[f"{of.far}_connection"] == bindparam("far"),
    )
    if not by_object:
        return query
    return query.where(columns[f"{of.near}_object"] == bindparam("object"))


@cache
def _of_record() -> Select[tuple[object, ...]]:
    columns = table.c
    return _columns(_FORWARD).where(
        or_(
            *(
                (columns[f"{side}_connection"] == bindparam("connection"))
                & (columns[f"{side}_object"] == bindparam("object"))
                & (columns[f"{side}_id"] == bindparam("id"))
                for side in ("a", "b")
            )
        )
    )


def _columns(of: Sides) -> Select[tuple[object, ...]]:
    columns = table.c
    return select(
        columns.model,
        *(columns[f"{side}_{part}"] for side in (of.near, of.far) for part in ("connection", "object", "id")),
        columns.hash,
        columns.base,
        columns[f"{of.near}_version"],
        columns[f"{of.far}_version"],
        columns.state,
    )
