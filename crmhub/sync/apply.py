"""Apply: doing what a plan says, and knowing afterwards what was done.

A create either carries a sync key (an upsert by it is safe to repeat), or an intent row is committed
before it leaves. An unknown outcome is read back by key before anything is sent again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from crmhub.clock import Clock
from crmhub.connection import Connection
from crmhub.connector import (
    NOT_SENT,
    Condition,
    ObjectCapabilities,
    Outcome,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.mapping.values import digest
from crmhub.store import DeadLetter, Intent, Link, RecordRef, Store
from crmhub.sync.job import Job
from crmhub.sync.plan import SyncWrite
from crmhub.sync.readback import find_again, intent_of

__all__ = ["Applied", "Applier", "sync_key"]

_LONGEST_KEY = 200
_KEYS_A_QUERY = 200
_TRIES = 3


def sync_key(source: RecordRef) -> str:
    """The value by which a record is known in the target: connection, object and id, or their digest."""
    key = f"{source.connection}:{source.object}:{source.id}"
    if len(key) <= _LONGEST_KEY and key.isascii():
        return key
    return f"{source.connection}:{digest({'key': key}).hex()}"


@dataclass
class Applied:
    """What became of a plan's writes: what the store must keep, and counts."""

    links: list[Link] = field(default_factory=list[Link])
    letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    resolved: list[RecordRef] = field(default_factory=list[RecordRef])
    settled: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    stopped: str | None = None
    """Why the connector stopped midway: what was not sent is neither written nor refused."""


