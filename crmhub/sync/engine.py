"""Running a sync: every model in order, every object a page at a time.

A page is read, mapped, compared with its links, planned, applied and committed with its checkpoint in
one transaction. Killed anywhere, the next run takes up at the last committed page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import anyio

from crmhub.clock import Clock
from crmhub.connection import Connection
from crmhub.connector import Checkpoint, Deletion, Missing, Native, ReadRequest
from crmhub.directory import Directory
from crmhub.errors import ConfigError, SyncError, Where
from crmhub.events import Event, Events
from crmhub.mapping.rules import TypedId
from crmhub.mapping.status import STAGE
from crmhub.mapping.values import digest
from crmhub.prefetch import ahead, beside
from crmhub.store import Changes, DeadLetter, Link, RecordRef, Run, Store
from crmhub.store.records import SERVED, served_in
from crmhub.sync.apply import Applied, Applier
from crmhub.sync.job import Job, model_names
from crmhub.sync.plan import Item, SyncPlan, is_unchanged, plan
from crmhub.sync.readback import recover
from crmhub.sync.references import Directories, Pointed, References, links_of, place_of
from crmhub.sync.report import SyncReport
from crmhub.sync.streams import Stream, stream_between

__all__ = ["SyncEngine"]

_REVISIT = 100
_BEAT = 20.0
"""Seconds between two signs of life; a run's lease is three of them."""


@dataclass
class _Tally:
    """Counts that only this run needs; those of committed pages are in the store."""

    calls: Counter[str] = field(default_factory=Counter[str])
    unshared: set[str] = field(default_factory=set[str])
    notes: Counter[str] = field(default_factory=Counter[str])
    by_model: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    served: Counter[str] = field(default_factory=Counter[str])
    """By which tiers calls were served, as the store counts it, and how much of it the store has."""
    served_kept: Counter[str] = field(default_factory=Counter[str])

    def add(self, model: str, counts: Mapping[str, int]) -> None:
        self.by_model.setdefault(model, Counter()).update(counts)

    def hear(self, event: Event) -> None:
        if event.name == "http.call" and event.connection:
            self.calls[event.connection] += 1
        elif event.name == "tier.served":
            self.served[f"{SERVED}{event.connection}:{event.detail['tier']}"] += 1

    def served_anew(self) -> Counter[str]:
        """What was served since this was asked last."""
        anew = self.served - self.served_kept
        self.served_kept = self.served.copy()
        return anew


