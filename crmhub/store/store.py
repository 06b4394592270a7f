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
from crmhub.store.agent_tokens import AgentTokens
from crmhub.store.approvals import Approvals
from crmhub.store.audit import Audit
from crmhub.store.backup import back_up
from crmhub.store.budgets import Budgets
from crmhub.store.checkpoints import Checkpoints
from crmhub.store.committing import apply
from crmhub.store.database import Database, make_engine
from crmhub.store.dead_letters import DeadLetters
from crmhub.store.intents import Intents
from crmhub.store.key import KeySource, key_file_of
from crmhub.store.keyring import Keyring, open_keyring
from crmhub.store.linking import LinkClash, explain_clash
from crmhub.store.links import Links
from crmhub.store.named_keys import NamedKeys
from crmhub.store.opening import connect, database_file, parse_url, prepare_file, store_name
from crmhub.store.quotas import Quotas
from crmhub.store.records import Changes
from crmhub.store.rotation import Rotation, rotate
from crmhub.store.runs import Runs
from crmhub.store.schema import HEAD, schema_version, upgrade
from crmhub.store.sqlite import in_memory
from crmhub.store.tokens import Tokens

__all__ = ["Store"]


class Store:
    """Tokens, quotas, budgets, checkpoints, links, intents, dead letters and runs, in one database.

    Open it with :meth:`open`; several processes may have the same database open.
    """

    def __init__(
        self, database: Database, *, clock: Clock, events: Events, random: Random, keyring: Keyring
    ) -> None:
        self._database = database
        self._clock = clock
        self._events = events
        self._keyring = keyring
        self.keys = NamedKeys(database, clock, keyring)
        self.audit = Audit(database, clock, self.keys)
        self.approvals = Approvals(database, clock, keyring, self.audit)
        self.tokens = Tokens(database, clock, keyring)
        self.agent_tokens = AgentTokens(database, clock)
        self.quotas = Quotas(database, clock)
        self.budgets = Budgets(database, clock)
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
            secrets, made = await open_keyring(database, source, clock)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await database.aclose()
            raise
        if made:
            events.emit("store.key_made", key=str(source))
        keyring = Keyring(database, source, secrets)
        return cls(database, clock=clock, events=events, random=random or Random(), keyring=keyring)

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

    async def rotate_key(self, new: SecretStr | None = None) -> Rotation:
        """Seal all secrets anew with a new data key, while other processes go on; gives what was done.

        The installation's key is replaced by ``new`` (base64 of 32 bytes). Without it, one that is kept
        in a key file is replaced by a fresh one, and one that was given or stands in the environment
        stays as it is. Processes that have the store open need nothing; those that start later need the
        new key. Safe to run again when it was cut off: every value opens at every moment.

        Raises :class:`~crmhub.errors.UsageError` for a store in memory, and :class:`StoreError` when
        another rotation begins meanwhile, which then goes on alone.
        """
        rotation = await rotate(self._database, self._keyring, self._clock, new)
        await self.audit.change_key()
        self._events.emit("store.key_rotated", resealed=rotation.resealed, key=str(self._keyring.source))
        return rotation

    async def backup(self, path: Path) -> None:
        """Copy the store into a new file, complete and of one moment, while others go on writing.

        The key is not in it: keep that of :attr:`key_place` with the copy. Raises :class:`StoreError`
        when the file is there already or cannot be written, and for a store on a server, which has
        its own means.
        """
        await back_up(self._database, path)

    @property
    def key_place(self) -> str:
        """Where the key stands that opens the store's secrets, for people: a file or a variable."""
        return str(self._keyring.source)

    async def aclose(self) -> None:
        """Let go of the database. A run of this store that is still going is marked interrupted."""
        with anyio.CancelScope(shield=True):
            try:
                await self.runs.release()
                await self.audit.flush_rest()
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
