"""One CRM org, opened on first use: its connector, and what was learned of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import anyio

from crmhub.clock import Clock
from crmhub.connector import Capabilities, Connector, ObjectCapabilities, ObjectSchema
from crmhub.directory import Directory, read_directory
from crmhub.document import suggest
from crmhub.errors import ConnectorError, NotFound, PermissionDenied, UsageError, Where
from crmhub.mapping.custom import STRUCTURED, object_map
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import MappingSpec
from crmhub.powers import SupportsAble

__all__ = ["Org", "Pool"]

_OBJECTS = 16  # compiled mappings of objects without a map that are kept; an application asks for a few


class Pool:
    """How many connections are open at once: beyond ``limit`` the one unused for longest is closed.

    A connection in use is never closed, so that more than ``limit`` can be open while all are at work.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise UsageError("at least one connection must be able to open", hint="open_connections=64")
        self._limit = limit
        self._open: OrderedDict[str, Org] = OrderedDict()

    async def admit(self, org: Org) -> None:
        """Count the connection as the one used last, and close idle ones that are too many."""
        self._open[org.name] = org
        self._open.move_to_end(org.name)
        await self.trim()

    async def trim(self) -> None:
        """Close idle connections that are too many, those unused for longest first."""
        while (spare := self._spare()) is not None:  # looked for anew: others come and go meanwhile
            del self._open[spare.name]
            await spare.aclose()

    def _spare(self) -> Org | None:
        """The idle connection unused for longest, if more are open than may be."""
        if len(self._open) <= self._limit:
            return None
        return next((other for other in self._open.values() if not other.busy), None)

    def dismiss(self, org: Org) -> None:
        """Forget a connection that was closed."""
        self._open.pop(org.name, None)