class SyncEngine:
    """Runs one job between two connections with one store."""

    def __init__(
        self,
        job: Job,
        source: Connection,
        target: Connection,
        *,
        store: Store,
        clock: Clock,
        events: Events,
    ) -> None:
        self._job = job
        self._source = source
        self._target = target
        self._store = store
        self._clock = clock
        self._events = events
        self._tally = _Tally()
        self._directories: Directories | None = None
        self._applier: Applier | None = None
        self._run_id = ""
        self._letters = False
        """Whether the job may have open dead letters; without any there is none to resolve."""
        self._streams: dict[str, Stream] = {}

    async def run(self, *, retry: bool = False) -> SyncReport:
        """Run the job to its end. ``retry`` takes up every open dead letter once more.

        Raises what stops it (the connectors' errors, :class:`SyncError` when the job is running
        already); what was acknowledged until then is kept, and the next run goes on from there.
        """
        unsubscribe = self._events.subscribe(self._tally.hear)
        try:
            return await self._run(retry=retry)
        finally:
            unsubscribe()

    async def _run(self, *, retry: bool) -> SyncReport:
        started = self._clock.monotonic()
        self._streams = await self._find_streams()
        async with self._running() as run:
            self._letters = bool(await self._store.dead_letters.counts(self._job.id))
            await self._recover()
            for reason in (None,) if retry else ("retry", "unknown"):
                await self._retry(reason)
            await self._revisit()
            for stream in self._streams.values():
                await self._stream(stream)
                await self._revisit()
        letters = await self._store.dead_letters.counts(self._job.id)
        finished = await self._finish(run, "partial" if letters else "done")
        return SyncReport(
            finished.id, self._job.id, finished.state, {m: dict(c) for m, c in self._tally.by_model.items()},
            dict(self._tally.notes), dict(self._tally.calls), served_in(self._tally.served), letters,
            tuple(sorted(self._tally.unshared)), self._clock.monotonic() - started,
        )  # fmt: skip

    async def plan(self, *, limit: int | None = None) -> AsyncGenerator[SyncPlan]:
        """What :meth:`run` would write now, page by page, without writing anything."""
        planned = 0
        self._streams = await self._find_streams()
        for stream in self._streams.values():
            since = stream.since(await self._store.checkpoints.get(self._job.id, stream.object))
            async with aclosing(self._source.connector.read(self._request(stream, since))) as pages:
                async for page in pages:
                    yield await self._plan(stream, page.upserts)
                    planned += len(page.upserts)
                    if limit is not None and planned >= limit:
                        return

    # ── one run ──────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[Run]:
        run = await self._store.runs.start(
            self._job.id, "sync", self._job.source, self._job.target, self._job.models
        )
        self._run_id = run.id
        self._applier = Applier(self._job, run.id, self._target, self._store, self._clock)
        self._events.emit("sync.started", run=run.id, job=self._job.id)
        try:
            async with beside(partial(self._beat, run)):  # it keeps the run's lease through long waits
                yield run
        except BaseException as error:
            cancelled = isinstance(error, anyio.get_cancelled_exc_class() | KeyboardInterrupt)
            state = "interrupted" if cancelled else "failed"
            with anyio.CancelScope(shield=True):
                await self._store.runs.finish(run.id, state, error=type(error).__name__)
            self._events.emit("sync.stopped", run=run.id, state=state, error=type(error).__name__)
            raise

    async def _beat(self, run: Run) -> None:
        while True:
            await anyio.sleep(_BEAT)
            await self._store.runs.renew(run.id)

    async def _finish(self, run: Run, state: Literal["partial", "done"]) -> Run:
        served = self._tally.served_anew()
        if served:
            await self._store.commit(Changes(job=self._job.id, run=run.id, counts=served))
        finished = await self._store.runs.finish(run.id, state)
        self._events.emit("sync.finished", run=run.id, state=finished.state)
        return finished

    async def _recover(self) -> None:
        """Settle the creates that an earlier run sent and did not live to see answered."""
        links, settled = await recover(self._target, self._store, self._job)
        if settled:
            changes = Changes(job=self._job.id, run=self._run_id, links=links, intents_settled=settled)
            await self._store.commit(changes)
            self._events.emit("sync.recovered", run=self._run_id, found=len(links), open=len(settled))

    async def _find_streams(self) -> dict[str, Stream]:
        """The objects to read, in order of dependency, each with its ways into the target."""
        known = {entry.model for entry in self._source.spec.maps}
        models = model_names(self._job.models, sorted(known))
        source = await self._source.mapping(models)
        target = await self._target.mapping(models)
        here = (await self._source.capabilities()).objects
        there = (await self._target.capabilities()).objects
        streams: list[Stream] = []
        for model in models:
            for object_ in dict.fromkeys(entry.object for entry in source.of_model(model)):
                stream = stream_between(source, target, model, object_, there)
                if stream is not None and object_ in here:
                    streams.append(stream)
                elif stream is None and target.of_model(model):
                    self._tally.unshared.add(f"{object_}: all of it")
        self._tally.unshared |= {path for stream in streams for path in stream.unshared}
        if not streams:
            raise ConfigError(
                f"{self._job.source} and {self._job.target} share no map of {', '.join(models)}",
                hint="look at the models, set: and objects of both mappings",
            )
        return {stream.object: stream for stream in streams}

    async def _meanings(self) -> Directories:
        """Users, stages and whatever else is matched by meaning, from both sides; read when first needed."""
        if self._directories is not None:
            return self._directories
        wanted = {
            rule.ref[0]
            for stream in self._streams.values()
            for route in stream.routes.values()
            for rule in route.references()
            if rule.by is not None
        }
        if any(route.status for stream in self._streams.values() for route in stream.routes.values()):
            wanted.add(STAGE)
        self._source.forget_directories()
        self._target.forget_directories()
        self._directories = Directories(
            {model: await self._source.directory(model) for model in sorted(wanted)},
            {model: await self._target.directory(model) for model in sorted(wanted)},
        )
        self._demand_default_owner(self._directories.target.get("user"))
        return self._directories

    def _demand_default_owner(self, users: Directory | None) -> None:
        """Raise :class:`ConfigError` when the job's default owner is nobody, before anything is written."""
        wanted = self._job.owner.removeprefix("default:")
        if wanted in {"default", "reject"} or users is None or wanted in users.entries:
            return
        if users.find("email", wanted) is None:
            known = users.known("email")[:20]
            raise ConfigError(
                f"owner: the target has no active user {wanted}", hint=f"users: {', '.join(known) or 'none'}"
            )

    # ── one object ───────────────────────────────────────────────────────────────────────────

    def _request(self, stream: Stream, since: Checkpoint | None) -> ReadRequest:
        return ReadRequest(stream.object, stream.fields, since, page_size=self._job.page_size)

    async def _stream(self, stream: Stream) -> None:
        since = stream.since(await self._store.checkpoints.get(self._job.id, stream.object))
        self._events.emit("sync.object", object=stream.object, run=self._run_id, model=stream.model)
        async with ahead(self._source.connector.read(self._request(stream, since))) as pages:
            async for page in pages:
                await self._page(stream, page.upserts, page.deletes, page.checkpoint)

    async def _page(
        self,
        stream: Stream,
        upserts: Sequence[Native],
        deletes: Sequence[Deletion] = (),
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """The main path: plan the page, apply the plan, commit what came of it."""
        planned = await self._plan(stream, upserts)
        applied = await self._applied(planned)
        unlinked = await self._unlinked(stream, deletes)
        counts = Counter({"read": len(upserts), "unchanged": planned.unchanged})
        counts.update(applied.counts)
        counts["unlinked"] += len(unlinked)
        for letter in planned.letters:
            counts["waiting" if letter.reason == "waiting" else "rejected"] += 1
        await self._store.commit(
            Changes(
                job=self._job.id,
                run=self._run_id,
                links=[*applied.links, *planned.refreshed],
                unlinked=unlinked,
                intents_settled=applied.settled,
                dead_letters=[*planned.letters, *applied.letters],
                resolved=[*applied.resolved, *(planned.settled if self._letters else ())],
                checkpoint=None if applied.stopped else stream.saved(checkpoint),
                counts={**counts, **self._tally.served_anew()},
            )
        )
        self._letters |= bool(planned.letters or applied.letters)
        self._tally.add(stream.model, counts)
        self._tally.notes.update(planned.notes)
        self._events.emit(
            "sync.page",
            object=stream.object,
            run=self._run_id,
            model=stream.model,
            read=counts["read"],
            written=counts["created"] + counts["updated"],
            set_aside=counts["rejected"] + counts["waiting"],
        )
        if applied.stopped:
            raise SyncError(
                applied.stopped,
                hint="what was written is kept: mend the cause and run it again",
                where=Where(connection=self._job.target),
            )

    async def _plan(self, stream: Stream, records: Sequence[Native]) -> SyncPlan:
        items = await self._items(stream, records)
        source, target = self._job.source, self._job.target
        links = await self._store.links.find((source, stream.object), target, [item.ref.id for item in items])
        pointed = {path: await self._pointed(stream, path, items) for path in stream.referred}
        fresh = any(not is_unchanged(item, links.get(item.ref.id)) for item in items)
        directories = await self._meanings() if fresh else Directories()
        references = References(self._job, directories, pointed)
        present = await self._present(items, links)
        return plan(self._job, items, links, references, self._clock.now().date(), present)

    async def _present(self, items: Sequence[Item], links: Mapping[str, Link]) -> Mapping[str, Native]:
        """Target records whose changes depend on what they hold now, by source id; mostly none."""
        found: dict[str, Native] = {}
        for route in {id(item.route): item.route for item in items}.values():
            if not any(rule.policy == "if_empty" for rule in route.target.rules):
                continue
            pairs = [
                (item.ref.id, link.target.id)
                for item in items
                if item.route is route
                and (link := links.get(item.ref.id)) is not None
                and link.hash != item.digest
            ]
            records = (
                await self._target.connector.get(
                    route.target.object, [target for _, target in pairs], route.target.fields
                )
                if pairs
                else ()
            )
            for (source, _), record in zip(pairs, records, strict=True):
                if not isinstance(record, Missing):
                    found[source] = record
        return found

    async def _pointed(self, stream: Stream, path: str, items: Sequence[Item]) -> Pointed:
        """Links of the records that a page's references point to."""
        values = [value for item in items if (value := item.values.get(path)) is not None]
        if not values:
            return {}
        source, target = self._job.source, self._job.target
        found = await links_of(self._store.links, source, target, values, stream.referred[path])
        await self._tell(
            stream, path, [item for item in items if place_of(item.values.get(path)) not in found]
        )
        return found

    async def _tell(self, stream: Stream, path: str, items: Sequence[Item]) -> None:
        """Ask of which objects references are that no link knows, where only records one by one tell it."""
        lacking = [
            (item, rule.type)
            for item in items
            if (value := item.values.get(path)) is not None
            and (rule := item.route.source.by_path[path]).type
            and rule.type.partition(".")[0] not in stream.fields
            and not rule.tells(value)
        ]
        if not lacking:
            return
        ids, fields = [item.ref.id for item, _ in lacking], sorted({name for _, name in lacking})
        records = await self._source.connector.get(stream.object, ids, fields)
        for (item, name), record in zip(lacking, records, strict=True):
            kind = None if isinstance(record, Missing) else record.get(name)
            if isinstance(kind, str) and kind:
                item.values[path] = TypedId(str(item.values[path]), kind)

    async def _items(self, stream: Stream, records: Sequence[Native]) -> Sequence[Item]:
        able = await self._source.able(stream.object)
        items: dict[str, Item] = {}  # a record that comes twice in a page counts once, as it came last
        for record in records:
            route = stream.route(record)
            if route is None:
                continue
            values, faults = route.source.read_or_faults(record)
            ref = RecordRef(self._job.source, stream.object, str(record[able.key]))
            stamp = record.get(able.modified) if able.modified else None
            shared = tuple(fault for fault in faults if fault.field in route.paths)
            version = None if stamp is None else str(stamp)
            comparable = route.comparable(values)
            items[ref.id] = Item(route, ref, values, comparable, digest(comparable), version, shared)
        return list(items.values())

    async def _applied(self, planned: SyncPlan) -> Applied:
        if not planned.writes:
            return Applied()
        if self._applier is None:
            raise SyncError("apply outside of a run", where=Where(connection=self._job.target))
        return await self._applier.apply(planned.writes)

    async def _unlinked(self, stream: Stream, deletes: Sequence[Deletion]) -> list[Link]:
        """Links of records that are gone: the pair is let go, the target's record stays."""
        if not deletes:
            return []
        ids = [deletion.id for deletion in deletes]
        links = await self._store.links.find((self._job.source, stream.object), self._job.target, ids)
        return [link for link in links.values() if link.state == "linked"]

    # ── records set aside ────────────────────────────────────────────────────────────────────

    async def _revisit(self) -> None:
        """Take up the records that waited for one that is there now."""
        seen: set[str] = set()
        while letters := [
            letter
            for letter in await self._store.dead_letters.awaiting_ready(self._job.id)
            if letter.id not in seen
        ]:
            seen |= {letter.id for letter in letters}
            await self._again(letters)

    async def _retry(self, reason: str | None) -> None:
        """Take up every open dead letter, or those of one reason."""
        last: DeadLetter | None = None
        while letters := await self._store.dead_letters.open(self._job.id, reason=reason, after=last):
            last = letters[-1]
            await self._again(letters)

    async def _again(self, letters: Sequence[DeadLetter]) -> None:
        for object_ in dict.fromkeys(letter.source.object for letter in letters):
            stream = self._streams.get(object_)
            if stream is None:
                continue
            refs = [letter.source for letter in letters if letter.source.object == object_]
            for start in range(0, len(refs), _REVISIT):
                await self._reread(stream, refs[start : start + _REVISIT])

    async def _reread(self, stream: Stream, refs: Sequence[RecordRef]) -> None:
        found = await self._source.connector.get(stream.object, [ref.id for ref in refs], stream.fields)
        gone = [ref for ref, record in zip(refs, found, strict=True) if isinstance(record, Missing)]
        if gone:
            await self._store.dead_letters.resolve(self._job.id, gone)
        await self._page(stream, [record for record in found if not isinstance(record, Missing)])
