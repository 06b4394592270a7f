"""A session of ``crmhub dev``: look, wait for the file to change, look again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from crmhub.config import Config, load_config
from crmhub.connection import Connection
from crmhub.connector_files import is_file
from crmhub.doctor.connections import examine_mapping
from crmhub.document import suggest
from crmhub.errors import ConfigError, CrmhubError, MappingError, MissingMapping
from crmhub.hub import Hub
from crmhub.mapping.load import ConnectionMapping
from crmhub.redact import redact
from crmhub_rest.connector import RestConnector
from crmhub_rest.dev.showing import lines, record_table

__all__ = ["Session", "changes"]

_EVERY = 0.3  # seconds
_NAME = "dev"


async def changes(file: Path) -> AsyncIterator[None]:
    """A step each time that the file has changed."""
    known = _stamp(file)
    while True:
        await anyio.sleep(_EVERY)
        if (now := _stamp(file)) not in (known, None):
            known = now
            yield


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:  # an editor is replacing it
        return None
    return found.st_mtime_ns, found.st_size


@dataclass(frozen=True)
class Session:
    """What is looked at, with which settings, and where it is told."""

    file: Path
    objects: Sequence[str]
    given: Sequence[str]
    config: Path
    size: int
    echo: Callable[[str], object]

    async def follow(self, changed: AsyncIterator[None] | None) -> bool:
        """Look, and again with each change; whether all was right the last time."""
        good = await self.look()
        if changed is not None:
            self.echo(f"waiting for {self.file} to change; stop with Ctrl-C")
            async for _ in changed:
                self.echo("")
                good = await self.look()
        return good

    async def look(self) -> bool:
        """Look once, and tell what is there; whether nothing is wrong."""
        try:
            async with self._hub() as hub:
                return await self._looked(hub[self._name(hub)], hub)
        except CrmhubError as error:
            self.echo(redact(str(error)))
            return False

    def _hub(self) -> Hub:
        """The configuration's hub; without one, a hub that keeps nothing."""
        if self.config.exists():
            return Hub(load_config(self.config))
        return Hub(Config({}, store="sqlite:///:memory:"))

    def _name(self, hub: Hub) -> str:
        """The connection that names the file, else a new one with the given settings."""
        settings = hub.config.connections.values()
        mine = [one for one in settings if is_file(one.connector) and self._is_mine(one.connector)]
        if mine and not self.given:
            return mine[0].name
        values: dict[str, str] = {}
        for text in self.given:
            name, sign, value = text.partition("=")
            if not sign:
                raise ConfigError(f"--set {text}: a name and a value are expected", hint="--set key=env:KEY")
            values[name] = value
        hub.add(_NAME, str(self.file.resolve()), **values)
        return _NAME

    def _is_mine(self, connector: str) -> bool:
        return (self.config.parent / connector).resolve() == self.file.resolve()

    async def _looked(self, connection: Connection, hub: Hub) -> bool:
        async with connection.using(RestConnector) as connector:
            crm = connector.crm
            mapping, good = self._mapping(connection)
            maps = len(mapping.maps) if mapping is not None else 0
            self.echo(f"{self.file}: {len(crm.objects)} objects, {maps} maps")
            for name in self.objects or list(crm.objects):
                if name not in crm.objects:
                    raise ConfigError(f"no object {name!r}", hint=suggest(name, crm.objects))
                seen = await connector.look(name, self.size)
                for line in lines(seen):
                    self.echo(line)
                if seen.records and seen.error is None:
                    self._print(record_table(seen, mapping, hub.clock.now().date()))
                good = good and seen.error is None and not seen.notes
            return await self._fits(connection) and good if mapping is not None else good

    def _mapping(self, connection: Connection) -> tuple[ConnectionMapping | None, bool]:
        """The connection's mapping, and whether nothing is wrong with it: it may not be there yet."""
        try:
            return ConnectionMapping(connection.spec), True
        except MissingMapping as error:
            self.echo(f"note: {error}")
            return None, True
        except MappingError as error:
            self.echo(str(error))
            return None, False

    async def _fits(self, connection: Connection) -> bool:
        """Whether the mapping names nothing that the CRM does not have."""
        _, findings = await examine_mapping(connection)
        for finding in findings:
            self.echo(str(finding))
        return not any(finding.severity == "error" for finding in findings)

    def _print(self, table: object) -> None:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        Console(file=text, width=Console().width).print(table)
        for line in text.getvalue().splitlines():
            self.echo(f"  {line.rstrip()}")
