"""The edges of a record: what it points to, and what points to it, by the references of the mapping."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from crmhub.connector import Condition, Connector, Missing, Native, ReadRequest
from crmhub.errors import NotFound, Where
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import Rule
from crmhub.models import Association, AssociationSet, Ref
from crmhub.org import Org

__all__ = ["associations_of"]

_TABLES = frozenset({"user", "stage", "pipeline"})
"""Models that are looked up, not associated with."""


async def associations_of(org: Org, model: str, id: str, to: Iterable[str] | None) -> AssociationSet:
    """All edges of a record to and from the models ``to`` (``None``: every mapped one).

    Complete unless an object that could point here cannot be asked who does. Raises
    :class:`NotFound` where there is no such record.
    """
    wanted = None if to is None else set(to)
    edges: list[Association] = []
    complete = True
    async with org.in_use() as connector:
        mapping = await org.mapping((model,))
        edges += await _outgoing(org, connector, mapping, model, id, wanted)
        here = Ref(model=model, id=id)
        own = {mapped.object for mapped in mapping.of_model(model)}
        objects = (await org.capabilities()).objects
        for mapped in mapping.maps:
            if mapped.object not in objects or (wanted is not None and mapped.model not in wanted):
                continue
            for rule in _references(mapped):
                if model not in rule.ref:
                    continue
                if not (objects[mapped.object].filters & {"*", rule.to[0]}):
                    complete = False
                    continue
                key = objects[mapped.object].key
                async for native in _pointing(connector, mapping, mapped, rule, id, own):
                    there = Ref(model=mapped.model, id=str(native[key]))
                    edges.append(Association(source=there, target=here, label=rule.path.text))
    return AssociationSet(items=tuple(dict.fromkeys(edges)), complete=complete)


async def _outgoing(
    org: Org, connector: Connector, mapping: ConnectionMapping, model: str, id: str, wanted: set[str] | None
) -> list[Association]:
    """The edges that the record itself holds."""
    here = Ref(model=model, id=id)
    for object_ in dict.fromkeys(mapped.object for mapped in mapping.of_model(model)):
        rules = {
            rule.path.text: rule for mapped in mapping.of_object(object_) for rule in _references(mapped)
        }
        names = [name for rule in rules.values() for name in (*rule.to, *([rule.type] if rule.type else []))]
        constants = [name for mapped in mapping.of_object(object_) for name in mapped.spec.where]
        fields = list(dict.fromkeys(name.partition(".")[0] for name in (*names, *constants)))
        (answer,) = await connector.get(object_, [id], fields)
        found = answer.record if isinstance(answer, Missing) else answer
        mapped = None if found is None else mapping.of_record(object_, found)
        if found is None or mapped is None or mapped.model != model:
            continue
        edges: list[Association] = []
        for rule in _references(mapped):
            there, kind = _leaf(found, rule.to[0]), _model_of(mapping, rule, found)
            if there is not None and kind is not None and (wanted is None or kind in wanted):
                edges.append(Association(source=here, target=Ref(model=kind, id=there), label=rule.path.text))
        return edges
    raise NotFound(f"no such {model}", where=Where(org.name, None, id))


async def _pointing(
    connector: Connector, mapping: ConnectionMapping, mapped: CompiledMap, rule: Rule, id: str, own: set[str]
) -> AsyncGenerator[Native]:
    """The records of a map whose reference holds that id."""
    names = [*rule.to, *([rule.type] if rule.type else []), *mapped.spec.where]
    fields = tuple(dict.fromkeys(name.partition(".")[0] for name in names))
    request = ReadRequest(mapped.object, fields, filter=(Condition(rule.to[0], "eq", id),))
    async with aclosing(connector.read(request)) as pages:
        async for page in pages:
            for native in page.upserts:
                kind = _leaf(native, rule.type) if rule.type else None
                if mapping.of_record(mapped.object, native) is mapped and (kind is None or kind in own):
                    yield native


def _references(mapped: CompiledMap) -> list[Rule]:
    """The rules that hold another record's id."""
    return [rule for rule in mapped.rules if rule.ref and rule.reads and not _TABLES.intersection(rule.ref)]


def _model_of(mapping: ConnectionMapping, rule: Rule, native: Native) -> str | None:
    """The model that a reference points to; of several, the one that its id or the record names."""
    told = rule.model_of(_leaf(native, rule.to[0]))
    if told is not None:
        return told
    object_ = _leaf(native, rule.type) if rule.type else None
    models = {mapped.model for mapped in mapping.maps if mapped.object == object_} & set(rule.ref)
    return models.pop() if len(models) == 1 else None


def _leaf(native: Native, name: str) -> str | None:
    """A value by dotted name, as text."""
    held: object = native
    for step in name.split("."):
        held = held.get(step) if isinstance(held, dict) else None
    return None if held is None else str(held)
