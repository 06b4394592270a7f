"""What a page of records comes to: the plan of its writes, and what the sync remembers of each.

:func:`plan` is pure: the same records, links and tables give the same plan, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from crmhub.connector import Native
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Fault, Payload, Pointer, Values
from crmhub.mapping.rules import Rule
from crmhub.mapping.status import STAGE, STATUS, StatusWay, status_way
from crmhub.mapping.values import Comparable, Comparison, plain, pointed
from crmhub.plan import Plan, PlannedWrite
from crmhub.store import DeadLetter, Link, RecordRef
from crmhub.sync.base import Base
from crmhub.sync.job import Job
from crmhub.sync.references import Deferred, LeftOut, References, Told, Waiting

__all__ = ["Item", "Route", "SyncPlan", "SyncWrite", "is_unchanged", "plan"]


@dataclass(frozen=True)
class Route:
    """The way from one map of the source to its counterpart in the target."""

    source: CompiledMap
    target: CompiledMap
    comparison: Comparison
    status: StatusWay | None

    @classmethod
    def between(cls, source: CompiledMap, target: CompiledMap) -> Route:
        """The route, with the paths that both sides have."""
        return cls(source, target, Comparison(source, target), status_way(source, target))

    @property
    def paths(self) -> Sequence[str]:
        """The paths whose values matter; those that the target has, and a status that its stage tells."""
        return (*self.comparison.paths, STATUS) if self.status == "by_stage" else self.comparison.paths

    @property
    def unshared(self) -> Sequence[str]:
        """The paths that the target has no place for."""
        return [path for path in self.comparison.unshared if path not in self.paths]

    def comparable(self, values: Values) -> Comparable:
        """The values that matter, in comparable form; paths that were not read are left out."""
        found = self.comparison.comparable(values)
        if self.status == "by_stage" and STATUS in values:
            found[STATUS] = plain(values[STATUS])
        return found

    def fingerprint(self) -> list[list[object]]:
        """What the route makes of a record, as data: it changes when a rule of either side does."""
        rules: list[list[object]] = [
            [path, *(part for rule in self._rules(path) for part in (list(rule.to), rule.given))]
            for path in self.comparison.paths
        ]
        return [*rules, [STATUS, self.status]] if self.status else rules

    def _rules(self, path: str) -> tuple[Rule, Rule]:
        return self.source.by_path[path], self.target.by_path[path]

    def references(self) -> Sequence[Rule]:
        """The target's rules that point to other records, those that others lie within first."""
        rules = [self.target.by_path[path] for path in self.comparison.paths]
        return sorted((rule for rule in rules if rule.ref), key=lambda rule: rule.within is not None)


@dataclass(frozen=True, slots=True)
class Item:
    """A source record, mapped: its values by path, their comparable form and its digest."""

    route: Route
    ref: RecordRef
    values: Values
    comparable: Comparable
    digest: bytes
    version: str | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWrite(PlannedWrite):
    """A write, and what the link will remember once it is done."""

    source: RecordRef
    base: Base
    """What both sides agree on once it is done."""
    digest: bytes | None
    """Of the source's values, once the target has them all."""
    filled: tuple[str, ...] = ()
    """The native fields that ``default_on_create`` fills."""
    notes: tuple[str, ...] = ()
    source_version: str | None = None
    awaiting: tuple[str, str] | None = None
    """A reference that is to be patched in later."""


@dataclass(frozen=True, slots=True)
class SyncPlan(Plan):
    """What a page of records comes to."""

    writes: Sequence[SyncWrite] = ()
    unchanged: int = 0
    refreshed: Sequence[Link] = ()
    """Links whose base moves although nothing is to be written."""
    letters: Sequence[DeadLetter] = ()
    settled: Sequence[RecordRef] = ()
    """Source records that need nothing more: an open dead letter of theirs is done with."""
    notes: Mapping[str, int] = field(default_factory=dict[str, int])


def plan(
    job: Job,
    items: Sequence[Item],
    links: Mapping[str, Link],
    references: References,
    today: date,
    present: Mapping[str, Native] | None = None,
) -> SyncPlan:
    """The writes that bring the target to what ``items`` say. ``links`` are theirs, by source id.

    ``present`` holds target records as they stand, by source id, where a rule writes only what is empty.
    """
    planner = _Planner(job, references, today, present or {})
    for item in items:
        planner.add(item, links.get(item.ref.id))
    return SyncPlan(
        planner.writes,
        planner.unchanged,
        planner.refreshed,
        planner.letters,
        planner.settled,
        dict(planner.notes),
    )


def is_unchanged(item: Item, link: Link | None) -> bool:
    """Whether the record is as both sides last agreed."""
    return link is not None and link.state == "linked" and link.hash == item.digest and not item.faults


