"""Reading back: has a create whose reply was lost, or whose process died, happened?

Each create without a sync key leaves an intent before it is sent. Here the target is asked for
records of that name made since; the one that holds what was sent is it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

import msgspec

from crmhub.connection import Connection
from crmhub.connector import Condition, Native, ObjectCapabilities, ReadRequest, Value
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.values import digest, plain
from crmhub.store import Intent, Link, RecordRef, Store
from crmhub.sync.job import Job
from crmhub.sync.plan import SyncWrite

__all__ = ["find_again", "intent_of", "recover"]

_SKEW = timedelta(minutes=5)
"""How far the CRM's clock may be behind ours."""
_NAMES_A_QUERY = 100


class _Payload(msgspec.Struct):
    """What an intent remembers: what was sent, and the link that its success makes."""

    fields: dict[str, object]
    model: str
    digest: bytes | None
    base: str
    version: str | None = None


_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(_Payload, float_hook=Decimal).decode


def intent_of(write: SyncWrite, job: str, run: str, able: ObjectCapabilities, now: datetime) -> Intent:
    """The write-ahead row of a create."""
    payload = _encode(
        _Payload(
            cast("dict[str, object]", write.fields),
            write.model,
            write.digest,
            write.base.encode(),
            write.source_version,
        )
    )
    name = write.fields.get(able.name or "")
    return Intent(
        uuid.uuid4().hex,
        job,
        run,
        write.source,
        write.object,
        "create",
        "" if name is None else str(name),
        digest({"fields": payload.decode()}),
        payload.decode(),
        now,
    )


async def recover(target: Connection, store: Store, job: Job) -> tuple[list[Link], list[str]]:
    """What an earlier run left open: links of the creates that did happen, and all settled intents."""
    intents = await store.intents.open(job.id)
    found = await find_again(target, store, job, intents)
    return [_link(intent, job, found[intent.id]) for intent in intents if intent.id in found], [
        intent.id for intent in intents
    ]


def _link(intent: Intent, job: Job, id_: str) -> Link:
    payload = _decode(intent.payload)
    target = RecordRef(job.target, intent.target_object, id_)
    return Link(payload.model, intent.source, target, payload.digest, payload.base, payload.version)


async def find_again(target: Connection, store: Store, job: Job, intents: Sequence[Intent]) -> dict[str, str]:
    """Ids in the target of the creates that did happen, by intent. A record is adopted once at most."""
    found: dict[str, str] = {}
    for object_ in dict.fromkeys(intent.target_object for intent in intents):
        mine = [intent for intent in intents if intent.target_object == object_]
        candidates = await _candidates(target, object_, mine)
        taken = set(await store.links.find((job.target, object_), job.source, list(candidates)))
        free = {id_: record for id_, record in candidates.items() if id_ not in taken}
        mapping = await target.mapping(job.models)
        matched = _matches(mine, free, (await target.able(object_)).name, mapping.of_object(object_))
        found |= matched
    return found


def _matches(
    intents: Sequence[Intent], candidates: Mapping[str, Native], name: str | None, maps: Sequence[CompiledMap]
) -> dict[str, str]:
    """Candidates by intent: the one that holds all that was sent, else the only one of its name.

    The second is for CRMs that round or complete what they are given.
    """
    by_name: dict[str, dict[str, Native]] = {}
    for id_, record in candidates.items():
        by_name.setdefault(_spaced(str(record.get(name or "") or "")), {})[id_] = record
    sent = Counter(_spaced(intent.marker) for intent in intents)
    found: dict[str, str] = {}
    for intent in intents:
        marker = _spaced(intent.marker)
        namesakes = by_name.get(marker, {})
        id_ = _holding(maps, cast("Native", _decode(intent.payload).fields), namesakes)
        if id_ is None and marker and sent[marker] == len(namesakes) == 1:
            id_ = next(iter(namesakes))
        if id_ is not None:
            found[intent.id] = id_
            del namesakes[id_]
    return found


async def _candidates(target: Connection, object_: str, intents: Sequence[Intent]) -> dict[str, Native]:
    """Records made since the first intent, of the names that were sent where the CRM can filter them."""
    able = await target.able(object_)
    fields = tuple(dict.fromkeys(name for intent in intents for name in _decode(intent.payload).fields))
    since = (min(intent.sent_at for intent in intents) - _SKEW).isoformat(timespec="seconds")
    made_since = (
        [Condition(able.created, "ge", since)] if able.created and _filters(able, able.created) else []
    )
    names = sorted({form for intent in intents for form in (intent.marker, intent.marker.strip()) if form})
    chunks: list[list[Condition]] = [made_since]
    if able.name and _filters(able, able.name) and all(intent.marker for intent in intents):
        chunks = [
            [*made_since, Condition(able.name, "in", cast("list[Value]", names[i : i + _NAMES_A_QUERY]))]
            for i in range(0, len(names), _NAMES_A_QUERY)
        ]
    records: dict[str, Native] = {}
    for conditions in chunks:
        request = ReadRequest(object_, fields, filter=tuple(conditions))
        async with aclosing(target.connector.read(request)) as pages:
            async for page in pages:
                records |= {str(record[able.key]): record for record in page.upserts}
    return records


def _filters(able: ObjectCapabilities, name: str) -> bool:
    return "*" in able.filters or name in able.filters


def _holding(maps: Sequence[CompiledMap], sent: Native, candidates: Mapping[str, Native]) -> str | None:
    """The first candidate that holds all that was sent, compared as canonical values."""
    for mapped in maps:
        if not mapped.accepts({**sent, **mapped.spec.where}):
            continue
        wanted = _plain(mapped, sent)
        for id_, record in candidates.items():
            held = _plain(mapped, record)
            if all(held.get(path) == value for path, value in wanted.items()):
                return id_
    return None


def _plain(mapped: CompiledMap, record: Native) -> dict[str, object]:
    values, _ = mapped.read_or_faults(record)
    forms = {path: plain(value) for path, value in values.items() if value is not None}
    return {path: _spaced(form) if isinstance(form, str) else form for path, form in forms.items()}


def _spaced(text: str) -> str:
    """A text without outer and double blanks, which CRMs take away."""
    return " ".join(text.split())
