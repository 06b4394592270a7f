"""A mapping file in its plain form: shapes laid under the maps that are like them, one path to a rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from crmhub.document import Document, Step
from crmhub.errors import MappingError
from crmhub.mistakes import Mistakes
from crmhub.native import Native, Value
from crmhub.shapes import shaped

__all__ = ["plain", "spread"]


def plain(document: Document) -> Document:
    """The mapping without its shapes, and without tables in the place of several rules.

    Raises :class:`MappingError` for a shape that is not there and for a path that stands twice.
    """
    if not isinstance(document.data, dict):
        return document
    mistakes = Mistakes(document)
    document = shaped(document, mistakes, levels=2)
    mistakes.document = document
    maps = document.part(("maps",))
    count = len(maps) if isinstance(maps, list) else 0
    document = spread(document, [("maps", place, "fields") for place in range(count)], mistakes)
    mistakes.fail(MappingError)
    return document


def spread(document: Document, places: Iterable[tuple[Step, ...]], mistakes: Mistakes) -> Document:
    """The document with one path to a rule in the tables of rules at those places.

    ``addresses[role=billing]: {city: Town}`` becomes ``addresses[role=billing].city: Town``.
    """
    data, positions = document.data, dict(document.positions)
    for at in places:
        rules = document.part(at)
        if not isinstance(rules, dict):
            continue
        flat: Native = {}
        for path, value in rules.items():
            if not _is_element(path, value):
                _put(flat, path, value, (*at, path), mistakes)
                continue
            for leaf, rule in cast("Native", value).items():
                source, target = (*at, path, leaf), (*at, f"{path}.{leaf}")
                _put(flat, f"{path}.{leaf}", rule, source, mistakes)
                positions |= {
                    (*target, *held[len(source) :]): place
                    for held, place in document.positions.items()
                    if held[: len(source)] == source
                }
        if flat.keys() != rules.keys():
            data = Document("", data).replaced(at, Document("", flat), ()).data
    return Document(document.name, data, positions)


def _is_element(path: str, value: Value) -> bool:
    return path.endswith("]") and isinstance(value, dict)


def _put(rules: Native, path: str, rule: Value, at: tuple[Step, ...], mistakes: Mistakes) -> None:
    if path in rules:
        mistakes.add(at, f"there is a rule for {path} already", "remove one of them")
    rules[path] = rule
