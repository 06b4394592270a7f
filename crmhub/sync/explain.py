"""One record's way from one connection to another, with its references looked up as a sync would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from crmhub.connection import Connection
from crmhub.connector import Missing, Native
from crmhub.document import suggest
from crmhub.errors import ConfigError, NotFound, Where
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.explain import Explanation, explain
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import MappingSpec, Rule
from crmhub.mapping.status import STAGE, STATUS, status_way
from crmhub.store import Store
from crmhub.sync.job import Job
from crmhub.sync.references import (
    Deferred,
    Directories,
    LeftOut,
    Pointed,
    References,
    Told,
    Waiting,
    links_of,
)

__all__ = ["counterpart", "explain_record", "map_of", "models_of"]


def models_of(spec: MappingSpec, object: str) -> tuple[str, ...]:
    """The models that an object is mapped to. Raises :class:`ConfigError` where there are none."""
    models = tuple(dict.fromkeys(entry.model for entry in spec.maps if entry.object == object))
    if not models:
        known = {entry.object for entry in spec.maps}
        raise ConfigError(f"{spec.name}: no map of object {object!r}", hint=suggest(object, known))
    return models


def map_of(mapping: ConnectionMapping, object: str, record: Native) -> CompiledMap:
    """The map that a record belongs to. Raises :class:`ConfigError` where it has the constants of none."""
    mapped = mapping.of_record(object, record)
    if mapped is None:
        constants = " or ".join(str(dict(entry.spec.where)) for entry in mapping.of_object(object))
        raise ConfigError(f"no map of {object} takes this record", hint=f"it would need {constants}")
    return mapped


def counterpart(mapped: CompiledMap, target: ConnectionMapping) -> CompiledMap:
    """The map of the target into which the record goes. Raises :class:`ConfigError` where it has none."""
    there = target.target(mapped.model, mapped.spec.constants)
    if there is None:
        kind = ", ".join(f"{name} {value}" for name, value in mapped.spec.constants.items())
        raise ConfigError(
            f"{target.spec.name}: no map of model {mapped.model}{f' with {kind}' if kind else ''}",
            hint="add one with the same model and set:",
        )
    return there


async def explain_record(
    source: Connection,
    object: str,
    id: str,
    target: Connection | None = None,
    *,
    store: Store | None = None,
    today: date | None = None,
) -> Explanation:
    """Read one record and follow it, field by field, into the target if one is given.

    References are looked up by meaning, and with a ``store`` by its links. Raises
    :class:`ConfigError` for an object without a map, :class:`NotFound` for a record that is not there.
    """
    models = models_of(source.spec, object)
    mapping = await source.mapping(models)
    (record,) = await source.connector.get(object, [id], mapping.fields(object))
    if isinstance(record, Missing):
        raise NotFound("no such record", where=Where(source.name, object, id))
    mapped = map_of(mapping, object, record)
    if target is None:
        return explain(record, mapped, today=today)
    there = counterpart(mapped, await target.mapping(models))
    values, _faults = mapped.read_or_faults(record)
    way = status_way(mapped, there)
    references = References(
        Job(source.name, target.name),
        await _directories(source, target, there, [STAGE] if way else []),
        await _links(source, target, there, values, store) if store else {},
    )
    outcome = references.outcome(values.get(STAGE)) if way == "from_stage" else None
    return explain(
        record,
        mapped,
        there,
        resolve=_Found(references, Told.by(way, values)),
        today=today,
        derived={} if outcome is None else {STATUS: (outcome, "follows from the stage")},
    )


async def _directories(
    source: Connection, target: Connection, there: CompiledMap, more: Sequence[str]
) -> Directories:
    wanted = sorted({rule.ref[0] for rule in there.rules if rule.by is not None and rule.writes} | {*more})
    return Directories(
        {model: await source.directory(model) for model in wanted},
        {model: await target.directory(model) for model in wanted},
    )


async def _links(
    source: Connection, target: Connection, there: CompiledMap, values: Values, store: Store
) -> Mapping[str, Pointed]:
    links: dict[str, Pointed] = {}
    for rule in there.rules:
        value = values.get(rule.path.text)
        if not rule.ref or rule.by is not None or value is None:
            continue
        objects = {entry.object for entry in source.spec.maps if entry.model in rule.ref}
        links[rule.path.text] = await links_of(store.links, source.name, target.name, [value], objects)
    return links


@dataclass(frozen=True)
class _Found:
    """Says in words what :class:`References` finds."""

    references: References
    way: Told

    def __call__(
        self, source: CompiledMap, rule: Rule, value: object, resolved: Values
    ) -> tuple[Pointer | None, str]:
        answer, note = self.references.resolve(source, rule, value, resolved, self.way)
        if isinstance(answer, Pointer):
            return answer, note or (f"{rule.ref[0]} found by {rule.by}" if rule.by else "found by its link")
        if isinstance(answer, Deferred):
            return None, "not synced yet: set once that record is there"
        if isinstance(answer, Waiting):
            return None, "not synced yet: waits for that record"
        return None, answer.note if isinstance(answer, LeftOut) else answer.message
