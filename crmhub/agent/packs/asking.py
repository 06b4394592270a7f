"""What questions share: their arguments, and answers in pages that go over several CRMs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated, Final, Generic, TypeAlias, TypeVar, cast

from pydantic import Field

from crmhub.agent.answers import AnswerBase, Refused, Source, parse_id, status_of
from crmhub.agent.governed import Governed
from crmhub.agent.tool import Arguments, Call, Told
from crmhub.models import Account, Contact, Record, Ref
from crmhub.native import Value

__all__ = ["FEW", "Id", "Paged", "Taken", "gathered", "own_id", "with_names"]

_Model = TypeVar("_Model", bound=Record)
Id = Annotated[str, Field(min_length=3, max_length=200)]
FEW: Final = 50
"""Ids in one condition: what every CRM takes."""
Pages: TypeAlias = "AsyncGenerator[Sequence[_Model]]"
_NAMED: Final[Mapping[str, type[Record]]] = {"account": Account, "contact": Contact}


class Paged(Arguments):
    """What every question takes whose answer can go on."""

    connection: str | None = Field(
        None, max_length=64, description="A connection or a kind of CRM; all by default."
    )
    cursor: str | None = Field(None, max_length=2_000, description="next_cursor, to go on.")


@dataclass(frozen=True)
class Taken(Generic[_Model]):
    """One page of an answer, over all CRMs that were asked."""

    records: Sequence[_Model]
    sources: list[Source]
    more: bool
    _places: Sequence[tuple[str, int]]
    """Of each record, its connection and how many come before the next one there."""
    _begun: Mapping[str, int]
    _ended: frozenset[str]

    def told(self, call: Call, data: AnswerBase, summary: str) -> Told:
        """The answer with its status, its sources and the way to go on."""
        data.sources, data.status = self.sources, status_of(self.sources)
        if self.more:
            data.truncated, data.next_cursor = True, call.seal(self.resume(len(self.records)))
        return Told(data, summary, self.resume)

    def resume(self, count: int) -> Mapping[str, Value]:
        """The place after the first so many; a connection that has no more is not asked again."""
        places = {**self._begun, **dict(self._places[:count])}
        open_: dict[str, Value] = {
            name: place
            for name, place in places.items()
            if name not in self._ended or any(each == name for each, _ in self._places[count:])
        }
        return {"skip": open_}


async def gathered(
    call: Call,
    connections: Iterable[str],
    limit: int,
    pages: Callable[[str, int], Pages[_Model]],
) -> Taken[_Model]:
    """The next ``limit`` records that the connections' ``pages`` give, of each in turn.

    ``pages`` is told how many records are looked for at most, those of earlier answers included.
    """
    begun = cast("dict[str, int]", (call.place or {}).get("skip")) if call.place else {}
    names = [name for name in connections if not call.place or name in begun]
    begun = {name: begun.get(name, 0) for name in names}

    async def ask(connection: str) -> list[tuple[str, int, _Model]]:
        skip, found, at = begun[connection], list[tuple[str, int, _Model]](), 0
        async with aclosing(pages(connection, skip + limit + 1)) as several:
            async for page in several:
                for record in page:
                    at += 1
                    if at > skip:
                        found.append((connection, at, record))
                if len(found) > limit:
                    break
        return found

    found, sources = await call.reach.ask(names, ask)
    turns = zip_longest(*found.values())
    inline = [each for turn in turns for each in turn if each is not None]
    given = inline[:limit]
    left = {connection for connection, _, _ in inline[limit:]}
    await call.reach.handed([record for _, _, record in given])
    return Taken(
        [record for _, _, record in given],
        sources,
        bool(left),
        [(connection, place) for connection, place, _ in given],
        begun,
        frozenset(found) - left,
    )


def own_id(call: Call, given: str, *models: str) -> tuple[str, str]:
    """Connection and own id of a typed id of one of the models.

    Raises :class:`Refused` for one of a connection that is not there for the agent.
    """
    _, connection, own = parse_id(given, *models)
    if connection not in call.reach.connections:
        call.reach.named(connection)
        raise Refused("invalid_id", "an id names a connection, not a kind of CRM", hint="list_available_crms")
    return connection, own


async def with_names(call: Call, records: Sequence[_Model], *fields: str) -> Sequence[_Model]:
    """The records with the names of what these fields of theirs point to, where the agent may see them.

    Many CRMs tell the id alone. One that cannot be asked now leaves them as they are.
    """
    wanted: dict[tuple[str, str], dict[str, None]] = {}
    for record in records:
        for field in fields:
            ref = _nameless(record, field)
            if ref is not None and record.connection:
                wanted.setdefault((record.connection, ref.model), {})[ref.id] = None
    names: dict[tuple[str, str, str], str] = {}
    for (connection, model), ids in wanted.items():
        label = "name" if model == "account" else "full_name"
        if model not in call.reach.models_of(connection) or not call.reach.grant.sees(model, label):
            continue
        found, _ = await call.reach.ask(
            [connection], lambda name, m=model, i=ids, f=label: _of(call, name, m, i, f)
        )
        for each in found.get(connection, []):
            if each is not None and (name := cast("str | None", getattr(each, label, None))):
                names[connection, model, str(each.id)] = name
    return [_named(record, fields, names) for record in records]


async def _of(
    call: Call, connection: str, model: str, ids: Iterable[str], field: str
) -> Sequence[Record | None]:
    governed: Governed[Record] = call.reach.of(connection, _NAMED[model])
    return await governed.get_many(ids, fields=[field])


def _nameless(record: Record, field: str) -> Ref | None:
    ref = cast("Ref | None", getattr(record, field, None))
    return ref if ref is not None and ref.name is None and ref.model in _NAMED else None


def _named(record: _Model, fields: Sequence[str], names: Mapping[tuple[str, str, str], str]) -> _Model:
    told: dict[str, object] = {}
    for field in fields:
        ref = _nameless(record, field)
        name = ref and names.get((str(record.connection), ref.model, ref.id))
        if ref is not None and name:
            told[field] = Ref(model=ref.model, id=ref.id, name=name)
    return record.model_copy(update=told) if told else record
