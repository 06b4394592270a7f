"""Writing the data of a call to CRMs: a small sync of its own into each.

So everything that a sync keeps is kept: what was written is known by its links and never made twice, a create
whose answer was lost is looked for first, and what one CRM refuses concerns no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio

from crmhub import Hub
from crmhub.connection import Connection
from crmhub.document import suggest
from crmhub.errors import CrmhubError, UsageError
from crmhub.mapping.load import load_mapping
from crmhub.mapping.values import digest
from crmhub.models.registry import with_models
from crmhub.store import Link, RecordRef
from crmhub.sync.engine import SyncEngine
from crmhub.sync.job import Job
from crmhub_rollout.tours.calls import CrmOutcome, Report, Wrote
from crmhub_rollout.tours.models import Feedback, PropertyVisit, Tour
from crmhub_rollout.tours.source import FEEDBACK, MAPS, TOURS, VISITS, CallData, Rows

__all__ = ["SOURCE", "Delivery", "chosen", "deliver"]

SOURCE = "tours:calls"
"""The name under which links know the data of calls; no configured connection can have it."""
_MODELS = {TOURS: "tour", VISITS: "property_visit", FEEDBACK: "feedback"}
_NAMED = {TOURS: "tour_id", VISITS: "property_id", FEEDBACK: "property_id"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be written to one CRM."""

    key: str
    """Tells this call's subject from others: two of one key are not written to a CRM at the same time."""
    rows: Rows


def chosen(hub: Hub, where: str) -> Sequence[Connection]:
    """The connections that are meant by a name, a kind of CRM, or ``all``."""
    if where in hub:
        return [hub[where]]
    named = [name for name in hub if where == "all" or hub[name].kind == where]
    if not named:
        kinds = {hub[name].kind for name in hub}
        raise UsageError(f"crmType: no connection {where!r}", hint=suggest(where, {*hub, *kinds, "all"}))
    return [hub[name] for name in named]


async def deliver(
    hub: Hub,
    targets: Sequence[Connection],
    prepare: Callable[[Connection], Awaitable[Delivery]],
    models: Collection[str],
    *,
    skip_unmapped: bool,
) -> Report:
    """Write records of ``models`` to each target, as ``prepare`` makes them: one outcome for each."""
    outcomes: dict[str, CrmOutcome] = {}

    async def one(target: Connection) -> None:
        try:
            outcomes[target.name] = await _into(hub, target, prepare, models, skip_unmapped=skip_unmapped)
        except CrmhubError as error:
            outcomes[target.name] = CrmOutcome(
                connection=target.name, crm=target.kind, status="failed", error=str(error)
            )

    async with anyio.create_task_group() as tasks:
        for target in targets:
            tasks.start_soon(one, target)
    ordered = [outcomes[target.name] for target in targets]
    done = any(outcome.status != "skipped" for outcome in ordered)
    return Report(ok=done and all(outcome.fine for outcome in ordered), outcomes=ordered)


async def _into(
    hub: Hub,
    target: Connection,
    prepare: Callable[[Connection], Awaitable[Delivery]],
    models: Collection[str],
    *,
    skip_unmapped: bool,
) -> CrmOutcome:
    if skip_unmapped and not {entry.model for entry in target.spec.maps} & set(models):
        note = f"its mapping has no {' or '.join(models)}"
        return CrmOutcome(connection=target.name, crm=target.kind, status="skipped", notes=[note])
    async with target.in_use():
        delivery = await prepare(target)
        return await _synced(hub, target, delivery)


async def _synced(hub: Hub, target: Connection, delivery: Delivery) -> CrmOutcome:
    store, refs = await hub.store(), _refs(delivery.rows)
    before = {ref: link for ref in refs if (link := await _link(hub, ref, target)) is not None}
    job = Job(
        SOURCE,
        target.name,
        [_MODELS[object_] for object_ in delivery.rows if object_ in _MODELS],
        name=f"{SOURCE}:{digest({'of': delivery.key}).hex()[:16]}->{target.name}",
    )
    source = Connection(SOURCE, "tours", partial(CallData, delivery.rows), _spec, hub.clock)
    engine = SyncEngine(job, source, target, store=store, clock=hub.clock, events=hub.events)
    error: str | None = None
    notes: list[str] = []
    try:
        notes = sorted((await engine.run(retry=True)).notes)
    except CrmhubError as stopped:  # what was written until then is known, and told
        error = str(stopped)
    letters = await store.dead_letters.of(job.id, list(refs))
    records: list[Wrote] = []
    for ref, of in refs.items():
        link, letter = await _link(hub, ref, target), letters.get(ref)
        open_ = letter is not None and letter.state == "open"
        if link is None and not open_ and error is not None:
            continue  # it was never sent
        old = before.get(ref)
        status: Literal["created", "updated", "unchanged", "rejected"] = "unchanged"
        if open_ or link is None:
            status = "rejected"
        elif old is None:
            status = "created"
        elif old.hash != link.hash:
            status = "updated"
        records.append(
            Wrote(
                what=_MODELS[ref.object],
                of=of,
                status=status,
                object=link.target.object if link else None,
                id=link.target.id if link else None,
                problem=letter.message if letter is not None and open_ else None,
            )
        )
    return CrmOutcome(
        connection=target.name,
        crm=target.kind,
        status=_status(records, error),
        records=records,
        notes=notes,
        error=error,
    )


def _status(
    records: Sequence[Wrote], error: str | None
) -> Literal["written", "unchanged", "partly", "failed"]:
    good = [record for record in records if record.status != "rejected"]
    if error is not None or len(good) < len(records):
        return "partly" if good else "failed"
    return "unchanged" if all(record.status == "unchanged" for record in records) else "written"


async def _link(hub: Hub, ref: RecordRef, target: Connection) -> Link | None:
    links = (await hub.store()).links
    found = (await links.find((ref.connection, ref.object), target.name, [ref.id])).get(ref.id)
    return found if found is not None and found.state == "linked" else None


def _refs(rows: Rows) -> dict[RecordRef, str]:
    """The records of a call, and what the caller calls each."""
    return {
        RecordRef(SOURCE, object_, str(row["id"])): str(row[_NAMED[object_]])
        for object_ in _MODELS
        for row in rows.get(object_, ())
    }


def _spec():
    models = with_models([Tour, PropertyVisit, Feedback])
    return load_mapping(MAPS / "calls.yaml", models=models)
