"""The CRMs as one agent may see them: what tools get instead of the hub.

Denied fields are never asked for where the CRM can be asked for fields, and never shown; masked ones hold
``***`` or a keyed hash. A filter, a search or a computation that would tell of them is refused. Row filters
go along with every question, and every record is held against them again. Texts are neutral. Each record
that is handed out is counted and noted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

import anyio

from crmhub.agent.answers import Refused, Source, typed_id
from crmhub.agent.given import Meter
from crmhub.agent.governed import TOO_MANY, Governed
from crmhub.agent.natives import shown_fields
from crmhub.agent.policy.decide import Grant
from crmhub.agent.troubles import problem_of
from crmhub.agent.veil import Veil
from crmhub.clock import Clock
from crmhub.connection import Connection
from crmhub.errors import Unsupported, Where
from crmhub.listing import Listing
from crmhub.models import Record
from crmhub.native import Native
from crmhub.routing import Routed

if TYPE_CHECKING:
    from crmhub.hub import Hub

__all__ = ["Noted", "Reach"]

_Model = TypeVar("_Model", bound=Record)
_Found = TypeVar("_Found")


@dataclass
class Noted:
    """What a call has touched so far, for the audit."""

    connections: list[str] = field(default_factory=list[str])
    records: dict[str, None] = field(default_factory=dict[str, None])
    """Typed ids, each once, in order."""
    approval: str | None = None
    """The handle of the approval that was asked for, or used."""


class Reach:
    """What one call of one agent can read. Made by the gate."""

    def __init__(self, hub: Hub, grant: Grant, veil: Veil, meter: Meter) -> None:
        self._hub = hub
        self.grant = grant
        self.veil = veil
        self.meter = meter
        self.noted = Noted()
        self.route = Routed()
        """What is known of the tiers that served it."""

    @property
    def clock(self) -> Clock:
        """The hub's clock."""
        return self._hub.clock

    @property
    def connections(self) -> Mapping[str, str]:
        """The connections that the agent may use, with the kind of CRM each is; in the policy's order."""
        allowed = dict.fromkeys(self.grant.policy.connections)
        return {name: self._hub[name].kind for name in allowed if name in set(self._hub)}

    def named(self, connection: str | None) -> Sequence[str]:
        """The connections meant by an argument: that one, those to that kind of CRM, or (``None``) all.

        Raises :class:`Refused` for one that is not there for the agent.
        """
        known = self.connections
        if connection is None or connection == "all":
            return [*known]
        if connection in known:
            return [connection]
        of_kind = [name for name, kind in known.items() if kind == connection]
        if not of_kind:
            raise self.not_there()
        return of_kind

    def models_of(self, connection: str) -> Sequence[str]:
        """The models that the CRM has records of and the agent may see, in the mapping's order."""
        mapped = dict.fromkeys(entry.model for entry in self._connection(connection).spec.maps)
        return [model for model in mapped if model in self.grant.policy.models]

    def of(self, connection: str, model: type[_Model]) -> Governed[_Model]:
        """The records of a model in a connection, as far as the agent may see them.

        Raises :class:`Refused` for a connection or a model that is not there for it, and
        :class:`Unsupported` where the CRM has no such records: where its mapping does not name the model.
        """
        self.grant.sight(model.model)
        org = self._connection(connection)
        if not any(entry.model == model.model for entry in org.spec.maps):
            raise Unsupported(f"there are no records of {model.model}", where=Where(connection=connection))
        return Governed(self, org, model)

    async def objects(self, connection: str) -> Mapping[str, Mapping[str, str]]:
        """The CRM's own objects and fields whose values the agent sees, with their canonical paths.

        Objects of which it sees but some records are not among them. See :mod:`crmhub.agent.natives`.
        """
        return await shown_fields(self._connection(connection), self.grant)

    def query(self, connection: str, statement: str, *, object: str, names: Iterable[str]) -> Listing[Native]:
        """Rows of a statement in the CRM's own language, of ``object``, with these ``names`` and no others.

        The tool answers for it that the statement reads, and chooses by, nothing but what :meth:`objects`
        has. Rows are counted as records.
        """
        org, kept = self._connection(connection), frozenset(names)

        async def pages() -> AsyncGenerator[Sequence[Native]]:
            if object not in await self.objects(connection):
                raise Refused("object_not_available", "there is no such object here")
            if self.grant.policy.limits.credits_per_day is not None:
                await self.meter.credits(1)
            async with aclosing(org.query(statement).pages()) as found:
                async for page in found:
                    await self.meter.records(len(page))
                    yield [{name: row[name] for name in row if name in kept} for row in page]

        return Listing(pages)

    def model(self, name: str) -> type[Record]:
        """The class of a model. Raises :class:`Refused` for one that is not there for the agent."""
        self.grant.sight(name)
        classes = self._hub.models[name]
        return next(
            each
            for each in classes[0].__mro__
            if issubclass(each, Record) and all(issubclass(other, each) for other in classes)
        )

    def kinds_of(self, connection: str, model: type[_Model]) -> Sequence[type[_Model]]:
        """The classes that records of a model have in a CRM, such as tasks and notes; else the model."""
        classes = {
            cast("str", each.model_fields["type"].default): each
            for each in self._hub.models[model.model]
            if issubclass(each, model) and "type" in each.model_fields
        }
        entries = [entry for entry in self._connection(connection).spec.maps if entry.model == model.model]
        types = dict.fromkeys(str(entry.constants.get("type")) for entry in entries)
        return [classes[each] for each in types] if types.keys() <= classes.keys() else [model]

    async def handed(self, records: Sequence[Record]) -> None:
        """Count and note the records whose contents the agent is about to be given."""
        if records:
            await self.meter.records(len(records))
            self.noted.records |= dict.fromkeys(typed_id(record) for record in records)

    async def ask(
        self, connections: Iterable[str], question: Callable[[str], Awaitable[_Found]]
    ) -> tuple[Mapping[str, _Found], list[Source]]:
        """Put a question to several connections at once: what each gave, and how it went with each.

        One that fails takes nothing from the others. What the policy refuses ends the call.
        """
        names = list(dict.fromkeys(connections))
        found: dict[str, _Found] = {}
        failed: dict[str, Source] = {}
        refused: list[Refused] = []

        async def put(name: str) -> None:
            try:
                found[name] = await question(name)
            except Refused as error:
                if error.problem.code == TOO_MANY:  # in this one
                    failed[name] = self._failed(name, error)
                else:
                    refused.append(error)
            except Exception as error:  # noqa: BLE001 - told as a source that failed
                failed[name] = self._failed(name, error)

        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(put, name)
        if refused:
            raise refused[0]
        given = {name: found[name] for name in names if name in found}
        return given, [failed.get(name) or self.source(name) for name in names]

    def source(self, connection: str) -> Source:
        """A connection that has answered just now."""
        at = self.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        tiers = dict.fromkeys(one.tier for one in self.route.served if one.connection == connection)
        return Source(
            connection=connection,
            crm=self._hub[connection].kind,
            state="ok",
            tier=", ".join(tiers) or None,
            fetched_at=at,
        )

    def _failed(self, connection: str, error: Exception) -> Source:
        problem = problem_of(error, connection)
        if problem.code == "internal":
            self._hub.events.emit("agent.failed", connection=connection, error=type(error).__name__)
        return Source(
            connection=connection,
            crm=self._hub[connection].kind,
            state="unsupported" if problem.code == "unsupported" else "failed",
            code=problem.code,
            hint=problem.hint,
            retryable=problem.retryable,
            retry_after_s=problem.retry_after_s,
        )

    def not_there(self) -> Refused:
        """What is raised for a connection that the agent does not have."""
        known = ", ".join(self.connections)
        return Refused(
            "connection_not_available",
            "there is no such connection here",
            hint=f"there is: {known}" if known else "this agent has none",
        )

    def _connection(self, name: str) -> Connection:
        if name not in self.connections:
            raise self.not_there()
        if name not in self.noted.connections:
            self.noted.connections.append(name)
        return self._hub[name]