class _Planner:
    def __init__(self, job: Job, references: References, today: date, present: Mapping[str, Native]) -> None:
        self._present = present
        self._job = job
        self._references = references
        self._today = today
        self.writes: list[SyncWrite] = []
        self.letters: list[DeadLetter] = []
        self.settled: list[RecordRef] = []
        self.refreshed: list[Link] = []
        self.notes: Counter[str] = Counter()
        self.unchanged = 0

    def add(self, item: Item, link: Link | None) -> None:
        if item.faults:
            fault = item.faults[0]
            self.set_aside(item, "mapping", fault.reason, code="unreadable", field=fault.native)
            return
        if is_unchanged(item, link):
            self.unchanged += 1
            self.settled.append(item.ref)
            return
        base = Base.decode(link.base if link else None)
        side = self._job.source
        item = self.with_status(item)
        values = {
            path: item.values[path]
            for path in item.comparable
            if base.differs(path, item.comparable[path], side)
        }
        if item.route.status == "by_stage" and STATUS in values and item.values.get(STAGE) is not None:
            values[STAGE] = item.values[STAGE]
        resolved = self.resolve(item, values)
        if resolved is None:
            return
        if base.side not in {"", side}:
            _drop_equal_references(values, base)
        target = item.route.target
        try:
            payload = target.write(
                values, base=self._present.get(item.ref.id), create=link is None, today=self._today
            )
        except CodecError as error:
            self.set_aside(item, "mapping", str(error), code="unwritable")
            return
        agreed = base.agreed(
            item.comparable,
            side,
            late=resolved.late,
            derived={**_filled(target, payload), **resolved.stand_ins},
            left_out=dict.fromkeys(resolved.left_out, side),
        )
        digest = None if resolved.late else item.digest
        self.notes.update(resolved.assumed.values())
        if link is not None and not payload.fields:
            self.unchanged += 1
            if not resolved.late:
                self.settled.append(item.ref)
            self.refreshed.append(
                Link(
                    link.model,
                    link.source,
                    link.target,
                    digest,
                    agreed.encode(),
                    item.version,
                    link.target_version,
                    "linked",
                )
            )
            return
        self.writes.append(
            SyncWrite(
                operation="create" if link is None else "update",
                connection=self._job.target,
                model=target.model,
                object=link.target.object if link else target.object,
                id=link.target.id if link else None,
                fields=payload.fields,
                changes={path: (base.values.get(path), item.comparable[path]) for path in values},
                source=item.ref,
                defaulted=payload.defaulted,
                base=agreed,
                digest=digest,
                filled=tuple(target.by_path[path].to[0].partition(".")[0] for path in payload.defaulted),
                notes=tuple(resolved.assumed.values()),
                source_version=item.version,
                awaiting=next(iter(resolved.late.values()), None),
            )
        )

    def with_status(self, item: Item) -> Item:
        """The record with the status that follows from its stage, where the target has a field for it.

        It is no part of the digest: as long as the stage stands, so does the status.
        """
        if item.route.status != "from_stage":
            return item
        outcome = self._references.outcome(item.values.get(STAGE))
        if outcome is None:
            return item
        return replace(
            item,
            values={**item.values, STATUS: outcome},
            comparable={**item.comparable, STATUS: outcome},
        )

    def resolve(self, item: Item, values: Values) -> _Resolved | None:
        """Put pointers in the place of references; ``None`` when the record is set aside."""
        late: dict[str, tuple[str, str]] = {}
        assumed: dict[str, str] = {}
        stand_ins: dict[str, str] = {}
        way = Told.by(item.route.status, item.values)
        for rule in item.route.references():
            path = rule.path.text
            value = values.get(path)
            if value is None:
                continue
            around = self.around(item, rule, values)
            answer, note = self._references.resolve(item.route.source, rule, value, around, way)
            if note:
                assumed[path] = note
            if isinstance(answer, Pointer):
                values[path] = answer
                if note:
                    stand_ins[path] = answer.id
            elif isinstance(answer, Deferred):
                del values[path]
                late[path] = (item.route.source.model, answer.id)
            elif isinstance(answer, LeftOut):
                del values[path]
                assumed[path] = answer.note
            elif isinstance(answer, Waiting):
                message = f"waits for the record that {path} points to"
                self.set_aside(item, "waiting", message, field=path, awaiting=(answer.model, answer.id))
                return None
            else:
                self.set_aside(item, "rejected", answer.message, code=answer.code, field=path)
                return None
        return _Resolved(late, assumed, stand_ins)

    def around(self, item: Item, rule: Rule, values: Values) -> Values:
        """The references that are resolved already, with the one that ``rule`` lies within.

        That one need not be among the values that are to be written: the pipeline stands, the stage moves.
        """
        outer = rule.within
        if outer is None or outer in values or item.values.get(outer) is None:
            return values
        within = item.route.target.by_path.get(outer)
        if within is None or not within.ref or outer not in item.route.source.by_path:
            return values
        answer, _ = self._references.resolve(item.route.source, within, item.values[outer], values)
        return {**values, outer: answer} if isinstance(answer, Pointer) else values

    def set_aside(
        self,
        item: Item,
        reason: str,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        awaiting: tuple[str, str] | None = None,
    ) -> None:
        self.letters.append(
            DeadLetter(
                self._job.id,
                item.ref,
                self._job.target,
                item.route.source.model,
                reason,
                message,
                code,
                field,
                awaiting,
            )
        )


class _Resolved(NamedTuple):
    """What is left to say of a record's references."""

    late: Mapping[str, tuple[str, str]]
    """Paths to be patched in, with what they wait for."""
    assumed: Mapping[str, str]
    """Paths that were not carried over as they are, and how."""
    stand_ins: Mapping[str, str]
    """Of these, those that point to something else there, and to what."""

    @property
    def left_out(self) -> set[str]:
        """Of these, those that were not carried over at all."""
        return set(self.assumed) - set(self.stand_ins)


def _drop_equal_references(values: Values, base: Base) -> None:
    """Leave out references that mean what the base has, in the ids of the side that is written to.

    Where something stands in for what was read, the base has it in the ids of the side that is read.
    """
    for path, value in list(values.items()):
        if path in base.derived:
            continue
        if isinstance(value, Pointer) and base.values.get(path) in {value.id, pointed(*value)}:
            del values[path]


def _filled(target: CompiledMap, payload: Payload) -> dict[str, object]:
    """What ``default_on_create`` put in, as the target will show it."""
    if not payload.defaulted:
        return {}
    seen, _ = target.read_or_faults(payload.fields)
    return {path: plain(seen[path]) for path in payload.defaulted if path in seen}
