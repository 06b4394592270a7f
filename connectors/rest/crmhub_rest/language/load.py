"""From a file to a :class:`Crm`: every mistake is one line with its place and a suggestion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel, ValidationError

from crmhub.document import Document, Step, suggest, text_of
from crmhub.errors import ConfigError
from crmhub.mistakes import Mistakes
from crmhub.native import Native, Value
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.scopes import Complaint, aimless, misplaced

__all__ = ["load", "parse"]

_SHAPES = "shapes"
_LIKE = "like"
_EXPECTED = {
    "string_type": "a text is expected: put it in quotes",
    "list_type": "a list is expected",
    "dict_type": "a table is expected",
    "model_type": "a table is expected",
    "model_attributes_type": "a table is expected",
    "int_type": "a whole number is expected",
    "bool_type": "true or false is expected",
    "missing": "it is missing",
}


def load(path: Path) -> Crm:
    """The CRM that a file describes. Raises :class:`ConfigError`, one line for each mistake."""
    return parse(text_of(path), str(path))


@lru_cache(maxsize=32)
def parse(text: str, name: str) -> Crm:
    """The same for a text; ``name`` stands for the file in messages."""
    document = Document.parse(text, name)
    if not isinstance(document.data, dict):
        raise ConfigError(f"{document.at()}: a table that describes a CRM is expected")
    mistakes = Mistakes(document)
    document = _shaped(document, mistakes)
    mistakes.document = document
    mistakes.fail()
    data = {key: value for key, value in cast("Native", document.data).items() if key != _SHAPES}
    try:
        crm = Crm.model_validate(data)
    except ValidationError as error:
        _tell(mistakes, _complaints(error, data))
        mistakes.fail()
        raise ConfigError(f"{name}: it does not describe a CRM") from None
    _tell(mistakes, [*misplaced(crm, data), *aimless(crm)])
    mistakes.fail()
    return crm


# ── shapes: what several tables have in common ───────────────────────────────────────────────────


def _shaped(document: Document, mistakes: Mistakes) -> Document:
    """The document with the shape of each ``like: name`` under its table; a ``null`` takes a key out."""
    data = cast("Native", document.data)
    shapes = data.get(_SHAPES, {})
    if not isinstance(shapes, dict):
        mistakes.add((_SHAPES,), "a table of shapes is expected")
        return document
    known: dict[str, Document] = {}
    for name in shapes:  # a shape can be like one that stands before it
        known[name] = _filled(_cut(document, (_SHAPES, name)), (), known, mistakes)
    for key in data:
        if key != _SHAPES:
            document = _filled(document, (key,), known, mistakes)
    return document


def _filled(
    document: Document, at: tuple[Step, ...], known: Mapping[str, Document], mistakes: Mistakes
) -> Document:
    """The document with all shapes at that place and below put in."""
    here = document.part(at)
    if isinstance(here, list):
        for place in range(len(here)):
            document = _filled(document, (*at, place), known, mistakes)
        return document
    if not isinstance(here, dict):
        return document
    shape = here.get(_LIKE)
    if shape is not None:
        if not isinstance(shape, str) or shape not in known:
            place, mend = document.at((*at, _LIKE)), suggest(str(shape), known)
            mistakes.lines.append(f"{place}: no shape {shape!r} stands before it; {mend}")
            return document
        document = _over(document.replaced(at, known[shape], ()), at, document, at)
    for key in cast("Native", document.part(at)):
        document = _filled(document, (*at, key), known, mistakes)
    return document


def _cut(document: Document, at: tuple[Step, ...]) -> Document:
    """What stands at that place, as a document of its own."""
    return Document(document.name, None, {}).replaced((), document, at)


def _over(document: Document, at: tuple[Step, ...], own: Document, source: tuple[Step, ...]) -> Document:
    """The document with what ``own`` has at ``source`` laid over what stands at ``at``, table by table."""
    below, above = document.part(at), own.part(source)
    if not isinstance(above, dict) or not isinstance(below, dict):
        return document.replaced(at, own, source)
    gone = [key for key, value in above.items() if value is None and key in below]
    if gone:
        kept = {name: part for name, part in below.items() if name not in gone}
        document = document.replaced(at, Document(document.name, kept, {}), ())
    for key in above:
        if key != _LIKE and key not in gone:
            document = _over(document, (*at, key), own, (*source, key))
    return document


# ── complaints ───────────────────────────────────────────────────────────────────────────────────


def _tell(mistakes: Mistakes, complaints: Iterable[Complaint]) -> None:
    """Add them, those of a shape once, wherever it is used."""
    told: set[tuple[str, str]] = set()
    for path, what, mend in complaints:
        if (once := (mistakes.document.at(path), what)) not in told:
            told.add(once)
            mistakes.add(path, what, mend)


def _complaints(error: ValidationError, data: Value) -> Iterator[Complaint]:
    """Pydantic's complaints, in words of the file."""
    for part in error.errors():
        kind, path = part["type"], tuple(_places(part["loc"], data))
        if kind == "literal_error" and isinstance(part["input"], dict):
            continue  # a table was meant, and its own mistakes are told
        if kind == "extra_forbidden":
            key = str(path[-1])
            yield path, f"unknown key {key!r}", suggest(key, _keys(path[:-1]))
        else:
            yield path, _EXPECTED.get(kind, part["msg"].removeprefix("Value error, ")), ""


def _places(place: Sequence[Step], data: Value) -> Iterator[Step]:
    """Pydantic's place without the words it puts in for alternatives and keys."""
    here = data
    for step in place:
        if step == "[key]":
            return
        if isinstance(here, dict) and str(step) in here:
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif isinstance(here, dict) and step == place[-1]:
            here = None
        else:
            continue
        yield step


def _keys(path: Sequence[Step]) -> frozenset[str]:
    """The keys that the table at that place can have."""
    models: list[object] = [Crm]
    for step in path:
        models = [found for model in models for found in _below(model, step)]
    names = [
        field.alias or name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
    ]
    return frozenset(names)


def _below(model: object, step: Step) -> Iterator[object]:
    """What can stand at ``step`` below a model, a table or a list of such."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if step in (name, field.alias):
                yield from _parts(field.annotation)
        return
    arguments = get_args(model)
    if arguments:
        yield from _parts(arguments[-1])


def _parts(annotation: object) -> Iterator[object]:
    arguments = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    if origin in (dict, list, Mapping) or not arguments:
        yield annotation
        return
    for argument in arguments:
        yield from _parts(argument)
