"""Fan-out: the same question, or the same write, to several connections at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import anyio
from anyio import CapacityLimiter

from crmhub import arguments
from crmhub.connection import Connection
from crmhub.connector import Check, Outcome
from crmhub.errors import ConfigError, CrmhubError, PartialFailure
from crmhub.listing import Listing
from crmhub.models import Account, ActivityBase, Contact, Deal, Record, User
from crmhub.records import Records

__all__ = ["Answers", "Everywhere", "ListingEverywhere", "RecordsEverywhere"]

_T = TypeVar("_T")
_Model = TypeVar("_Model", bound=Record)

_AT_ONCE = 16
"""Connections that are asked at the same time."""


@dataclass(frozen=True)
class Answers(Generic[_T]):
    """What each connection answered, by name; ``errors`` holds those that failed."""

    values: Mapping[str, _T]
    errors: Mapping[str, CrmhubError] = field(default_factory=dict[str, CrmhubError])

    def __getitem__(self, connection: str) -> _T:
        """The connection's answer. Raises its error if it failed."""
        if connection in self.errors:
            raise self.errors[connection]
        return self.values[connection]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.values, *self.errors))

    def __len__(self) -> int:
        return len(self.values) + len(self.errors)

    def demand_all(self) -> Mapping[str, _T]:
        """All answers. Raises :class:`PartialFailure` when a connection failed."""
        if self.errors:
            raise PartialFailure(self.errors)
        return self.values


class Everywhere:
    """Several connections as one. One that fails keeps no other from answering."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        if not connections:
            raise ConfigError("no connection is named", hint="add one, or name at least one")
        self._connections = tuple(connections)

    @property
    def accounts(self) -> RecordsEverywhere[Account]:
        """Companies."""
        return self.of(Account)

    @property
    def contacts(self) -> RecordsEverywhere[Contact]:
        """People, leads among them."""
        return self.of(Contact)

    @property
    def deals(self) -> RecordsEverywhere[Deal]:
        """Deals."""
        return self.of(Deal)

    @property
    def activities(self) -> RecordsEverywhere[ActivityBase]:
        """Tasks, meetings, calls and notes."""
        return self.of(ActivityBase)

    @property
    def users(self) -> RecordsEverywhere[User]:
        """The CRMs' users."""
        return self.of(User)

    def of(self, model: type[_Model]) -> RecordsEverywhere[_Model]:
        """The records of a model."""
        return RecordsEverywhere({each.name: each.of(model) for each in self._connections}, model)

    async def check(self) -> Answers[Sequence[Check]]:
        """What each connection's permissions are."""
        return await _ask({each.name: each.check for each in self._connections})

    def __iter__(self) -> Iterator[str]:
        return iter(each.name for each in self._connections)


class ListingEverywhere(Listing[_Model]):
    """A listing over several connections: a page of each in turn.

    However it is read, it gives what every connection has, and at the end raises
    :class:`PartialFailure` if some failed; :meth:`answers` tells both by connection instead.
    """

    def __init__(self, listings: Mapping[str, Listing[_Model]]) -> None:
        super().__init__(lambda: _merged(listings))
        self._listings = listings

    async def answers(self) -> Answers[Sequence[_Model]]:
        """All records of each connection; they are all in memory then."""
        return await _ask({name: listing.collect for name, listing in self._listings.items()})


