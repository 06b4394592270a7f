"""What does not come through from one connection to the next, along a chain of syncs, before any is run.

Asked of the connections as they are: their schemas, custom fields, users and stages. Nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from crmhub.connection import Connection
from crmhub.connector import ObjectCapabilities
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.losses import Carried, Loss, Side, few, kind_of_map, losses_between
from crmhub.mapping.rules import Rule
from crmhub.mapping.status import CLOSED, STAGE, StatusWay, status_way
from crmhub.schema import ObjectSchema
from crmhub.sync.job import Job, model_names
from crmhub.sync.references import Directories, LeftOut, References, Refused, Resolution, Told

__all__ = ["Station", "losses_along", "station_of"]


@dataclass(frozen=True)
class Station:
    """One CRM of a chain, as far as it is known: offline its mapping alone."""

    name: str
    mapping: ConnectionMapping
    schemas: Mapping[str, ObjectSchema]
    objects: Mapping[str, ObjectCapabilities] | None = None
    """The objects that its org has, and what they can do; ``None``: not asked."""
    connection: Connection | None = None

    def side(self, mapped: CompiledMap) -> Side:
        """A map with its schema."""
        keys = self.objects[mapped.object].upsert_keys if self.objects else ()
        return Side(mapped, self.schemas.get(mapped.object), keys)

    def maps(self, model: str) -> Sequence[CompiledMap]:
        """The maps of a model whose objects are there."""
        return [one for one in self.mapping.of_model(model) if self.has(one)]

    def counterpart(self, mapped: CompiledMap) -> CompiledMap | None:
        """The map into which another one's records go."""
        found = self.mapping.target(mapped.model, mapped.spec.constants)
        return found if found is not None and self.has(found) else None

    def has(self, mapped: CompiledMap) -> bool:
        """Whether the org has the map's object, as far as is known."""
        return self.objects is None or mapped.object in self.objects


async def station_of(connection: Connection, models: Sequence[str]) -> Station:
    """A connection, asked for what it is: its objects and the fields of those that are mapped."""
    names = model_names(models, sorted({entry.model for entry in connection.spec.maps}))
    mapping = await connection.mapping(names)
    objects = (await connection.capabilities()).objects
    mapped = dict.fromkeys(one.object for name in names for one in mapping.of_model(name))
    schemas = {name: await connection.schema(name) for name in mapped if name in objects}
    return Station(connection.name, mapping, schemas, objects, connection)


async def losses_along(
    stations: Sequence[Station], models: Sequence[str], *, owner: str = "default", stage: str = "outcome"
) -> Sequence[Loss]:
    """What is lost, changed, set aside or filled in from the first station to the last, leg by leg.

    Only what the first one has is followed, and what is lost on one leg is not named again on the next.
    ``owner`` and ``stage`` are those of the jobs.
    """
    first = stations[0]
    names = model_names(models, sorted({entry.model for entry in first.mapping.spec.maps}))
    ways = [_Way(mapped, set(mapped.by_path)) for name in names for mapped in first.maps(name)]
    found: list[Loss] = []
    for source, target in pairwise(stations):
        job = Job(source.name, target.name, tuple(names), owner, stage)
        tables = await _tables(source, target, ways)
        synced = {model for model in names if target.maps(model)}
        for way in ways:
            losses = way.follow(source, target, References(job, tables, {}), tables, synced)
            found += [replace(loss, source=source.name, target=target.name) for loss in losses]
        ways = [way for way in ways if way.alive]
    order = {(mapped.model, kind_of_map(mapped)): place for place, mapped in enumerate(first.mapping.maps)}
    return sorted(found, key=lambda loss: order[loss.model, loss.kind])


