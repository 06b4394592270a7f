"""The hub: all connections of one configuration, and what acts across them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

import anyio

from crmhub import arguments
from crmhub.clock import Clock
from crmhub.config import Config, ConnectionSettings, load_config, name_problem
from crmhub.connection import Connection
from crmhub.connector import Connector, Value
from crmhub.connector_files import FromFile, is_file, read_connector
from crmhub.document import suggest
from crmhub.errors import ConfigError, UnknownConnector, UsageError
from crmhub.events import Events, Observer, log_observer
from crmhub.everywhere import Everywhere
from crmhub.mapping.codecs.base import Factory
from crmhub.mapping.load import Override, find_mapping, load_mapping, with_added
from crmhub.mapping.rules import MappingSpec
from crmhub.models import Record
from crmhub.models.registry import import_model, with_models
from crmhub.org import Pool
from crmhub.plugins import Plugins, find_connector, load_connector
from crmhub.supplies import Supplies
from crmhub.sync.job import ORDER, Job

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel

    from crmhub.actions import Action
    from crmhub.mapping.losses import Loss
    from crmhub.store import Store
    from crmhub.sync import SyncEngine, SyncPlan, SyncReport

__all__ = ["Hub"]

_T = TypeVar("_T")


class Hub:
    """Connections by name: ``hub["zoho"].accounts``. Use it as an async context manager.

    Without ``config`` it has no connections until :meth:`add` gives it some. ``open_connections`` is
    how many may be open at once: beyond that the one unused for longest is closed, and opens again on
    its next use. ``transports`` puts something in the network's place, by connection name; tests mount
    simulators there. Connectors, the store and plugins load on first use.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        models: Iterable[type[Record]] = (),
        clock: Clock | None = None,
        events: Events | None = None,
        random: Random | None = None,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        open_connections: int = 64,
    ) -> None:
        self.config = config or Config({})
        self.clock = clock or Clock()
        self.events = events or Events(self.clock)
        self.random = random or Random()
        self.plugins = Plugins()
        for observer in self.plugins.observers():
            self.events.subscribe(cast("Observer", observer))
        named = [import_model(name) for name in self.config.models]
        plugged = cast("Sequence[type[Record]]", self.plugins.models())
        self._models = with_models([*plugged, *named, *models])
        self._codecs = cast("Mapping[str, Factory]", self.plugins.codecs())
        self._mappings = cast("Mapping[str, Path]", self.plugins.mappings())
        self._actions: Mapping[str, Action[Hub]] | None = None
        self._added = cast("Mapping[str, Sequence[Path]]", self.plugins.added_mappings())
        self._resolvers = cast("Mapping[str, Callable[[str], str]]", self.plugins.secrets())
        self._supplies = Supplies(
            clock=self.clock, events=self.events, random=self.random, store=self.store, transports=transports
        )
        self._pool = Pool(open_connections)
        self._specs: dict[tuple[Path, ...], MappingSpec] = {}
        self._kinds: dict[str, type[Connector]] = {}
        self._from_files: dict[str, FromFile] = {}
        self._connections: dict[str, Connection] = {}
        self._store: Store | None = None
        self._opening = anyio.Lock()
        self._closed = False
        for settings in self.config.connections.values():
            self._connections[settings.name] = self._connection(settings)

    @classmethod
    def load(cls, path: Path | str = "crmhub.yaml", *, models: Iterable[type[Record]] = ()) -> Hub:
        """The hub of a configuration file, with events written to the log."""
        hub = cls(load_config(Path(path)), models=models)
        hub.events.subscribe(log_observer)
        return hub

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and the store. What is asked of the hub afterwards is an error."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            async with AsyncExitStack() as stack, self._opening:  # one that cannot be closed keeps none open
                store, self._store = self._store, None
                if store is not None:
                    stack.push_async_callback(store.aclose)
                for connection in self._connections.values():
                    stack.push_async_callback(connection.aclose, "the hub is closed")

    # ── connections ──────────────────────────────────────────────────────────────────────────────

    def __getitem__(self, name: str) -> Connection:
        """The connection of that name. Raises :class:`ConfigError` with a suggestion."""
        self._demand_open()
        if arguments.text_of(name, "connection") not in self._connections:
            raise ConfigError(f"no connection {name!r}", hint=suggest(name, self._connections))
        return self._connections[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._connections)

    def __len__(self) -> int:
        return len(self._connections)

    def read_mapping(self, path: Path) -> MappingSpec:
        """A mapping file, whole, in the models and codecs of this hub. Raises :class:`MappingError`."""
        return load_mapping(path, models=self._models, codecs=self._codecs)

    @property
    def models(self) -> Mapping[str, Sequence[type[Record]]]:
        """The models that mappings can name: crmhub's own, and those that were added."""
        return self._models

    @property
    def all(self) -> Everywhere:
        """All connections as one: ``hub.all.accounts.search("acme")``."""
        return self.only(*self._connections)

    def only(self, *names: str) -> Everywhere:
        """Some connections as one: ``hub.only("zoho", "salesforce").accounts.create(…)``."""
        return Everywhere([self[name] for name in dict.fromkeys(names)])

    def add(
        self,
        name: str,
        connector: str | type[Connector],
        *,
        mapping: Path | str | None = None,
        **settings: Value,
    ) -> Connection:
        """Add a connection at run time, by the connector's name, file or class; ``mapping`` is a file.

        Nothing is opened before its first use, so that a process can have as many as it has tenants.
        """
        self._demand_open()
        if name in self._connections:
            raise ConfigError(f"connection {name!r} is there already", hint="choose another name")
        problem = name_problem(name)
        if problem is not None:
            raise ConfigError(f"connection {name!r}: {problem}")
        arguments.name_or_class(connector, "connector")
        kind = None if isinstance(connector, str) else connector
        called = connector if isinstance(connector, str) else connector.__name__
        path = None if mapping is None else arguments.file_path(mapping, "mapping")
        added = self._connection(ConnectionSettings(name, called, settings), path, kind)
        self._connections[name] = added
        return added

    async def remove(self, name: str) -> None:
        """Close a connection and forget it; what the store knows of it stays."""
        connection = self[name]
        del self._connections[name]
        await connection.aclose("it was removed from the hub")

    # ── actions ──────────────────────────────────────────────────────────────────────────────────

    @property
    def actions(self) -> Mapping[str, Action[Hub]]:
        """What plugins can do across connections, by name."""
        if self._actions is None:
            self._actions = cast("Mapping[str, Action[Hub]]", self.plugins.actions())
        return self._actions

    async def act(self, name: str, given: Mapping[str, object] | BaseModel) -> BaseModel:
        """Do what a plugin's action does, with a table of arguments or their model; what came of it.

        Raises :class:`UsageError` for an unknown action, and for arguments that are wrong.
        """
        self._demand_open()
        known = self.actions
        if arguments.text_of(name, "action") not in known:
            raise UsageError(f"no action {name!r}", hint=suggest(name, known))
        return await known[name](self, given)

    # ── syncs ────────────────────────────────────────────────────────────────────────────────────

    async def sync(
        self,
        source: str,
        target: str,
        *,
        models: Sequence[str] = ORDER,
        owner: str = "default",
        stage: str = "outcome",
        page_size: int | None = None,
        retry: bool = False,
    ) -> SyncReport:
        """Sync one way, from ``source`` to ``target``; see :class:`~crmhub.sync.Job` for the settings.

        Raises what stops it; what was acknowledged until then is kept, and the next run goes on.
        """
        job = Job(source, target, models, owner, stage, page_size)
        return await self.run(job, retry=retry)

    async def run(self, job: Job, *, retry: bool = False) -> SyncReport:
        """Run a sync job; ``retry`` takes up its open dead letters once more."""
        source, target = self[job.source], self[job.target]
        async with source.held(), target.held():
            return await (await self._engine(job)).run(retry=retry)

    async def plan(
        self,
        source: str,
        target: str,
        *,
        models: Sequence[str] = ORDER,
        owner: str = "default",
        stage: str = "outcome",
        page_size: int | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[SyncPlan]:
        """What :meth:`sync` would write now, page by page; nothing is written."""
        job = Job(source, target, models, owner, stage, page_size)
        async with aclosing(self.dry_run(job, limit=limit)) as pages:
            async for page in pages:
                yield page

    async def dry_run(self, job: Job, *, limit: int | None = None) -> AsyncGenerator[SyncPlan]:
        """What a sync job would write now, page by page; nothing is written."""
        source, target = self[job.source], self[job.target]
        async with (
            source.held(),
            target.held(),
            aclosing((await self._engine(job)).plan(limit=limit)) as pages,
        ):
            async for page in pages:
                yield page

    async def losses(
        self,
        *names: str,
        models: Sequence[str] = ORDER,
        owner: str = "default",
        stage: str = "outcome",
    ) -> Sequence[Loss]:
        """What does not come through as it is when ``names`` are synced one into the next, in that order.

        The connections are asked for their fields, users and stages; nothing is written. Each
        :class:`~crmhub.mapping.losses.Loss` names a field and what becomes of it, and on which leg.
        """
        from crmhub.sync.losses import losses_along, station_of

        if len(set(names)) != len(names) or len(names) < 2:
            raise UsageError("losses: name two connections or more, each once, in the order of the syncs")
        async with AsyncExitStack() as stack:
            for name in names:
                await stack.enter_async_context(self[name].held())
            stations = [await station_of(self[name], models) for name in names]
            return await losses_along(stations, models, owner=owner, stage=stage)

    async def _engine(self, job: Job) -> SyncEngine:
        from crmhub.sync.engine import SyncEngine

        return SyncEngine(
            job,
            self[job.source],
            self[job.target],
            store=await self.store(),
            clock=self.clock,
            events=self.events,
        )

    async def store(self) -> Store:
        """The state store, opened on first use."""
        from crmhub.store import Store

        async with self._opening:
            self._demand_open()
            if self._store is None:
                url = self.config.store_url(self._resolvers)
                self._store = await Store.open(url, clock=self.clock, events=self.events, random=self.random)
            return self._store

    def _demand_open(self) -> None:
        if self._closed:
            raise UsageError("the hub is closed", hint="do it inside async with, or open a new hub")

    def _connection(
        self, settings: ConnectionSettings, mapping: Path | None = None, kind: type[Connector] | None = None
    ) -> Connection:
        return Connection(
            settings.name,
            settings.connector,
            lambda: self._connect(settings, kind or self._kind_of(settings)),
            lambda: self._load_mapping(settings, mapping),
            self.clock,
            pool=self._pool,
            release=lambda: self._supplies.release(settings.name),
        )

    def _kind_of(self, settings: ConnectionSettings) -> type[Connector]:
        """The connector's class, looked up once for all tenants."""
        if is_file(settings.connector):
            return self._from_file(settings).connector
        if settings.connector not in self._kinds:
            self._kinds[settings.connector] = _found(settings, load_connector)
        return self._kinds[settings.connector]

    def _from_file(self, settings: ConnectionSettings) -> FromFile:
        """What the connection's file describes, read once for all tenants."""
        if settings.connector not in self._from_files:
            self._from_files[settings.connector] = _found(
                settings, lambda name: read_connector(name, self.config.folder)
            )
        return self._from_files[settings.connector]

    def _mapping_file(self, settings: ConnectionSettings) -> Path:
        """Where the connection's mapping is: the project's own file, else what its connector comes with."""
        if not is_file(settings.connector):
            self._demand_installed(settings)  # a misspelt name is told as such, not as a missing mapping
            return find_mapping(settings.connector, self.config.mappings, self._mappings)
        described = self._from_file(settings)
        brought = {described.crm: described.mapping} if described.mapping is not None else {}
        return find_mapping(described.crm, self.config.mappings, {**self._mappings, **brought})

    def _demand_installed(self, settings: ConnectionSettings) -> None:
        if settings.connector not in self._kinds:
            _found(settings, find_connector)

    def _connect(self, settings: ConnectionSettings, kind: type[Connector]) -> Connector:
        checked = settings.check(kind.Config, self._resolvers, self.config.folder)
        return kind(checked, self._supplies.context(settings.name))

    def _load_mapping(self, settings: ConnectionSettings, mapping: Path | None) -> MappingSpec:
        override = None
        if settings.has_mapping and settings.document is not None:
            override = Override(settings.document, (*settings.path, "mapping"))
        path = mapping or self._mapping_file(settings)
        added = self._added.get(settings.connector, ())
        if override is not None:
            own = load_mapping(path, models=self._models, codecs=self._codecs, override=override)
            return with_added(own, map(self.read_mapping, added)).having(settings.values)
        known = (path, *added)
        if known not in self._specs:  # tenants of one CRM share one
            self._specs[known] = with_added(self.read_mapping(path), map(self.read_mapping, added))
        return self._specs[known].having(settings.values)


def _found(settings: ConnectionSettings, find: Callable[[str], _T]) -> _T:
    """What ``find`` knows of the connection's connector; an unknown one is told with its place."""
    try:
        return find(settings.connector)
    except UnknownConnector as error:
        raise UnknownConnector(f"{settings.at('connector')}: {error.what}", hint=error.hint) from None
