"""What an object's other listings have from its ``list``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import cast, get_args

from crmhub.document import Document, Step
from crmhub.native import Native, Value
from crmhub.shapes import laid
from crmhub_rest.language.call import Method

__all__ = ["listed_alike"]

_OBJECTS = "objects"
_OTHERS: tuple[tuple[Step, ...], ...] = (
    ("changes",),
    ("search",),
    ("filter",),
    ("deletes", "list"),
    ("deletes", "archived"),
)
_REPLY = ("rows", "row", "page")
_METHODS: frozenset[str] = frozenset(get_args(Method))
_OWN = frozenset({"lag", "newest_first", "reanchor", "ties"})
"""What only ``changes`` can have."""


def listed_alike(document: Document) -> Document:
    """The description with what each object's ``list`` says laid under its other listings.

    One without a path of its own is ``list`` with what it says laid over, table by table. Another has its
    ``rows``, ``row`` and ``page``, each where it says nothing of it: not one of ``deletes``, which may give
    something else. It is the same with ``ties`` and ``changes``. Where one is a job, nothing is shared.
    """
    objects = document.part((_OBJECTS,))
    if not isinstance(objects, dict):
        return document
    parts = _parts(document, objects)
    filled = {name: _filled(part) for name, part in parts.items()}
    data = {**objects, **{name: part.data for name, part in filled.items()}}
    positions = {at: place for at, place in document.positions.items() if len(at) < 2 or at[0] != _OBJECTS}
    for name, part in filled.items():
        positions |= {(_OBJECTS, name, *at): place for at, place in part.positions.items()}
    return Document(document.name, {**cast("Native", document.data), _OBJECTS: data}, positions)


def _parts(document: Document, objects: Mapping[str, Value]) -> dict[str, Document]:
    """Each object as a document of its own."""
    places: dict[Step, dict[tuple[Step, ...], tuple[str, int, int]]] = {name: {} for name in objects}
    for at, place in document.positions.items():
        if len(at) > 1 and at[0] == _OBJECTS and at[1] in places:
            places[at[1]][at[2:]] = place
    return {name: Document(document.name, part, places[name]) for name, part in objects.items()}


def _filled(part: Document) -> Document:
    """The object with its listings filled."""
    for at, under in _pairs():
        own, base = part.part(at), part.part(under)
        if not isinstance(own, dict) or not isinstance(base, dict) or "job" in {**own, **base}:
            continue
        alone = _METHODS & own.keys()
        shares: Collection[str] = base.keys() - _OWN
        if alone:
            shares = () if at[0] == "deletes" else [key for key in _REPLY if key in base and key not in own]
        if shares:
            shared = _cut(part, under)
            shared = Document(part.name, {key: base[key] for key in shares}, shared.positions)
            part = part.replaced(at, laid(_cut(part, at), shared), ())
    return part


def _cut(document: Document, at: tuple[Step, ...]) -> Document:
    """What stands at that place, as a document of its own."""
    return Document(document.name, None, {}).replaced((), document, at)


def _pairs() -> Iterator[tuple[tuple[Step, ...], tuple[Step, ...]]]:
    for at in _OTHERS:
        yield at, ("list",)
    yield ("changes", "ties"), ("changes",)
