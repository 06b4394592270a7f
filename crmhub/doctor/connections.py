"""What the doctor says about a connection: settings, sign-in, permissions, mapping, what it cannot do."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from crmhub.connection import Connection
from crmhub.connector import ObjectCapabilities
from crmhub.doctor.finding import Finding, Told
from crmhub.errors import CrmhubError, NotFound, StoreError
from crmhub.events import Event, Events
from crmhub.hub import Hub
from crmhub.mapping.check import Finding as MappingFinding
from crmhub.mapping.check import check_mapping, no_object
from crmhub.powers import SupportsLimits
from crmhub.routing import routed
from crmhub.schema import ObjectSchema

__all__ = ["examine_connection", "examine_mapping"]

_MOST_SKEW = 60
"""Seconds. Signed sign-ins and tokens with an end allow for a few minutes, at most."""
_MUCH = 0.8
"""The share of an allowance from which on somebody should know."""
_NOT_SYNCED = frozenset(
    {"user", "stage", "pipeline", "customer", "invoice", "project", "milestone", "project_task"}
)
"""Models that are looked up whole, or read where they are: how they change matters to no sync."""


async def examine_connection(told: Told, hub: Hub, name: str, offline: bool, patience: float) -> None:
    """All lines of one connection, told together when they are all known."""
    lines: list[Finding] = []
    look = _Look(hub[name], Told(lines.append), f"connection {name}")
    if look.is_built() and not offline:
        with _hearing(hub.events, name) as heard, anyio.move_on_after(patience) as waiting:
            async with hub[name].in_use():
                with routed("interactive"):  # somebody waits: it may use what is kept for people
                    await look.ask()
        if waiting.cancelled_caught:
            mend = "see whether the network, a proxy or the CRM is slow, and try again"
            what = f"did not answer everything within {patience:g} s{heard.trouble}"
            look.told.fail(look.subject, what, mend)
        look.skew(heard.skews)
    look.told.good(look.subject, f"settings and mapping of {hub[name].kind} are good")
    for line in lines:
        told.say(line.severity, line.subject, line.what, line.mend)


async def examine_mapping(connection: Connection) -> tuple[Mapping[str, ObjectSchema], list[MappingFinding]]:
    """The schemas of a connection's mapped objects, and how its mapping fits them.

    Objects that the org does not have are findings. Raises what the CRM says to everything else.
    """
    schemas: dict[str, ObjectSchema] = {}
    findings: list[MappingFinding] = []
    for entry in connection.spec.maps:
        if entry.object in schemas:
            continue
        try:
            await connection.able(entry.object)
            schemas[entry.object] = await connection.schema(entry.object)
        except NotFound as error:
            findings.append(no_object(entry, error.hint or ""))
    return schemas, [*findings, *check_mapping(connection.spec, schemas)]


class _Look:
    """One connection under examination. Each step tells what it finds and never raises."""

    def __init__(self, connection: Connection, told: Told, subject: str) -> None:
        self.connection = connection
        self.told = told
        self.subject = subject

    def is_built(self) -> bool:
        """Whether the connector can be made of its settings. The mapping is loaded in any case."""
        with self._telling("mapping"):
            _ = self.connection.spec
        with self._telling(""):
            _ = self.connection.connector
            return True
        return False

    async def ask(self) -> None:
        """What only the CRM can tell. Where nobody can sign in, nothing else is asked."""
        if not await self._checks():
            return
        await self._usage()
        with self._telling("capabilities"):
            self._limits((await self.connection.capabilities()).objects)
        with self._telling("mapping"):
            self._fits(await examine_mapping(self.connection))

    def skew(self, skews: Sequence[int]) -> None:
        """The smallest of all: a reply that took its time looks like a clock that is behind."""
        least = min(skews, key=abs, default=0)
        if abs(least) > _MOST_SKEW:
            side = "behind" if least > 0 else "ahead of"
            what = f"this machine's clock is {abs(least):,} s {side} the CRM's"
            self.told.warn(self.subject, what, "set the clock (NTP): sign-ins and tokens depend on it")

    async def _checks(self) -> bool:
        """The connector's own lines; whether any of them is good."""
        with self._telling("check"):
            lines = await self.connection.connector.check()
            for line in lines:
                what = f"{line.name}: {line.detail}" if line.detail else line.name
                severity = "fail" if not line.ok else "warn" if line.warn else "ok"
                self.told.say(severity, self.subject, what, "" if severity == "ok" else line.mend)
            return not lines or any(line.ok for line in lines)
        return False

    async def _usage(self) -> None:
        """How much of the account's allowance is used, where it has one."""
        connector = self.connection.connector
        if not isinstance(connector, SupportsLimits):
            return
        with self._telling("limits"):
            usage = await connector.usage()
            if usage.share is None:
                return
            what = f"{usage.used:,} of {usage.most:,} {usage.unit} of a day are used ({usage.share:.0%})"
            if usage.share >= _MUCH:
                mend = "jobs stop until there are more again: have them do less, or buy more"
                self.told.warn(self.subject, what, mend)
            else:
                self.told.ok(self.subject, what)

    def _limits(self, objects: Mapping[str, ObjectCapabilities]) -> None:
        """What the CRM cannot do, and a sync has to live with."""
        mapped = [entry for entry in self.connection.spec.maps if entry.model not in _NOT_SYNCED]
        here = {entry.object: objects[entry.object] for entry in mapped if entry.object in objects}
        written = {entry.object for entry in mapped if any(rule.writes for rule in entry.rules)}
        unsafe = [
            name
            for name, able in here.items()
            if name in written and "create" in able.writes and able.create_safety == "none"
        ]
        whole = [name for name, able in here.items() if able.incremental is None]
        silent = [name for name, able in here.items() if able.deletes == "none"]
        for names, what, mend in (
            (
                unsafe,
                "a create whose reply is lost cannot be found again",
                "give it a unique field as sync key",
            ),
            (whole, "changes cannot be asked for, so that every run reads it whole", ""),
            (silent, "deletions do not show, and links of deleted records stay", ""),
        ):
            if names:
                self.told.warn(self.subject, f"{', '.join(names)}: {what}", mend)

    def _fits(self, found: tuple[Mapping[str, ObjectSchema], Sequence[MappingFinding]]) -> None:
        schemas, findings = found
        for finding in findings:
            severity = "fail" if finding.severity == "error" else "warn"
            what = f"mapping: {finding.at}: {finding.path}: {finding.what}"
            self.told.say(severity, self.subject, what, finding.mend)
        if not any(finding.severity == "error" for finding in findings):
            self.told.ok(self.subject, f"mapping: fits the fields of {len(schemas)} objects")

    @contextmanager
    def _telling(self, doing: str) -> Generator[None]:
        """Turn what is raised into lines; of a fault in the connector, only its kind and place."""
        try:
            yield
        except StoreError:
            mend = "mend the store first: tokens are kept there"
            self.told.fail(self.subject, f"{doing or 'settings'}: not possible without the store", mend)
        except CrmhubError as error:
            self.told.failed(self.subject, error, doing)
        except Exception as error:  # noqa: BLE001 - a fault in one connector must not hide the rest
            frame = traceback.extract_tb(error.__traceback__)[-1]
            what = (
                f"{doing or 'settings'}: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            )
            mend = f"a fault of the connector {self.connection.kind}: report it with this line"
            self.told.fail(self.subject, what, mend)


@dataclass
class _Heard:
    """What the calls of one connection told."""

    skews: list[int] = field(default_factory=list[int])
    """By how many seconds the CRM's clock was ahead, reply by reply."""
    trouble: str = ""
    """The last call that had to be tried again."""


@contextmanager
def _hearing(events: Events, connection: str) -> Generator[_Heard]:
    heard = _Heard()

    def hear(event: Event) -> None:
        if event.connection != connection:
            return
        told = event.detail
        skew = told.get("skew")
        if isinstance(skew, int):
            heard.skews.append(skew)
        if event.name == "http.retry":
            tries = f"try {told.get('attempt')} of {told.get('method')} {told.get('path')}"
            heard.trouble = f": {tries} ended in {told.get('error')}"

    stop = events.subscribe(hear)
    try:
        yield heard
    finally:
        stop()