class Org:
    """What stands behind a connection. Nothing is imported, opened or sent before it is used."""

    def __init__(
        self,
        name: str,
        kind: str,
        connect: Callable[[], Connector],
        load: Callable[[], MappingSpec],
        clock: Clock,
        *,
        pool: Pool | None = None,
        release: Callable[[], Callable[[], Awaitable[None]]] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        """The connector's name."""
        self.clock = clock
        self._connect = connect
        self._load = load
        self._pool = pool
        self._release = release
        self._users = 0
        self._gone: str | None = None
        self._lock = anyio.Lock()
        self._connector: Connector | None = None
        self._spec: MappingSpec | None = None
        self._forget()

    def _forget(self) -> None:
        """Hold nothing that was learned of the org."""
        self._capabilities: Capabilities | None = None
        self._able: dict[str, ObjectCapabilities] = {}
        self._lacking: set[str] = set()
        self._schemas: dict[str, ObjectSchema] = {}
        self._mapping: ConnectionMapping | None = None
        self._objects: OrderedDict[tuple[str, frozenset[str] | None], ConnectionMapping] = OrderedDict()
        self._directories: dict[str, Directory | None] = {}

    # ── opening and closing ──────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def in_use(self) -> AsyncGenerator[Connector]:
        """The connector, as :meth:`held`, for calls whose errors are to name the connection."""
        async with self.held() as connector:
            try:
                yield connector
            except ConnectorError as error:
                error.at(connection=self.name)
                raise

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[Connector]:
        """The connector, which is not closed to make room for another connection meanwhile."""
        self._demand_there()
        self._users += 1
        try:
            if self._pool is not None:
                await self._pool.admit(self)
            yield self.connector
        finally:
            self._users -= 1
            if self._pool is not None:  # all may have been at work when they were too many
                await self._pool.trim()

    @property
    def busy(self) -> bool:
        """Whether somebody is using it."""
        return self._users > 0

    @property
    def is_open(self) -> bool:
        """Whether its connector has been made, and not been closed since."""
        return self._connector is not None

    @property
    def connector(self) -> Connector:
        """The connector, made on first use.

        Raises :class:`ConfigError` when its settings are wrong, :class:`UsageError` when the hub is
        closed or the connection was removed.
        """
        self._demand_there()
        if self._connector is None:
            self._connector = self._connect()
        return self._connector

    def _demand_there(self) -> None:
        if self._gone is not None:
            raise UsageError(
                f"connection {self.name!r} is gone: {self._gone}",
                hint="use it before that, or open a new hub",
            )

    async def aclose(self, gone: str | None = None) -> None:
        """Close what is open; it opens again on its next use, unless it is ``gone`` for that reason."""
        self._gone = self._gone or gone
        if gone is not None and self._pool is not None:
            self._pool.dismiss(self)
        connector, self._connector = self._connector, None
        self._forget()
        with anyio.CancelScope(shield=True):
            async with AsyncExitStack() as stack:
                if self._release is not None:  # taken at once: it may open again while this is being closed
                    stack.push_async_callback(self._release())
                if connector is not None:
                    stack.push_async_callback(connector.aclose)

    # ── what is known of it ──────────────────────────────────────────────────────────────────────

    @property
    def spec(self) -> MappingSpec:
        """The parsed mapping, loaded on first use. Raises :class:`MappingError`."""
        if self._spec is None:
            self._spec = self._load()
        return self._spec

    async def capabilities(self) -> Capabilities:
        """What the connector can do, asked once."""
        if self._capabilities is None:
            self._capabilities = await self.connector.capabilities()
        return self._capabilities

    async def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one object, asked once. Raises :class:`NotFound` where there is none such."""
        if object not in self._able:
            self._able[object] = await self._ask_able(object)
        return self._able[object]

    async def _ask_able(self, object: str) -> ObjectCapabilities:
        connector = self.connector
        known = self._capabilities is not None and object in self._capabilities.objects
        if isinstance(connector, SupportsAble) and not known:
            with suppress(NotFound):  # the list of all objects tells what is meant
                return await connector.able(object)
        objects = (await self.capabilities()).objects
        if object not in objects:
            raise NotFound(
                f"no object {object!r}", hint=suggest(object, objects), where=Where(connection=self.name)
            )
        return objects[object]

    async def _has(self, object: str) -> bool:
        """Whether this org has the object, and shows it; asked once."""
        if object not in self._able and object not in self._lacking:
            try:
                await self.able(object)
            except (NotFound, PermissionDenied):
                self._lacking.add(object)
        return object in self._able

    async def schema(self, object: str) -> ObjectSchema:
        """The object's fields, described once a connection's life."""
        if object not in self._schemas:
            self._schemas[object] = await self.connector.describe(object)
        return self._schemas[object]

    async def mapping(self, models: Iterable[str] | None = None) -> ConnectionMapping:
        """The compiled mapping; custom fields of the named models (``None``: all) are bound to the schema."""
        wanted = set(models) if models is not None else None
        async with self._lock:
            fresh = False
            for entry in self.spec.maps:
                known = entry.custom is None or entry.object in self._schemas
                if known or (wanted and entry.model not in wanted):
                    continue
                if await self._has(entry.object):
                    await self.schema(entry.object)
                    fresh = True
            if self._mapping is None or fresh:
                self._mapping = ConnectionMapping(self.spec, self._schemas)
            return self._mapping

    async def mapping_of_object(
        self, object: str, fields: Collection[str] | None = None, *, structures: bool = False
    ) -> ConnectionMapping:
        """The compiled mapping of one object's own fields, by their native names.

        ``None``: all; those that hold structures, which can cost a call for each record, with ``structures``.
        """
        await self.able(object)  # tells a misspelt name with a suggestion
        schema = await self.schema(object)
        for name in fields or ():
            if name not in schema.fields:
                where = Where(self.name, object, field=name)
                raise UsageError(f"no field {name!r}", hint=suggest(name, schema.fields), where=where)
        if fields is None and not structures:
            fields = [name for name, one in schema.fields.items() if one.type not in STRUCTURED]
        key = (object, None if fields is None else frozenset(fields))
        if key not in self._objects:
            chosen = schema.fields if fields is None else {name: schema.fields[name] for name in fields}
            spec = MappingSpec(self.kind, 1, (object_map(object, self.kind),), object)
            self._objects[key] = ConnectionMapping(spec, {object: replace(schema, fields=chosen)})
            if len(self._objects) > _OBJECTS:
                self._objects.popitem(last=False)
        self._objects.move_to_end(key)
        return self._objects[key]

    async def directory(self, model: str) -> Directory | None:
        """The table of a small model (user, stage, pipeline), read once; ``None`` where it is not mapped."""
        if model not in self._directories:
            maps = (await self.mapping((model,))).of_model(model)
            keys = {mapped.object: (await self.able(mapped.object)).key for mapped in maps}
            read = read_directory(self.connector, maps, model, keys) if maps else None
            self._directories[model] = await read if read else None
        return self._directories[model]

    def forget_directories(self) -> None:
        """Read users, stages and pipelines again at the next look-up."""
        self._directories.clear()
