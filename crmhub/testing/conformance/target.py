"""What a connector's author gives: a CRM to check against that knows the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from crmhub.clock import ManualClock
from crmhub.connector import Connector, ConnectorConfig, Context, FieldSpec, Native, Value
from crmhub.events import Event, Events
from crmhub.http import HttpClient, HttpSettings, MemoryTokenStore, TokenStore

if TYPE_CHECKING:
    import httpx

__all__ = ["Message", "NotHere", "Org", "Sample", "Spoilt", "Target"]


class NotHere(Exception):
    """Something that a target cannot do. The check that needs it is skipped with this reason."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One writable object of the CRM and the native names of fields in it, by what they are good for.

    ``None``: the object has no such field, and the checks that need one are skipped.
    """

    object: str
    text: str
    """One line of free text, such as the name."""
    demanded: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Values of the fields, ``text`` aside, without which no record can be created."""
    long_text: str | None = None
    """Text of 30,000 characters or more."""
    number: str | None = None
    """An integer."""
    money: str | None = None
    """An amount with at least two places after the point."""
    currency: str | None = None
    """The currency of ``money``, if each record has its own."""
    date: str | None = None
    """A date without a time."""
    instant: str | None = None
    """A date with a time."""
    enum: str | None = None
    """A picklist."""
    ref: str | None = None
    """A reference to a record of ``ref_object``."""
    ref_object: str | None = None
    nowhere: Value = None
    """A value of ``ref`` that leads to no record."""
    many: str | None = None
    """References to several records: a list of their ids."""
    unique: str | None = None
    """A text in which no two records may have the same value."""
    by_key: tuple[str, str] | None = None
    """The name by which a write gives another record of the object by its value of ``unique``, and the field
    that then holds its id."""
    custom: str | None = None
    """A field that this org has added."""
    read_only: str | None = None
    """A field that only the CRM itself sets; not the key."""
    new_field: str | None = None
    """A name that a custom field could have, and none has."""

    def row(self, number: int, fields: Mapping[str, Value] | None = None) -> Native:
        """The values of a new record; ``number`` tells it from others."""
        row: Native = {**self.demanded, self.text: f"Check {number:05d}"}
        if self.unique is not None:
            row[self.unique] = f"check-{number:05d}"
        return {**row, **(fields or {})}

    def rows(self, count: int, start: int = 0) -> list[Native]:
        """The values of ``count`` new records."""
        return [self.row(number) for number in range(start, start + count)]

    @property
    def fields(self) -> tuple[str, ...]:
        """All the fields that are named."""
        named = (
            self.text, self.long_text, self.number, self.money, self.currency, self.date, self.instant,
            self.enum, self.ref, self.unique, self.custom, self.read_only,
        )  # fmt: skip
        return tuple(dict.fromkeys([name for name in named if name is not None] + list(self.demanded)))


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Settings of a connection that cannot work: what is wrong, and a word of it that must be told."""

    cause: str
    settings: Mapping[str, object]
    says: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the CRM to a subscriber's URL, as it comes over the wire."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Org(ABC):
    """One org of the CRM, fresh and alone for one check, and the connections to it.

    A subclass gives ``connector``, ``settings`` and the five abstract methods; each of the others
    that it leaves out skips the checks that need it. Native values are those that the connector reads
    and writes.
    """

    name: ClassVar[str] = "org"
    connector: type[Connector]
    """The connector's class."""
    token_path: ClassVar[str | None] = None
    """A part of the path of calls that ask for a token, and of no others; ``None``: there are none."""
    settings: Mapping[str, object]
    """Settings of a connection that works; secrets as plain text."""
    transport: httpx.AsyncBaseTransport | None = None
    """Answers the connections' HTTP calls; see :func:`crmhub.http.asgi_transport`."""
    client_type: type[HttpClient] = HttpClient
    """What makes the connections' HTTP calls."""
    cap: ClassVar[int | None] = None
    """How many records the CRM's own paging reaches at most, if that is few enough to be tried."""
    on_call: Callable[[int], Awaitable[None]] | None = None
    """Awaited with the number of each call (from 1) before the CRM sees it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events = Events(self.clock)
        self.heard: list[Event] = []
        """Every event of every connection so far."""
        self.tokens: TokenStore = MemoryTokenStore()
        """Shared by the connections, as by processes that have one store."""
        self.calls: list[str] = []
        """Every call that has reached the CRM so far, as ``METHOD path``."""
        self._connectors: list[Connector] = []
        self._clients: list[HttpClient] = []
        self.events.subscribe(self.heard.append)

    def connect(self, *, tokens: TokenStore | None = None, **settings: object) -> Connector:
        """A new connection, as a new process would have it; ``settings`` go over those that work."""
        config = self.connector.Config.model_validate({**self.settings, **settings})
        connector = self.make(config, self.context(tokens))
        self._connectors.append(connector)
        return connector

    def make(self, config: ConnectorConfig, context: Context) -> Connector:
        """The connector itself; overridden where it needs more than these two."""
        return self.connector(config, context)

    def context(self, tokens: TokenStore | None = None) -> Context:
        """What the hub would hand to the connector."""
        return Context(self.name, self.clock, self.events, Random(1), tokens or self.tokens, self._client)

    def secrets(self) -> Sequence[str]:
        """Values that must not show anywhere: those of all secret settings, and whatever a target adds."""
        config = self.connector.Config.model_validate(dict(self.settings))
        values = (getattr(config, name) for name in type(config).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def token_calls(self) -> int:
        """How often a token was asked for so far."""
        if self.token_path is None:
            raise NotHere("the target has no tokens")
        return sum(self.token_path in call for call in self.calls)

    async def called(self, call: str) -> None:
        """To be awaited by the target for each call (``METHOD path``) before the CRM sees it."""
        self.calls.append(call)
        if self.on_call is not None:
            await self.on_call(len(self.calls))

    async def aclose(self) -> None:
        """Close all connections and their HTTP clients."""
        for connector in self._connectors:
            await connector.aclose()
        for client in self._clients:
            await client.aclose()

    def _client(self, wanted: HttpSettings) -> HttpClient:
        client = self.client_type(
            wanted,
            connection=self.name,
            clock=self.clock,
            events=self.events,
            random=Random(1),
            transport=self.transport,
        )
        self._clients.append(client)
        return client

    # ── the truth, and people who work in the CRM: never by way of the connector under test ──────

    @abstractmethod
    async def truth(self, object: str) -> Sequence[Native]:
        """All live records as the CRM holds them."""

    @abstractmethod
    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, all made at the present instant; their ids, in order."""

    @abstractmethod
    async def change(self, object: str, id: str, fields: Native) -> None:
        """Somebody edits a record now."""

    @abstractmethod
    async def remove(self, object: str, id: str) -> None:
        """Somebody deletes a record now, so that it could be restored."""

    @abstractmethod
    def spoilt(self) -> Sequence[Spoilt]:
        """Settings that cannot work: a wrong secret, a wrong host, a missing scope."""

    async def restore(self, object: str, id: str) -> None:
        """Somebody takes a deleted record back."""
        raise NotHere(f"the target cannot restore {object} {id}")

    async def insert_late(self, object: str, row: Native, seconds: float) -> str:
        """A record that shows only now although its time of change is ``seconds`` ago; its id."""
        raise NotHere(f"the target cannot make {object} ({len(row)} fields) appear {seconds:g} s late")

    async def merge(self, object: str, winner: str, loser: str) -> str | None:
        """Somebody merges ``loser`` into ``winner``; the id of a record that is new by it and is both now."""
        raise NotHere(f"the target cannot merge {object} {loser} into {winner}")

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """An administrator adds a field (or gives an existing one another type)."""
        raise NotHere(f"the target cannot add {field.name} to {object}")

    async def drop_field(self, object: str, name: str) -> None:
        """An administrator removes a field."""
        raise NotHere(f"the target cannot drop {name} from {object}")

    async def tie(self, object: str, name: str, count: int) -> tuple[str, Sequence[str]]:
        """Somebody makes a record whose reference ``name`` is to ``count`` new records; its id and theirs."""
        raise NotHere(f"the target cannot tie {object} to {count} records by {name}")

    def spent(self) -> int | None:
        """Units of the account's allowance that all calls so far have cost; ``None``: nobody counts them."""
        return None

    def fault(self, *rules: str) -> None:
        """Put these fault rules in force, and no others (:mod:`crmhub.testing.simulator.faults`)."""
        raise NotHere(f"the target has no faults: {', '.join(rules)}")

    async def messages(self) -> Sequence[Message]:
        """What the CRM has sent to subscribers since this was asked last, oldest first."""
        raise NotHere("the target sends no messages")

    def forged(self, message: Message) -> Sequence[Message]:
        """Messages like this one, as somebody would send them who does not know its secret."""
        raise NotHere(f"the target forges no messages ({len(message.body)} bytes)")

    def shorten_pages(self) -> None:
        """From now on the CRM's pages hold fewer records than they are asked for, not only the last."""
        raise NotHere("the target's pages are never shorter than asked for")

    def expire_tokens(self) -> None:
        """All access tokens expire now."""
        raise NotHere("the target has no tokens that expire")

    def revoke(self) -> None:
        """All grants are taken back now: no refresh token works any more."""
        raise NotHere("the target has no grant that could be revoked")

    def rotate(self) -> None:
        """From now on each refresh gives a new refresh token, and the one before works no more."""
        raise NotHere("the target's refresh tokens do not rotate")


class Target(ABC):
    """A CRM to check a connector against: how to open an org of it, and what to do in it."""

    connector: ClassVar[str]
    """The connector's name."""
    sample: ClassVar[Sample]

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Org]:
        """A fresh org without records of the sample's object, as an async context manager."""
