"""Finding mapping files, and the set of compiled maps that a connection works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import cast

from crmhub.document import Document, Step, suggest, text_of
from crmhub.errors import MappingError, MissingMapping
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.codecs.base import Factory
from crmhub.mapping.compiled import CompiledMap, compile_map
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.plain import plain, spread
from crmhub.mapping.rules import MappingSpec, MapSpec, ModelOf, Rule
from crmhub.mistakes import Mistakes
from crmhub.models import Record
from crmhub.models.registry import BUILT_IN
from crmhub.native import Native, Value
from crmhub.schema import ObjectSchema
from crmhub.shapes import SHAPES

__all__ = ["ConnectionMapping", "Override", "find_mapping", "load_mapping", "shipped_mappings", "with_added"]


@dataclass(frozen=True, slots=True)
class Override:
    """A connection's own rules: ``{object: {canonical path: rule}}`` at a place in a document."""

    document: Document
    path: tuple[Step, ...]


def shipped_mappings() -> Mapping[str, Path]:
    """The mapping files installed with crmhub, by CRM."""
    folder = Path(str(resources.files("crmhub.mappings")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_mapping(crm: str, project: Path | None, plugged: Mapping[str, Path]) -> Path:
    """The file that maps a CRM: the project's own, else a plugin's, else the shipped one."""
    shipped = shipped_mappings()
    own = project / f"{crm}.yaml" if project else None
    if own and own.exists():
        return own
    found = plugged.get(crm) or shipped.get(crm)
    if found is None:
        place = f"{project}/{crm}.yaml" if project else f"mappings/{crm}.yaml"
        mapped = ", ".join(sorted({**shipped, **plugged}))
        raise MissingMapping(f"no mapping for {crm!r}", hint=f"write {place}; mapped: {mapped}")
    return found


@lru_cache(maxsize=8)
def _parsed(text: str, name: str) -> Document:
    """A mapping file, parsed once in a process for all hubs that load it. Nobody changes a document."""
    return plain(_mapping_in(Document.parse(text, name)))


def load_mapping(
    path: Path,
    *,
    models: ModelOf = BUILT_IN,
    codecs: Mapping[str, Factory] | None = None,
    override: Override | None = None,
) -> MappingSpec:
    """The parsed and checked mapping of a file, with a connection's overrides applied.

    A file that describes a whole CRM has its mapping among other things. Raises :class:`MappingError`, one
    line for each mistake.
    """
    document = _parsed(text_of(path), str(path))
    if override is not None:
        document = _overridden(document, override)
    return parse_mapping(document, models, {**CODECS, **(codecs or {})})


def with_added(own: MappingSpec, added: Iterable[MappingSpec]) -> MappingSpec:
    """A CRM's mapping with the maps of ``added`` behind its own; models that it has stay as they are."""
    maps, models = list(own.maps), {entry.model for entry in own.maps}
    for spec in added:
        maps += [entry for entry in spec.maps if entry.model not in models]
    return replace(own, maps=tuple(maps))


def _mapping_in(document: Document) -> Document:
    """The mapping alone, where the document describes a CRM with its objects."""
    data = document.data
    if not isinstance(data, dict) or not {"base_url", "objects"} <= set(data):
        return document
    mapping = {key: value for key, value in data.items() if key in {"crm", "version", SHAPES, "maps"}}
    return Document(document.name, mapping, document.positions)


def _overridden(document: Document, override: Override) -> Document:
    given = override.document.part(override.path)
    if not isinstance(given, dict):
        raise MappingError(
            f"{override.document.at(override.path)}: mapping: give it as object: {{path: rule}}"
        )
    mistakes = Mistakes(override.document)
    own = spread(override.document, [(*override.path, object_) for object_ in given], mistakes)
    mistakes.fail(MappingError)
    maps = document.part(("maps",))
    objects = (
        [entry.get("object") for entry in maps if isinstance(entry, dict)] if isinstance(maps, list) else []
    )
    for object_, fields in given.items():
        at = (*override.path, object_)
        if object_ not in objects or not isinstance(fields, dict):
            known = [str(name) for name in objects]
            raise MappingError(
                f"{override.document.at(at)}: {object_}: no map of that object; {suggest(object_, known)}"
            )
        for index, name in enumerate(objects):
            for path in cast("Native", own.part(at)) if name == object_ else ():
                document = document.replaced(("maps", index, "fields", path), own, (*at, path))
    return document


class ConnectionMapping:
    """The maps of one connection, compiled; bound to the CRM's own schema where that is known."""

    def __init__(self, spec: MappingSpec, schemas: Mapping[str, ObjectSchema] | None = None) -> None:
        self.spec = spec
        known = schemas or {}
        self.maps = tuple(
            compile_map(_knowing(entry, spec.maps), known.get(entry.object)) for entry in spec.maps
        )
        self._by_object = _by_object(self.maps)

    def only(self, heads: frozenset[str]) -> ConnectionMapping:
        """All maps for those canonical fields alone.

        A status that follows from the stage brings the stage.
        """
        part = copy(self)
        with_stage = heads | {"stage"} if "status" in heads else heads
        part.maps = tuple(
            entry.only(heads if "status" in entry.by_path else with_stage) for entry in self.maps
        )
        part._by_object = _by_object(part.maps)
        return part

    @property
    def objects(self) -> tuple[str, ...]:
        """The mapped objects, in the order of the file."""
        return tuple(self._by_object)

    def of_object(self, object: str) -> tuple[CompiledMap, ...]:
        """The maps of an object, those with the most constants first."""
        return tuple(self._by_object.get(object, ()))

    def of_model(self, model: str) -> tuple[CompiledMap, ...]:
        """The maps of a model, in the order of the file."""
        return tuple(entry for entry in self.maps if entry.model == model)

    def of_record(self, object: str, record: Native) -> CompiledMap | None:
        """The map that a native record belongs to: the first whose constants it carries."""
        for entry in self._by_object.get(object, ()):
            if not entry.spec.where or entry.accepts(record):
                return entry
        return None

    def target(self, model: str, constants: Mapping[str, Value]) -> CompiledMap | None:
        """The map into which a record of that model with those constants (kind, type) goes."""
        return next(
            (entry for entry in self.of_model(model) if dict(entry.spec.constants) == dict(constants)), None
        )

    def of_record_model(self, model: type[Record]) -> tuple[CompiledMap, ...]:
        """The maps that give instances of a model class or of a subclass of it."""
        return tuple(entry for entry in self.maps if issubclass(entry.spec.record, model))

    def fields(self, object: str) -> tuple[str, ...]:
        """The native fields that the object's maps need."""
        return _merged(entry.fields for entry in self.of_object(object))


def _knowing(entry: MapSpec, maps: Sequence[MapSpec]) -> MapSpec:
    """The map with its references knowing what the maps of their models say.

    Those with a ``type`` know the objects that one model alone has, stages whether they have an outcome.
    """
    if all(rule.type is None and rule.ref != ("stage",) for rule in entry.rules):
        return entry
    models: dict[str, set[str]] = {}
    for one in maps:
        models.setdefault(one.object, set()).add(one.model)
    alone = [(name, next(iter(each))) for name, each in models.items() if len(each) == 1]

    stages = [one for one in maps if one.model == "stage"]
    outcome = any(rule.path.text == "outcome" and rule.reads for one in stages for rule in one.rules)

    def told(rule: Rule) -> Rule:
        if rule.type:
            return replace(rule, objects=tuple(pair for pair in alone if pair[1] in rule.ref))
        return replace(rule, tells_outcome=True) if outcome and rule.ref == ("stage",) and rule.by else rule

    return replace(entry, rules=tuple(told(rule) for rule in entry.rules))


def _merged(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _by_object(maps: Iterable[CompiledMap]) -> dict[str, list[CompiledMap]]:
    found: dict[str, list[CompiledMap]] = {}
    for entry in maps:
        found.setdefault(entry.object, []).append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: len(entry.spec.where), reverse=True)
    return found
