"""Streams: which objects of the source a job reads, and where each of their records goes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from crmhub.connector import Checkpoint, Native
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.losses import kind_of_map
from crmhub.mapping.values import digest
from crmhub.sync.plan import Route

__all__ = ["Stream", "stream_between"]


@dataclass(frozen=True)
class Stream:
    """One object of the source: its routes by source map, and what to ask for."""

    object: str
    model: str
    routes: Mapping[str, Route]
    """By the place of the source map, which is its name."""
    maps: tuple[CompiledMap, ...]
    fields: tuple[str, ...]
    referred: Mapping[str, tuple[str, ...]]
    """For each path that points to a linked record: the source objects it may point to."""
    mapping: str
    """Changes when the mapping does: then everything is read again, and what differs is written."""

    def since(self, saved: Checkpoint | None) -> Checkpoint | None:
        """The connector's own checkpoint, unless it was saved under another mapping."""
        cursor = saved.get("cursor") if saved and saved.get("mapping") == self.mapping else None
        return cursor if isinstance(cursor, dict) else None

    def route(self, record: Native) -> Route | None:
        """The way that a record goes; ``None`` for one that has no place in the target."""
        for mapped in self.maps:
            if not mapped.spec.where or mapped.accepts(record):
                return self.routes.get(mapped.spec.at)
        return None

    def saved(self, checkpoint: Checkpoint | None) -> tuple[str, Checkpoint] | None:
        """The checkpoint as the store keeps it, with the mapping that it was read under."""
        if checkpoint is None:
            return None
        return self.object, {"mapping": self.mapping, "cursor": dict(checkpoint)}

    @property
    def unshared(self) -> set[str]:
        """What the source has and the target has no place for, for people to read."""
        own = [mapped for mapped in self.maps if mapped.model == self.model]
        lacking = [kind_of_map(mapped) for mapped in own if mapped.spec.at not in self.routes]
        return {f"{self.object}: all of kind {kind}" for kind in lacking} | {
            f"{self.object}: {path}" for route in self.routes.values() for path in route.unshared
        }


def stream_between(
    source: ConnectionMapping, target: ConnectionMapping, model: str, object_: str, there: Container[str]
) -> Stream | None:
    """The stream of an object, or ``None`` where the target has no counterpart for any of its maps.

    ``there`` are the objects that the target's org has.
    """
    routes: dict[str, Route] = {}
    referred: dict[str, tuple[str, ...]] = {}
    maps = source.of_object(object_)
    for mapped in maps:
        counterpart = target.target(model, mapped.spec.constants)
        if counterpart is None or mapped.model != model or counterpart.object not in there:
            continue
        route = Route.between(mapped, counterpart)
        routes[mapped.spec.at] = route
        for rule in route.references():
            if rule.by is None:
                pointed = [entry.object for name in rule.ref for entry in source.of_model(name)]
                referred[rule.path.text] = tuple(dict.fromkeys(pointed))
    if not routes:
        return None
    fingerprint = digest({place: route.fingerprint() for place, route in routes.items()}).hex()
    return Stream(object_, model, routes, maps, source.fields(object_), referred, fingerprint)