class RecordsEverywhere(Generic[_Model]):
    """The records of one model in several connections; the arguments are those of :class:`Records`."""

    def __init__(self, records: Mapping[str, Records[_Model]], model: type[_Model]) -> None:
        self._records = records
        self._model = model

    def list(
        self,
        *,
        modified_since: datetime | None = None,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        raw: bool = False,
    ) -> ListingEverywhere[_Model]:
        """Live records of every connection, at most ``limit`` of each."""
        chosen = None if fields is None else [*fields]
        return ListingEverywhere(
            {
                name: each.list(
                    modified_since=modified_since, fields=chosen, where=where, limit=limit, raw=raw
                )
                for name, each in self._records.items()
            }
        )

    def search(
        self, text: str, *, fields: Iterable[str] | None = None, limit: int = 100, raw: bool = False
    ) -> ListingEverywhere[_Model]:
        """What each CRM's own search finds, at most ``limit`` of each."""
        chosen = None if fields is None else [*fields]
        return ListingEverywhere(
            {
                name: each.search(text, fields=chosen, limit=limit, raw=raw)
                for name, each in self._records.items()
            }
        )

    async def count(
        self, *, where: Mapping[str, object] | None = None, modified_since: datetime | None = None
    ) -> Answers[int]:
        """How many live records each connection has."""
        arguments.conditions_of(where, self._model)
        arguments.instant(modified_since, "modified_since")

        def asking(records: Records[_Model]) -> Callable[[], Awaitable[int]]:
            return lambda: records.count(where=where, modified_since=modified_since)

        return await _ask({name: asking(each) for name, each in self._records.items()})

    async def create(self, record: _Model) -> Answers[Outcome]:
        """Create the record in each connection: one outcome for each."""
        arguments.instance(record, self._model)
        return await self._outcomes(lambda _name, records: records.create_many([record]))

    async def upsert(self, record: _Model, *, match: str) -> Answers[Outcome]:
        """Upsert the record in each connection by the canonical path ``match``: one outcome for each."""
        arguments.instance(record, self._model)
        arguments.text_of(match, "match")
        return await self._outcomes(lambda _name, records: records.upsert_many([record], match=match))

    async def update(self, ids: Mapping[str, str], changes: _Model) -> Answers[Outcome]:
        """Write what ``changes`` sets to the record that ``ids`` names in each connection."""
        arguments.instance(changes, self._model, "changes")
        return await self._outcomes(
            lambda name, records: records.update_many([changes.model_copy(update={"id": ids[name]})]), ids
        )

    async def delete(self, ids: Mapping[str, str]) -> Answers[Outcome]:
        """Delete the record that ``ids`` names in each connection: one outcome for each."""
        return await self._outcomes(lambda name, records: records.delete_many([ids[name]]), ids)

    async def _outcomes(
        self,
        write: Callable[[str, Records[_Model]], Awaitable[Sequence[Outcome]]],
        ids: Mapping[str, str] | None = None,
    ) -> Answers[Outcome]:
        chosen = self._records if ids is None else self._only(ids)

        def one(name: str, records: Records[_Model]) -> Callable[[], Awaitable[Outcome]]:
            async def outcome() -> Outcome:
                return (await write(name, records))[0]

            return outcome

        return await _ask({name: one(name, each) for name, each in chosen.items()})

    def _only(self, ids: Mapping[str, str]) -> Mapping[str, Records[_Model]]:
        for name, id_ in arguments.named(ids, "ids").items():
            if name not in self._records:
                raise ConfigError(f"no connection {name!r} among these", hint=", ".join(self._records))
            arguments.identifier(id_, "ids")
        return {name: self._records[name] for name in ids}


async def _ask(questions: Mapping[str, Callable[[], Awaitable[_T]]]) -> Answers[_T]:
    """Ask all at once, some at a time; the answers in the order of the questions."""
    values: dict[str, _T] = {}
    errors: dict[str, CrmhubError] = {}
    turns = CapacityLimiter(_AT_ONCE)

    async def ask(name: str, question: Callable[[], Awaitable[_T]]) -> None:
        async with turns:
            try:
                values[name] = await question()
            except CrmhubError as error:
                errors[name] = error

    async with anyio.create_task_group() as tasks:
        for name, question in questions.items():
            tasks.start_soon(ask, name, question)
    return Answers(
        {name: values[name] for name in questions if name in values},
        {name: errors[name] for name in questions if name in errors},
    )


async def _merged(listings: Mapping[str, Listing[_Model]]) -> AsyncGenerator[Sequence[_Model]]:
    """A page of each listing in turn; the next pages of all that are open are fetched together."""
    waiting = list(listings.items())[::-1]
    errors: dict[str, CrmhubError] = {}
    async with AsyncExitStack() as stack:
        opened: dict[str, AsyncGenerator[Sequence[_Model]]] = {}
        while waiting or opened:
            while waiting and len(opened) < _AT_ONCE:
                name, listing = waiting.pop()
                opened[name] = await stack.enter_async_context(aclosing(listing.pages()))
            fetched = await _ask({name: partial(anext, pages, None) for name, pages in opened.items()})
            errors |= fetched.errors
            opened = {name: pages for name, pages in opened.items() if fetched.values.get(name) is not None}
            for page in fetched.values.values():
                if page is not None:
                    yield page
    if errors:
        raise PartialFailure(errors)
