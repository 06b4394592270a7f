"""Planning a write that a caller asks for, and doing what was planned, unless the record has moved since.

A plan is read before it is done: values before and after, in comparable form, and the version they are of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from crmhub.connector import NOT_SENT, Missing, Native, Outcome, Problem, WriteItem, WriteRequest
from crmhub.errors import ConnectorError, InvalidRecord, NotFound, Where
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.values import plain
from crmhub.models import Record
from crmhub.org import Org
from crmhub.plan import Change, PlannedWrite
from crmhub.reading import Reader
from crmhub.writing import map_for, native_of

__all__ = ["MOVED", "apply", "moved", "planned_create", "planned_update"]

MOVED = "moved"
"""The code of a conflict: the record is not as it was when the write was planned."""


async def planned_create(org: Org, maps: Sequence[CompiledMap], record: Record) -> PlannedWrite:
    """The write that makes the record. Raises :class:`InvalidRecord`, naming the field that cannot be."""
    mapped = map_for(org, maps, record)
    if record.id and record.connection is None:
        where = Where(org.name, mapped.object, None, "id")
        raise InvalidRecord("an id is given by the CRM: an update changes a record that has one", where=where)
    fields = await native_of(org, mapped, record, create=True)
    after, _ = mapped.read_or_faults(fields)
    said = _said(mapped, record)
    changes = {path: (None, plain(value)) for path, value in after.items() if value is not None}
    return PlannedWrite(
        operation="create",
        connection=org.name,
        model=mapped.model,
        object=mapped.object,
        id=None,
        source=None,
        fields=fields,
        changes={**_unread(mapped, record), **changes},
        defaulted=tuple(path for path in changes if path not in said),
    )


async def planned_update(org: Org, model: type[Record], id: str, changes: Record) -> PlannedWrite:
    """The write of what ``changes`` sets to the record of that id, as it differs from what is there.

    Raises :class:`NotFound`, and :class:`InvalidRecord` naming the field that cannot be written.
    """
    async with org.in_use() as connector:
        for shelf in await Reader(org, model).shelves():
            (found,) = await connector.get(shelf.object, [id], shelf.fields)
            if isinstance(found, Missing):
                continue
            mapped = shelf.mapping.of_record(shelf.object, found)
            if mapped is None or not isinstance(changes, mapped.spec.record):
                continue
            version = shelf.able.modified and found.get(shelf.able.modified)
            fields = await native_of(org, mapped, changes.model_copy(update={"id": id}), create=False)
            fields = {name: value for name, value in fields.items() if found.get(name) != value}
            return PlannedWrite(
                operation="update",
                connection=org.name,
                model=mapped.model,
                object=shelf.object,
                id=id,
                source=None,
                fields=fields,
                changes={**_unread(mapped, changes), **_differences(mapped, found, fields)},
                expected=None if version is None else str(version),
            )
    raise NotFound(f"no such {model.model}", where=Where(org.name, record=id))


async def moved(org: Org, writes: Sequence[PlannedWrite]) -> Mapping[int, str]:
    """Which of the planned updates are void, by place, and why: their record is not what it was."""
    found: dict[int, str] = {}
    async with org.in_use() as connector:
        for object_ in dict.fromkeys(write.object for write in writes if write.id is not None):
            mine = [(at, write) for at, write in enumerate(writes) if write.id and write.object == object_]
            able = await org.able(object_)
            mapping = await org.mapping({write.model for _, write in mine})
            names = mapping.fields(object_)
            answers = await connector.get(object_, [str(write.id) for _, write in mine], names)
            for (at, write), record in zip(mine, answers, strict=True):
                if isinstance(record, Missing):
                    found[at] = "it is gone"
                    continue
                version = able.modified and record.get(able.modified)
                mapped = mapping.of_record(object_, record)
                if write.expected is not None and str(version) != write.expected:
                    found[at] = "it was changed since"
                elif mapped is None or not _is_as_before(mapped, record, write):
                    found[at] = "its values are others by now"
    return found


async def apply(org: Org, writes: Sequence[PlannedWrite]) -> Sequence[Outcome]:
    """Do the writes, in order: one outcome for each, raised is nothing.

    An update is a ``conflict`` with the code :data:`MOVED` where its record is not what it was when it was
    planned; the CRM compares the version once more where it can. What follows an error that stops the
    connector is rejected as not sent.
    """
    outcomes: dict[int, Outcome] = {}
    under_way: Sequence[int] = ()
    try:
        for at, why in (await moved(org, writes)).items():
            outcomes[at] = Outcome("conflict", writes[at].id, problem=Problem(MOVED, why))
        async with org.in_use() as connector:
            for batch in _batches(writes, outcomes):
                first = writes[batch[0]]
                under_way = [at for at in batch if writes[at].fields or first.operation == "create"]
                outcomes |= {at: Outcome("unchanged", writes[at].id) for at in batch if at not in under_way}
                if under_way:
                    items = [_item(writes[at]) for at in under_way]
                    request = WriteRequest(first.object, first.operation, items, at_once=True)
                    outcomes |= dict(zip(under_way, await connector.write(request), strict=True))
    except ConnectorError as error:
        problem = Problem(NOT_SENT, error.what, permanent=False)
        for at, write in enumerate(writes):
            lost = error.applied is None and at in under_way
            outcomes.setdefault(at, Outcome("unknown" if lost else "rejected", write.id, problem=problem))
    return [outcomes[at] for at in range(len(writes))]


def _batches(writes: Sequence[PlannedWrite], decided: Mapping[int, Outcome]) -> Iterator[list[int]]:
    """Neighbours of one object and operation, as places in the plan."""
    batch: list[int] = []
    for at, write in enumerate(writes):
        if at in decided:
            continue
        last = writes[batch[-1]] if batch else None
        if last is not None and (last.object, last.operation) != (write.object, write.operation):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _item(write: PlannedWrite) -> WriteItem:
    return WriteItem(write.fields, id=write.id, if_version=write.expected)


def _differences(mapped: CompiledMap, before: Native, fields: Native) -> Mapping[str, Change]:
    """What the native fields change, by canonical path; read as the CRM's own record would be."""
    old, _ = mapped.read_or_faults(before)
    new, _ = mapped.read_or_faults({**before, **fields})
    pairs = {path: (plain(old.get(path)), plain(value)) for path, value in new.items()}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _is_as_before(mapped: CompiledMap, record: Native, write: PlannedWrite) -> bool:
    now, _ = mapped.read_or_faults(record)
    unread = {path for path, rule in mapped.by_path.items() if not rule.reads}
    return all(
        plain(now.get(path)) == before
        for path, (before, _after) in write.changes.items()
        if path not in unread
    )


def _said(mapped: CompiledMap, record: Record) -> Mapping[str, object]:
    with suppress(CodecError):
        return mapped.flatten(record)
    return {}


def _unread(mapped: CompiledMap, record: Record) -> Mapping[str, Change]:
    """What is set and can only be written, never read: it has to be seen in the plan too."""
    said = _said(mapped, record)
    return {path: (None, plain(value)) for path, value in said.items() if not mapped.by_path[path].reads}
