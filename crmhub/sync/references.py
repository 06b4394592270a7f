"""References: which record of the target a reference of the source means.

Users, stages and pipelines are matched by meaning (e-mail, label); accounts, contacts and deals by
the links that the sync has made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from crmhub.directory import Directory
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.rules import Rule, TypedId
from crmhub.mapping.status import CLOSED, STAGE, STATUS, StatusWay
from crmhub.store import Link
from crmhub.store.links import Links
from crmhub.sync.job import Job

__all__ = [
    "Deferred", "Directories", "LeftOut", "Pointed", "References", "Refused", "Resolution", "Told",
    "Waiting", "links_of", "place_of",
]  # fmt: skip

Pointed: TypeAlias = "Mapping[tuple[str | None, str], Link]"
"""Links of records that are pointed to, by :func:`place_of` what points."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Points to a record of the same model that is not there yet: create now, patch later."""

    id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Points to a record that must be synced first."""

    id: str
    model: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Cannot be carried over, and the record goes without it; ``note`` is counted."""

    note: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Cannot be carried over, and so the record cannot."""

    code: str
    message: str


Resolution: TypeAlias = Pointer | Deferred | Waiting | LeftOut | Refused


@dataclass(frozen=True, slots=True)
class Told:
    """How the target is told what has become of a deal."""

    status: str | None = None
    """What its stage has to mean, where the stage tells it alone."""
    apart: bool = False
    """Whether it gets a status, so that a closed deal can do without a stage that means it."""

    @classmethod
    def by(cls, way: StatusWay | None, values: Values) -> Told:
        """How it is told of a deal with these values."""
        status = values.get(STATUS)
        return cls(str(status) if way == "by_stage" and status else None, way == "from_stage")


@dataclass(frozen=True, slots=True)
class Directories:
    """The small tables of both sides, by model."""

    source: Mapping[str, Directory | None] = field(default_factory=dict[str, Directory | None])
    target: Mapping[str, Directory | None] = field(default_factory=dict[str, Directory | None])


def place_of(value: object) -> tuple[str | None, str]:
    """What a reference of the source holds, as its link is looked up: object, where it is told, and id."""
    return (value.object if isinstance(value, TypedId) else None), str(value)


async def links_of(
    links: Links, source: str, target: str, values: Collection[object], objects: Collection[str]
) -> Pointed:
    """The links of the records that ``values`` point to, which are of one of ``objects``."""
    ids: dict[str | None, list[str]] = {}
    for object_, id_ in map(place_of, values):
        ids.setdefault(object_, []).append(id_)
    found: dict[tuple[str | None, str], Link] = {}
    for object_, its in ids.items():
        if object_ is None:
            linked = await links.find_any(source, its, target, objects=objects)
        elif object_ in objects:
            linked = await links.find((source, object_), target, its)
        else:
            continue
        found |= {(object_, id_): link for id_, link in linked.items()}
    return found


class References:
    """Answers for one page: pure look-ups in tables and links that were fetched before."""

    def __init__(self, job: Job, directories: Directories, links: Mapping[str, Pointed]) -> None:
        """``links``: by path, then by what the path holds in the source."""
        self._job = job
        self._directories = directories
        self._links = links

    def outcome(self, stage: object) -> str | None:
        """What becomes of a deal in a stage of the source; ``None`` where that is not known."""
        directory = self._directories.source.get(STAGE)
        return None if directory is None or stage is None else directory.outcome(stage)

    def resolve(
        self,
        source: CompiledMap,
        rule: Rule,
        value: object,
        resolved: Mapping[str, object],
        way: Told = Told(),
    ) -> tuple[Resolution, str | None]:
        """The record that ``value`` means in the target, and a note of what was assumed.

        ``resolved`` holds the references of the same record that are resolved already, ``way`` how the
        target is told the status of a deal.
        """
        if rule.by is None:
            return self._by_link(source, rule, value), None
        origin = source.by_path[rule.path.text]
        meaning = self._meaning(origin, str(value))
        directory = self._directories.target.get(rule.ref[0])
        if directory is None:
            return Pointer(str(meaning.get(rule.by) or value)), None
        pointed = resolved.get(rule.within or "")
        within = (str(rule.within), pointed.id) if isinstance(pointed, Pointer) else None
        found: str | None = None
        for by in dict.fromkeys((rule.by, origin.by or rule.by, "name")):
            found = directory.find(by, meaning.get(by), within)
            if found is not None:
                break
        if rule.ref[0] == STAGE:
            closed = way.status or (meaning.get("outcome") if found is None else None)
            if closed in CLOSED and (found is None or directory.outcome(found) not in {None, closed}):
                if within is None and found is not None and rule.within:
                    within = (rule.within, str(directory.entries[found].get(rule.within)))
                return self._closed(rule, directory, str(closed), within, way)
        if found is not None:
            return Pointer(found), None
        if rule.kind == "user":
            return self._owner(rule.path.text, directory)
        return _unknown(rule, directory), None

    def _meaning(self, origin: Rule, value: str) -> Values:
        """What is known of the referenced record; where its model is not mapped, the value itself."""
        directory = self._directories.source.get(origin.ref[0])
        if directory is not None:
            return directory.entries.get(value, {})
        return {origin.by or "name": value}

    def _by_link(self, source: CompiledMap, rule: Rule, value: object) -> Resolution:
        path, origin = rule.path.text, source.by_path[rule.path.text]
        told = origin.model_of(value)
        if origin.tells(value) and told not in rule.ref:
            return LeftOut(f"{path}: a {told or 'record'} that is no {' or '.join(rule.ref)}")
        link = self._links.get(path, {}).get(place_of(value))
        if link is not None and link.state == "linked":
            return Pointer(link.target.id, link.target.object)
        models = rule.ref if told is None else (told,)
        if source.model in models:
            return Deferred(str(value))
        if not set(models) & set(self._job.models):
            return LeftOut(f"{path}: {' or '.join(models)} is not part of the sync")
        return Waiting(str(value), models[0] if len(models) == 1 else "*")

    def _closed(
        self, rule: Rule, directory: Directory, status: str, within: tuple[str, str] | None, way: Told
    ) -> tuple[Resolution, str | None]:
        """What a closed deal gets for which no stage of that label means the same: one that does."""
        path = rule.path.text
        means = [
            id_
            for id_, entry in directory.entries.items()
            if directory.outcome(id_) == status
            and entry.get("active") is not False
            and (within is None or str(entry.get(within[0])) == within[1])
        ]
        if self._job.stage != "outcome":
            return _unknown(rule, directory, f" that means {status}" if means else ""), None
        plain = directory.find("label", CLOSED[status], within)
        found = means[0] if len(means) == 1 else plain if plain in means else None
        if found is not None:
            return Pointer(found), f"{path}: the stage that means {status}"
        if means:
            labels = ", ".join(sorted(str(directory.entries[id_].get("label")) for id_ in means))
            return Refused(f"{path}_unknown", f"several stages mean {status}: {labels}"), None
        if way.apart:
            return LeftOut(f"{path}: none of that {rule.by}, the status alone says {status}"), None
        return _unknown(rule, directory, f" that means {status}" if way.status else ""), None

    def _owner(self, path: str, directory: Directory) -> tuple[Resolution, str | None]:
        policy = self._job.owner
        if policy == "reject":
            return Refused(f"{path}_unknown", "no such user in the target"), None
        if policy == "default":
            return LeftOut(f"{path}: not found, left to the connection's user"), None
        wanted = policy.removeprefix("default:")
        found = wanted if wanted in directory.entries else directory.find("email", wanted)
        if found is None:
            return Refused(f"{path}_unknown", "neither the user nor the default owner is in the target"), None
        return Pointer(found), f"{path}: the default user"


def _unknown(rule: Rule, directory: Directory, more: str = "") -> Refused:
    known = ", ".join(directory.known(str(rule.by))) or "none"
    return Refused(f"{rule.path.text}_unknown", f"no {rule.ref[0]} of that {rule.by}{more}; known: {known}")
