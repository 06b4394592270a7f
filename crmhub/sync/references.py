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
from crmhub.store import Link
from crmhub.store.links import Links
from crmhub.sync.job import Job

__all__ = [
    "Deferred", "Directories", "LeftOut", "Pointed", "References", "Refused", "Resolution", "Waiting",
    "links_of", "place_of",
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

    def resolve(
        self, source: CompiledMap, rule: Rule, value: object, resolved: Mapping[str, object]
    ) -> tuple[Resolution, str | None]:
        """The record that ``value`` means in the target, and a note of what was assumed.

        ``resolved`` holds the references of the same record that are resolved already.
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
        for by in dict.fromkeys((rule.by, origin.by or rule.by, "name")):
            found = directory.find(by, meaning.get(by), within)
            if found is not None:
                return Pointer(found), None
        return self._unmatched(rule, directory, meaning)

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

    def _unmatched(self, rule: Rule, directory: Directory, meaning: Values) -> tuple[Resolution, str | None]:
        path = rule.path.text
        if rule.kind == "user":
            return self._owner(path, directory)
        outcome = meaning.get("outcome")
        if self._job.stage == "outcome" and outcome in {"won", "lost"}:
            namesake = _only(
                [id_ for id_, entry in directory.entries.items() if entry.get("outcome") == outcome]
            )
            if namesake is not None:
                return Pointer(namesake), f"{path}: the stage that means {outcome}"
        known = ", ".join(directory.known(str(rule.by))) or "none"
        return Refused(f"{path}_unknown", f"no {rule.ref[0]} of that {rule.by}; known: {known}"), None

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


def _only(found: Collection[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None
