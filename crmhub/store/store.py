"""The state store: everything crmhub must remember between two runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import anyio
from pydantic import SecretStr
from sqlalchemy import Connection

from crmhub.clock import Clock
from crmhub.events import Events
from crmhub.store.checkpoints import Checkpoints
from crmhub.store.committing import apply
from crmhub.store.database import Database, make_engine
from crmhub.store.dead_letters import DeadLetters
from crmhub.store.intents import Intents
from crmhub.store.key import KeySource, key_file_of
from crmhub.store.keyring import create_keyring, read_keyring
from crmhub.store.linking import LinkClash, explain_clash
from crmhub.store.links import Links
from crmhub.store.opening import connect, database_file, parse_url, prepare_file, store_name
from crmhub.store.records import Changes
from crmhub.store.runs import Runs
from crmhub.store.schema import HEAD, schema_version, upgrade
from crmhub.store.secrets import Secrets
from crmhub.store.sqlite import in_memory
from crmhub.store.tokens import Tokens

__all__ = ["Store"]


class Store:
    """Tokens, checkpoints, links, intents, dead letters and runs, in one database.

    Open it with :meth:`open`; several processes may have the same database open.
    """

    def __init__(
        self, database: Database, *, clock: Clock, events: Events, random: Random, secrets: Secrets
    ) -> None:
        self._database = database
        self._clock = clock
        self.tokens = Tokens(database, clock, secrets)
        self.checkpoints = Checkpoints(database, clock)
        self.links = Links(database)
        self.intents = Intents(database, clock)
        self.dead_letters = DeadLetters(database, clock)
        self.runs = Runs(database, clock, events, random)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        random: Random | None = None,
        key: SecretStr | None = None,
        key_file: Path | None = None,
        busy_timeout: float = 10.0,
    ) -> Store:
        """Open the store, making or migrating its tables as needed.

        ``url`` is ``sqlite:///FILE`` (relative to the working folder), ``sqlite:///:memory:`` or
        ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``, where what is left out, and options after
        ``?``, are as in libpq ("Connection Strings" in PostgreSQL's manual). The tokens' key is
        ``key`` (base64 of 32 bytes), else the environment's ``CRMHUB_KEY``, else ``key_file``, which
        is made on first use and stands beside an SQLite file unless it is named. A store in memory
        makes its own; one on PostgreSQL must be given one. ``busy_timeout`` is how many seconds to
        wait for other processes.

        Raises :class:`StoreError`, saying what to do, when it cannot be opened, trusted or decrypted.
        """
        clock = clock or Clock()
        events = events or Events(clock)
        parsed = parse_url(url)
        file = database_file(parsed)
        if key_file is None and file is not None:
            key_file = key_file_of(file)
        source = KeySource(key, key_file)
        if not in_memory(parsed):
            source.demand()
        engine = make_engine(parsed if file is None else parsed.set(database=str(file)), busy_timeout)
        database = Database(engine, store_name(parsed), inline=clock.simulated)
        try:
            if file is not None:
                await database.run(partial(prepare_file, file))
            if not in_memory(parsed):
                await connect(database, clock, busy_timeout)
            await _migrate(database, events)
            secrets = await _unlock(database, source, clock, events)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await database.aclose()
            raise
        return cls(database, clock=clock, events=events, random=random or Random(), secrets=secrets)

    async def commit(self, changes: Changes) -> None:
        """Store one page of work in one transaction: all of it, or nothing.

        Raises :class:`~crmhub.errors.SyncError` when the run is over, and :class:`StoreError` when a
        record would be linked twice to one connection, or the database fails.
        """
        now = self._clock.now()
        try:
            await self._database.write(lambda connection: apply(connection, changes, now))
        except LinkClash as clash:
            links = changes.links
            error = await self._database.read(lambda connection: explain_clash(connection, links))
            raise error from clash

    async def aclose(self) -> None:
        """Let go of the database. A run of this store that is still going is marked interrupted."""
        with anyio.CancelScope(shield=True):
            try:
                await self.runs.release()
            finally:
                await self._database.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


async def _migrate(database: Database, events: Events) -> None:
    version = await database.read(lambda connection: schema_version(connection, database.place))
    if version == HEAD:
        return

    # Looked at again when no other process migrates any more.
    def migrate(connection: Connection) -> bool:
        return upgrade(connection, database.place)

    if await database.write(migrate, durable=True, alone=True):
        events.emit("store.migrated", before=version, after=HEAD)


async def _unlock(database: Database, source: KeySource, clock: Clock, events: Events) -> Secrets:
    present = await database.read(lambda connection: read_keyring(connection, source))
    if present:
        return present
    now = clock.now()

    def create(connection: Connection) -> Secrets:
        return create_keyring(connection, source, now)

    made = await database.write(create, durable=True, alone=True)
    events.emit("store.key_made", key=str(source))
    return made
