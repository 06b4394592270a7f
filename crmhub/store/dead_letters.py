"""Records set aside with their reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from crmhub.clock import Clock
from crmhub.store.database import Database
from crmhub.store.links import chunks
from crmhub.store.records import DeadLetter, DeadLetterState, RecordRef, letter_id
from crmhub.store.tables import dead_letter as table
from crmhub.store.tables import link
from crmhub.store.upsert import excluded, upsert

__all__ = ["DeadLetters", "resolve_letters", "save_letters"]


class DeadLetters:
    """Reached as ``store.dead_letters``. A sync writes them with the page they belong to."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(
        self,
        job: str | None = None,
        *,
        model: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        after: DeadLetter | None = None,
    ) -> list[DeadLetter]:
        """Open letters, oldest first. The last one of a page, as ``after``, gives the next page."""
        query = _open().limit(limit)
        for column, wanted in ((table.c.job, job), (table.c.model, model), (table.c.reason, reason)):
            if wanted is not None:
                query = query.where(column == wanted)
        if after is not None:
            later = table.c.first_at > after.first_at
            query = query.where(or_(later, and_(table.c.first_at == after.first_at, table.c.id > after.id)))
        return await self._select(query)

    async def awaiting_ready(self, job: str, *, limit: int = 500) -> list[DeadLetter]:
        """Open letters whose awaited record is linked by now, oldest first.

        The awaited record is matched by its id and by the name of its object or of its model; ``*``
        stands for any.
        """
        query = _open().where(table.c.job == job, _awaited_is_linked()).limit(limit)
        return await self._select(query)

    async def counts(self, job: str) -> dict[str, int]:
        """How many letters of the job are open, by reason."""
        query = (
            select(table.c.reason, func.count())
            .where(table.c.job == job, table.c.state == "open")
            .group_by(table.c.reason)
            .order_by(table.c.reason)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {reason: count for reason, count in rows}  # noqa: C416 - a row is not a pair to the checker

    async def get(self, id: str) -> DeadLetter | None:
        """The letter of that id, in whatever state."""
        found = await self._select(select(table).where(table.c.id == id))
        return found[0] if found else None

    async def of(self, job: str, sources: Collection[RecordRef]) -> dict[RecordRef, DeadLetter]:
        """The job's letters of these source records, in whatever state."""
        query = select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
        ids = [letter_id(job, source) for source in sources]

        def run(connection: Connection) -> list[DeadLetter]:
            rows = (connection.execute(query, {"ids": chunk}).mappings().all() for chunk in chunks(ids))
            return [_letter(row) for chunk in rows for row in chunk]

        return {letter.source: letter for letter in await self._database.read(run)}

    async def resolve(self, job: str, sources: Sequence[RecordRef]) -> None:
        """Resolve the letters of these source records, outside a page."""
        await self._database.write(lambda connection: resolve_letters(connection, job, sources))

    async def drop(self, ids: Collection[str]) -> int:
        """Drop open letters for good, as a person decides; gives how many there were.

        A dropped record that fails again stays dropped, and is resolved when it succeeds.
        """
        statement = (
            update(table)
            .where(table.c.id.in_(bindparam("ids", expanding=True)), table.c.state == "open")
            .values(state="dropped")
        )
        return await self._database.write(
            lambda connection: sum(
                connection.execute(statement, {"ids": chunk}).rowcount for chunk in chunks(ids)
            )
        )

    async def _select(self, query: Select[tuple[object, ...]]) -> list[DeadLetter]:
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_letter(row) for row in rows]


def save_letters(connection: Connection, letters: Sequence[DeadLetter], now: datetime) -> None:
    """Insert new letters and count repeated ones, as part of a transaction."""
    if not letters:
        return
    is_new = table.c.state == "resolved"
    statement = upsert(
        connection.dialect.name,
        table,
        only=(
            "target",
            "model",
            "reason",
            "code",
            "field",
            "message",
            "awaiting_object",
            "awaiting_id",
            "last_at",
        ),
        set_={
            "attempts": case((is_new, 1), else_=table.c.attempts + 1),
            "first_at": case((is_new, excluded("first_at")), else_=table.c.first_at),
            "state": case((table.c.state == "dropped", "dropped"), else_="open"),
        },
    )
    connection.execute(statement, [_row(letter, now) for letter in letters])


def resolve_letters(connection: Connection, job: str, sources: Sequence[RecordRef]) -> None:
    """Mark the letters of source records that succeeded, as part of a transaction."""
    if sources:
        statement = (
            update(table)
            .where(table.c.id == bindparam("letter"), table.c.state != "resolved")
            .values(state="resolved")
        )
        connection.execute(statement, [{"letter": letter_id(job, source)} for source in sources])


def _open() -> Select[tuple[object, ...]]:
    return select(table).where(table.c.state == "open").order_by(table.c.first_at, table.c.id)


def _awaited_is_linked() -> ColumnElement[bool]:
    """Either side of a link may be the awaited record; each look-up goes by an index of its own."""
    return or_(
        *(
            exists().where(
                link.c[f"{near}_connection"] == table.c.source_connection,
                link.c[f"{near}_id"] == table.c.awaiting_id,
                link.c[f"{far}_connection"] == table.c.target,
                or_(
                    link.c[f"{near}_object"] == table.c.awaiting_object,
                    link.c.model == table.c.awaiting_object,
                    table.c.awaiting_object == "*",
                ),
                link.c.state == "linked",
            )
            for near, far in (("a", "b"), ("b", "a"))
        )
    )


def _row(letter: DeadLetter, now: datetime) -> dict[str, object]:
    awaiting_object, awaiting_id = letter.awaiting or (None, None)
    return {
        "id": letter.id,
        "job": letter.job,
        "source_connection": letter.source.connection,
        "source_object": letter.source.object,
        "source_id": letter.source.id,
        "target": letter.target,
        "model": letter.model,
        "reason": letter.reason,
        "code": letter.code,
        "field": letter.field,
        "message": letter.message,
        "awaiting_object": awaiting_object,
        "awaiting_id": awaiting_id,
        "attempts": 1,
        "first_at": now,
        "last_at": now,
        "state": "open",
    }


def _letter(row: RowMapping) -> DeadLetter:
    awaits = row["awaiting_id"] is not None
    return DeadLetter(
        job=row["job"],
        source=RecordRef(row["source_connection"], row["source_object"], row["source_id"]),
        target=row["target"],
        model=row["model"],
        reason=row["reason"],
        message=row["message"],
        code=row["code"],
        field=row["field"],
        awaiting=(row["awaiting_object"], row["awaiting_id"]) if awaits else None,
        attempts=row["attempts"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        state=cast("DeadLetterState", row["state"]),
    )