@dataclass
class _Way:
    """One map of the first station on its way along the chain: where it is, and which paths are left."""

    here: CompiledMap
    paths: set[str]
    carried: Carried = field(default_factory=Carried)
    alive: bool = True

    def follow(
        self, source: Station, target: Station, references: References, tables: Directories, synced: set[str]
    ) -> Iterator[Loss]:
        """What one leg does to it; afterwards it stands at the target."""
        there = target.counterpart(self.here)
        if there is None:
            self.alive = False
            kind = kind_of_map(self.here)
            yield Loss(self.here.model, kind, "", "lost", f"no {kind or self.here.model} there")
            return
        added = {rule.path.text for rule in there.rules} - set(self.here.by_path)
        losses = losses_between(source.side(self.here), target.side(there), self.carried)
        losses += [*self.of_references(there, references, tables, synced)]
        for loss in losses:
            if loss.path in self.paths | added:
                yield loss
            if loss.fate == "lost":
                self.paths.discard(loss.path)
        self.here = there

    def of_references(
        self, there: CompiledMap, references: References, tables: Directories, synced: set[str]
    ) -> Iterator[Loss]:
        """What becomes of references: those to models that are not there, and those found by meaning."""
        for rule in there.rules:
            own = self.here.by_path.get(rule.path.text)
            if not rule.ref or not rule.writes or own is None or not own.reads:
                continue
            loss = Loss(self.here.model, kind_of_map(self.here), rule.path.text, "partly", "")
            absent = [model for model in own.ref if model not in synced]
            if rule.by is None and absent:
                why = f"{' or '.join(absent)}: not there, or not synced"
                yield replace(loss, fate="lost" if len(absent) == len(own.ref) else "partly", why=why)
            if rule.by is not None:
                yield from self.unmatched(rule, references, tables, loss, status_way(self.here, there))

    def unmatched(
        self, rule: Rule, references: References, tables: Directories, loss: Loss, way: StatusWay | None
    ) -> Iterator[Loss]:
        """Users, pipelines and stages that the target lacks, of those that can come to be here."""
        path, by = rule.path.text, str(rule.by)
        table, there = tables.source.get(rule.ref[0]), tables.target.get(rule.ref[0])
        if table is None or there is None:
            return
        coming = self.carried.words.get(path)
        refused: list[str] = []
        closed: list[Resolution] = []
        """The stages of deals that are won or lost there."""
        arrived: list[str] = []
        notes: Counter[str] = Counter()
        for id_, entry in table.entries.items():
            name = str(entry.get(by) or entry.get("name"))
            if coming is not None and name not in coming:
                continue
            around = self.around(rule, entry, tables)
            answer, note = references.resolve(self.here, rule, id_, around, Told.by(way, {}))
            if isinstance(answer, Pointer):
                arrived.append(str(there.entries.get(answer.id, {}).get(by)))
            if isinstance(answer, Refused):
                refused.append(name)
            elif note is not None or isinstance(answer, LeftOut):
                notes[answer.note if isinstance(answer, LeftOut) else str(note)] += 1
            if path == STAGE and way == "by_stage":
                ways = [Told(status) for status in CLOSED]
                closed += [references.resolve(self.here, rule, id_, around, told)[0] for told in ways]
        arrived += [str(there.entries[one.id].get(by)) for one in closed if isinstance(one, Pointer)]
        self.carried.words[path] = list(dict.fromkeys(arrived))
        if refused:
            said = str(len(refused)) if rule.kind == "user" else few(refused)
            yield replace(loss, fate="refused", why=f"no {rule.ref[0]} of that {by} there: {said}")
        for why in dict.fromkeys(one.message for one in closed if isinstance(one, Refused)):
            yield replace(loss, fate="refused", why=why)
        for note, count in notes.items():
            yield replace(loss, fate="changed", why=f"{note.partition(': ')[2]} × {count}")

    def around(self, rule: Rule, entry: Values, tables: Directories) -> dict[str, object]:
        """The record within which another one is looked for, as the pipeline of a stage."""
        path = rule.within or ""
        outer, holder = self.here.by_path.get(path), entry.get(path)
        if outer is None or holder is None:
            return {}
        table, there = tables.source.get(outer.ref[0]), tables.target.get(outer.ref[0])
        if table is None or there is None:
            return {}
        found = there.find("name", table.entries.get(str(holder), {}).get("name"))
        return {} if found is None else {path: Pointer(found)}


async def _tables(source: Station, target: Station, ways: Sequence[_Way]) -> Directories:
    """The small tables of both sides that the ways need; none where a side is known by its mapping alone."""
    if source.connection is None or target.connection is None:
        return Directories()
    wanted = {
        rule.ref[0]
        for way in ways
        if (there := target.counterpart(way.here)) is not None
        for rule in there.rules
        if rule.by is not None and rule.writes and rule.path.text in way.here.by_path
    }
    return Directories(
        {model: await source.connection.directory(model) for model in sorted(wanted)},
        {model: await target.connection.directory(model) for model in sorted(wanted)},
    )
