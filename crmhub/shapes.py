"""Shapes: what several tables of a YAML file have in common, written once and laid under each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

from crmhub.document import Document, Step, suggest
from crmhub.errors import ConfigError
from crmhub.mistakes import Mistakes
from crmhub.native import Native

__all__ = ["SHAPES", "laid", "shaped"]

SHAPES = "shapes"
_LIKE = "like"
_MOST = 20_000
"""Values of a document with all its shapes put in: each shape within a shape can double them."""


def shaped(
    document: Document, mistakes: Mistakes, *, but: Collection[str] = (), levels: int | None = None
) -> Document:
    """The document, without ``shapes``, with the shape of each ``like: name`` under its table.

    Tables are laid over each other key by key; a key that is ``null`` is taken out. What stands under a key
    of ``but`` at the top is left as it is. With ``levels`` only entries of tables and lists at the top are
    looked at, and tables are laid over each other so many levels down.
    """
    data = cast("Native", document.data)
    shapes = data.get(SHAPES, {})
    if not isinstance(shapes, dict):
        mistakes.add((SHAPES,), "a table of shapes is expected")
        return document
    filling = _Filling(mistakes, levels)
    for name in shapes:  # a shape can be like one that stands before it
        own = Document(document.name, None, {}).replaced((), document, (SHAPES, name))
        filling.known[name] = filling.filled(own, ())
    for key, part in data.items():
        if key in (SHAPES, *but):
            continue
        if levels is None:
            document = filling.filled(document, (key,))
            continue
        for step in part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
            document = filling.filled(document, (key, step))
    left = {key: value for key, value in cast("Native", document.data).items() if key != SHAPES}
    return Document(document.name, left, document.positions)


@dataclass(frozen=True)
class _Filling:
    mistakes: Mistakes
    levels: int | None
    known: dict[str, Document] = field(default_factory=dict[str, Document])

    def filled(self, document: Document, at: tuple[Step, ...]) -> Document:
        """The document with the shape at that place put in, and without ``levels`` those below."""
        here = document.part(at)
        if isinstance(here, list) and self.levels is None:
            for place in range(len(here)):
                document = self.filled(document, (*at, place))
            return document
        if not isinstance(here, dict):
            return document
        shape = here.get(_LIKE)
        if shape is not None:
            if not isinstance(shape, str) or shape not in self.known:
                place, mend = document.at((*at, _LIKE)), suggest(str(shape), self.known)
                self.mistakes.lines.append(f"{place}: no shape {shape!r} stands before it; {mend}")
                return document
            own = Document(document.name, None, {}).replaced((), document, at)
            under = self.known[shape]
            if len(document.positions) + len(under.positions) > _MOST:
                raise ConfigError(
                    f"{document.at((*at, _LIKE))}: shapes within shapes make the file too large",
                    hint=f"with what is laid under its tables it may say {_MOST:,} things at most",
                )
            document = document.replaced(at, laid(own, under, self.levels), ())
        for key in cast("Native", document.part(at)) if self.levels is None else ():
            document = self.filled(document, (*at, key))
        return document


def laid(own: Document, under: Document, levels: int | None = None) -> Document:
    """What ``own`` says laid over what ``under`` says, so many levels down; it stands where ``own`` does."""
    over = _over(under, (), own, (), levels)
    return Document(over.name, over.data, {**over.positions, (): own.positions.get((), (own.name, 0, 0))})


def _over(
    document: Document, at: tuple[Step, ...], own: Document, source: tuple[Step, ...], levels: int | None
) -> Document:
    """The document with what ``own`` has at ``source`` laid over what stands at ``at``, table by table."""
    below, above = document.part(at), own.part(source)
    if levels == 0 or not isinstance(above, dict) or not isinstance(below, dict):
        return document.replaced(at, own, source)
    gone = [key for key, value in above.items() if value is None and key in below]
    if gone:
        kept = {name: part for name, part in below.items() if name not in gone}
        document = document.replaced(at, Document(document.name, kept, {}), ())
    for key in above:
        if key != _LIKE and key not in gone:
            below_it = None if levels is None else levels - 1
            document = _over(document, (*at, key), own, (*source, key), below_it)
    return document