class Applier:
    """Sends planned writes to one connection for one run."""

    def __init__(self, job: Job, run: str, target: Connection, store: Store, clock: Clock) -> None:
        self._job = job
        self._run = run
        self._target = target
        self._store = store
        self._clock = clock

    async def apply(self, writes: Sequence[SyncWrite]) -> Applied:
        """Send all writes: updates and creates of one object together. One result for each write."""
        applied = Applied()
        for (object_, operation), group in _grouped(writes).items():
            able = await self._target.able(object_)
            if operation == "update":
                await self._update(object_, group, applied)
            elif able.sync_key is not None:
                await self._upsert(object_, able.sync_key, group, applied)
            else:
                await self._create(object_, able, group, applied)
        return applied

    async def _update(self, object_: str, writes: Sequence[SyncWrite], applied: Applied) -> None:
        items = [WriteItem(write.fields, id=write.id) for write in writes]
        await self._send(WriteRequest(object_, "update", items), writes, applied)

    async def _upsert(self, object_: str, key: str, writes: Sequence[SyncWrite], applied: Applied) -> None:
        present = await self._present(object_, key, [write for write in writes if write.filled])
        writes = [_unfilled(write) if sync_key(write.source) in present else write for write in writes]
        items = [WriteItem(write.fields, key=sync_key(write.source)) for write in writes]
        await self._send(WriteRequest(object_, "upsert", items, match=key), writes, applied)

    async def _present(self, object_: str, key: str, writes: Sequence[SyncWrite]) -> set[str]:
        """Sync keys of records that are there although no link knows them: nothing is filled in for those.

        They are what a process wrote that was killed before it could say so, or a lost store knew.
        """
        found: set[str] = set()
        keys = [sync_key(write.source) for write in writes]
        for start in range(0, len(keys), _KEYS_A_QUERY):
            wanted: list[Value] = list(keys[start : start + _KEYS_A_QUERY])
            request = ReadRequest(object_, (key,), filter=(Condition(key, "in", wanted),))
            async with aclosing(self._target.connector.read(request)) as pages:
                async for page in pages:
                    found |= {str(record.get(key)) for record in page.upserts}
        return found

    async def _send(self, request: WriteRequest, writes: Sequence[SyncWrite], applied: Applied) -> None:
        """Send what is safe to repeat; what stays unknown is sent again, a few times."""
        left = list(zip(request.items, writes, strict=True))
        for last in (False,) * (_TRIES - 1) + (True,):
            batch = WriteRequest(request.object, request.operation, [item for item, _ in left], request.match)
            outcomes = await self._target.connector.write(batch)
            again: list[tuple[WriteItem, SyncWrite]] = []
            for pair, outcome in zip(left, outcomes, strict=True):
                if outcome.status == "unknown" and not last:
                    again.append(pair)
                else:
                    self._settle(pair[1], outcome, applied)
            left = again
            if not left:
                return

    async def _create(
        self, object_: str, able: ObjectCapabilities, writes: Sequence[SyncWrite], applied: Applied
    ) -> None:
        """Create with a write-ahead intent for each; unknown ones are looked for before a resend."""
        pending = list(writes)
        for last in (False,) * (_TRIES - 1) + (True,):
            intents = [
                intent_of(write, self._job.id, self._run, able, self._clock.now()) for write in pending
            ]
            await self._store.intents.plan(intents)
            items = [WriteItem(write.fields) for write in pending]
            request = WriteRequest(object_, "create", items, at_once=True)
            outcomes = await self._target.connector.write(request)
            lost: list[tuple[SyncWrite, Intent]] = []
            for write, intent, outcome in zip(pending, intents, outcomes, strict=True):
                if outcome.status == "unknown":
                    lost.append((write, intent))
                    continue
                applied.settled.append(intent.id)
                self._settle(write, outcome, applied)
            if not lost:
                return
            found = await find_again(self._target, self._store, self._job, [intent for _, intent in lost])
            left: list[SyncWrite] = []
            for write, intent in lost:
                applied.settled.append(intent.id)
                id_ = found.get(intent.id)
                if id_ is not None:
                    self._settle(write, Outcome("created", id_), applied)
                elif last:
                    self._settle(write, Outcome("unknown"), applied)
                else:
                    left.append(write)
            pending = left
            if not pending:
                return

    def _settle(self, write: SyncWrite, outcome: Outcome, applied: Applied) -> None:
        if outcome.problem is not None and outcome.problem.code == NOT_SENT:
            applied.stopped = outcome.problem.message
            return
        applied.counts[outcome.status if outcome.ok else "rejected"] += 1
        if not outcome.ok:
            applied.letters.append(self._letter(write, outcome))
            return
        for path in write.defaulted:
            applied.counts[f"defaulted:{path}"] += 1
        target = RecordRef(self._job.target, write.object, str(outcome.id or write.id))
        applied.links.append(
            Link(
                write.model,
                write.source,
                target,
                write.digest,
                write.base.encode(),
                write.source_version,
                outcome.version,
            )
        )
        if write.awaiting is None:
            applied.resolved.append(write.source)
            return
        applied.letters.append(
            DeadLetter(
                self._job.id,
                write.source,
                self._job.target,
                write.model,
                "waiting",
                "written; a reference follows when its record is there",
                awaiting=write.awaiting,
            )
        )

    def _letter(self, write: SyncWrite, outcome: Outcome) -> DeadLetter:
        problem = outcome.problem
        passing = problem is not None and not problem.permanent
        reason = "unknown" if outcome.status == "unknown" else "retry" if passing else "rejected"
        return DeadLetter(
            self._job.id,
            write.source,
            self._job.target,
            write.model,
            reason,
            problem.message if problem else "nobody knows whether it was written",
            problem.code if problem else outcome.status,
            problem.field if problem else None,
        )


def _unfilled(write: SyncWrite) -> SyncWrite:
    fields = {name: value for name, value in write.fields.items() if name not in write.filled}
    return replace(write, fields=fields, defaulted=(), filled=())


def _grouped(writes: Iterable[SyncWrite]) -> Mapping[tuple[str, str], list[SyncWrite]]:
    groups: dict[tuple[str, str], list[SyncWrite]] = {}
    for write in writes:
        groups.setdefault((write.object, write.operation), []).append(write)
    return groups
