"""A connection: one CRM org by name, and what can be asked of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from crmhub import arguments
from crmhub.connector import Check, Connector, Native, Outcome, Value
from crmhub.errors import Unsupported, UsageError, Where
from crmhub.estimating import estimated
from crmhub.files import FileBody, arriving_file, safe_name
from crmhub.listing import Listing
from crmhub.models import Account, ActivityBase, Contact, CustomObject, Deal, Record, User
from crmhub.org import Org
from crmhub.plan import Plan
from crmhub.planning import apply
from crmhub.powers import Attachment, SupportsFiles, SupportsLimits, SupportsQuery, SupportsRequest, power
from crmhub.records import Records
from crmhub.statement import bound
from crmhub.usage import Estimate, Operation, Usage
from crmhub.webhooks import Webhooks

__all__ = ["Connection"]

_Model = TypeVar("_Model", bound=Record)
_Kind = TypeVar("_Kind")


class Connection(Org):
    """One CRM org by name. Nothing is imported, opened or sent before it is used.

    ``accounts``, ``contacts``, ``deals``, ``activities`` and ``users`` are its records as canonical
    models; :meth:`of` gives those of a model of your own, :meth:`object` those of any object.
    """

    @property
    def accounts(self) -> Records[Account]:
        """Companies."""
        return self.of(Account)

    @property
    def contacts(self) -> Records[Contact]:
        """People, leads among them."""
        return self.of(Contact)

    @property
    def deals(self) -> Records[Deal]:
        """Deals."""
        return self.of(Deal)

    @property
    def activities(self) -> Records[ActivityBase]:
        """Tasks, meetings, calls and notes."""
        return self.of(ActivityBase)

    @property
    def users(self) -> Records[User]:
        """The CRM's users."""
        return self.of(User)

    @property
    def webhooks(self) -> Webhooks:
        """The CRM's messages about changes: subscribe, renew, parse, read."""
        return Webhooks(self)

    def of(self, model: type[_Model]) -> Records[_Model]:
        """The records of a model: a built-in one, a subclass that a mapping names, or one of your own."""
        return Records(self, model)

    def object(self, name: str) -> Records[CustomObject]:
        """The records of any object of the CRM, custom ones too; ``custom`` holds its fields, typed.

        ``fields`` and ``where`` take its native names. No mapping is needed.
        """
        return Records(self, CustomObject, arguments.text_of(name, "object"))

    async def check(self) -> Sequence[Check]:
        """One line for each permission and setting that the connector needs, tried by cheap calls."""
        async with self.in_use() as connector:
            return await connector.check()

    def query(self, text: str, params: Mapping[str, object] | None = None) -> Listing[Native]:
        """The rows of a statement in the CRM's own query language, as it gives them.

        ``params`` are the values of its places: ``query("… where Name = :name", {"name": "O'Neil"})``;
        a list becomes ``(…, …)``. A value is never read as a part of the statement, so what a user typed
        belongs there. Raises :class:`Unsupported` where the CRM has no such language.
        """
        statement = arguments.text_of(text, "query")
        values = None if params is None else arguments.named(params, "params")
        return Listing(lambda: self._queried(statement, values))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Value = None,
    ) -> Value:
        """Call an endpoint of the CRM with the connection's credentials and limits; its JSON answer.

        The path stays on the CRM's own host. Raises :class:`Unsupported` where there are no endpoints.
        """
        arguments.text_of(method, "method")
        arguments.text_of(path, "path")
        async with self.in_use() as connector:
            asked = power(
                connector, SupportsRequest, connection=self.name, instead="read and write its records"
            )
            return await asked.request(method.upper(), path, params=params, json=json)

    @asynccontextmanager
    async def using(self, kind: type[_Kind]) -> AsyncGenerator[_Kind]:
        """The connector itself, as the given class, held open within ``async with``.

        For what only one CRM has. Raises :class:`Unsupported` where the connector is of another class.
        """
        async with self.in_use() as connector:
            if not isinstance(connector, kind):
                raise Unsupported(
                    f"connection {self.name!r} is not to {kind.__module__.partition('.')[0]}",
                    hint=f"its connector is {self.kind!r}",
                    where=Where(connection=self.name),
                )
            yield connector

    async def apply(self, plan: Plan) -> Sequence[Outcome]:
        """Do the plan's writes to this connection, in order: one outcome for each, none is raised.

        An update is a ``conflict`` where its record is not what it was when it was planned. Raises
        :class:`UsageError` for a write to another connection.
        """
        for write in plan.writes:
            if write.connection != self.name:
                raise UsageError(f"plan: it writes to connection {write.connection!r}, not {self.name!r}")
        return await apply(self, plan.writes)

    async def estimate(
        self,
        operation: Operation,
        model: type[Record] | str,
        *,
        records: int | None = None,
        fields: Iterable[str] | None = None,
    ) -> Estimate:
        """What an operation will cost: calls, units of the account's allowance, and by which way.

        ``model`` is a model, or the name of an object; ``fields`` are those to be read. Without ``records``
        ``read`` (or ``list``) is of all there are, which takes a call to count them. Raises
        :class:`Unsupported` where calls have no prices.
        """
        if isinstance(model, str):
            name = arguments.text_of(model, "model")
            return await estimated(self, operation, CustomObject, name, records, fields)
        return await estimated(self, operation, arguments.model_class(model), None, records, fields)

    async def usage(self) -> Usage:
        """What is used of what the account may use in a day, what is kept for people, and what is left.

        The CRM may be asked, by one call, how much there is. Raises :class:`Unsupported` where nothing is
        counted.
        """
        async with self.in_use() as connector:
            instead = "its CRM tells no allowance"
            return await power(connector, SupportsLimits, connection=self.name, instead=instead).usage()

    def files(self, object: str, record: str) -> Listing[Attachment]:
        """The files attached to a record, by the object's native name and the record's id.

        Raises :class:`Unsupported`, as the other calls for files do, where the connector has none.
        """
        arguments.text_of(object, "object")
        arguments.identifier(record, "record")
        return Listing(lambda: self._files(object, record))

    async def upload(self, object: str, record: str, path: str | Path, *, name: str | None = None) -> str:
        """Attach the file at ``path`` to a record, sent a piece at a time; its id.

        ``name`` is what it is called there, by default as on disk; a folder in it is left out. Raises
        :class:`BadRequest` before anything is sent when the CRM does not take files that large.
        """
        arguments.text_of(object, "object")
        arguments.identifier(record, "record")
        source = arguments.file_path(path, "path")
        called = safe_name(source.name if name is None else arguments.text_of(name, "name"))
        body = FileBody(source)
        async with self.in_use() as connector:
            return await self._filing(connector).upload(object, record, called, body)

    async def download(self, object: str, record: str, file: Attachment, folder: str | Path) -> Path:
        """Put a file of :meth:`files` into a folder, written as it comes; where it is now.

        Its name is made safe: the CRM's can hold a path. The file is there once it is whole; one of
        that name is not overwritten (:class:`UsageError`).
        """
        arguments.text_of(object, "object")
        arguments.identifier(record, "record")
        if not isinstance(file, Attachment):  # pyright: ignore[reportUnnecessaryIsInstance] - callers err
            raise UsageError("file: not an attachment", hint="give one of connection.files(…)")
        target = arguments.file_path(folder, "folder") / safe_name(file.name)
        async with self.in_use() as connector:
            filing = self._filing(connector)
            async with arriving_file(target) as sink:
                await filing.download(object, record, file.id, sink)
        return target

    async def delete_file(self, object: str, record: str, file: str) -> None:
        """Take a file away from a record, by the file's id."""
        arguments.text_of(object, "object")
        arguments.identifier(record, "record")
        arguments.identifier(file, "file")
        async with self.in_use() as connector:
            await self._filing(connector).delete_file(object, record, file)

    async def _files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        async with (
            self.in_use() as connector,
            aclosing(self._filing(connector).files(object, record)) as pages,
        ):
            async for page in pages:
                yield page

    def _filing(self, connector: Connector) -> SupportsFiles:
        return power(connector, SupportsFiles, connection=self.name, instead="read and write its records")

    async def _queried(
        self, text: str, params: Mapping[str, object] | None
    ) -> AsyncGenerator[Sequence[Native]]:
        async with self.in_use() as connector:
            asked = power(
                connector,
                SupportsQuery,
                connection=self.name,
                instead="list(where=…) chooses records by field",
            )
            statement = text if params is None else bound(text, params, asked.literal)
            async with aclosing(asked.query(statement)) as pages:
                async for page in pages:
                    yield page.upserts
