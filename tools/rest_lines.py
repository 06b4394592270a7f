"""How long the presets are: lines of YAML that say something, for the four models and for the CRM itself.

*The four models* are accounts, contacts, deals and activities: their objects in the description, and their
maps with what maps share. *Shapes* are those of the description that these objects are like. The rest is the
CRM itself: settings, signing in, errors, limits, messages, users, pipelines and other objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from crmhub.mapping.load import load_mapping

__all__ = ["Lines", "lines"]

_FOUR = frozenset({"account", "contact", "deal", "activity"})
_LIKE = re.compile(r"\blike: (\w+)")
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one preset and its mapping, without comments and empty ones."""

    objects: int
    maps: int
    shapes: int
    rest: int
    widest: int
    """Columns of the longest line that can be broken."""

    @property
    def four(self) -> int:
        """Those of the four models."""
        return self.objects + self.maps

    @property
    def all(self) -> int:
        """All of them."""
        return self.four + self.shapes + self.rest


def lines(preset: Path) -> Lines:
    """The lines of a preset and of its mapping."""
    mapping = _ROOT / "mappings" / preset.name
    said, mapped = _said(preset), _said(mapping)
    spec = load_mapping(mapping)
    description, maps = dict(_blocks(said, 0)), dict(_blocks(mapped, 0))
    entries = [block for _, block in _blocks(maps["maps"][1:], 2)]
    four = {entry.object for entry in spec.maps if entry.model in _FOUR}
    objects = {name: block for name, block in _blocks(description["objects"][1:], 2) if name in four}
    shapes = dict(_blocks(description.get("shapes", [])[1:], 2))
    told = sum(map(len, objects.values()))
    written = sum(len(block) for entry, block in zip(spec.maps, entries, strict=True) if entry.model in _FOUR)
    written += len(maps.get("shapes", []))
    shared = sum(len(shapes[name]) for name in _used(objects.values(), shapes))
    return Lines(
        objects=told,
        maps=written,
        shapes=shared,
        rest=len(said) + len(mapped) - told - written - shared,
        widest=max(len(line) for line in [*said, *mapped] if " " in line.strip()),
    )


def _said(path: Path) -> list[str]:
    text = path.read_text("utf-8").splitlines()
    return [line for line in text if line.strip() and not line.strip().startswith("#")]


def _blocks(text: Sequence[str], indent: int) -> Iterator[tuple[str, list[str]]]:
    """The keys at an indentation, each with its lines."""
    begins = [place for place, line in enumerate(text) if len(line) - len(line.lstrip()) == indent]
    for place, end in pairwise([*begins, len(text)]):
        yield text[place].strip().partition(":")[0], list(text[place:end])


def _used(blocks: Iterable[Sequence[str]], shapes: dict[str, list[str]]) -> set[str]:
    """The shapes that those tables are like, and those that these are like."""
    used: set[str] = set()
    waiting = list(blocks)
    while waiting:
        names = {name for line in waiting.pop() for name in _LIKE.findall(line)} & shapes.keys() - used
        used |= names
        waiting += [shapes[name] for name in names]
    return used
