"""What pydantic says of a document, in words of the file: one line for each mistake, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from crmhub.document import Step, suggest
from crmhub.mistakes import Mistakes
from crmhub.native import Value

__all__ = ["Complaint", "complaints", "tell"]

Complaint: TypeAlias = tuple[tuple[Step, ...], str, str]
"""The place, what is wrong there, and how to mend it."""
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


def tell(mistakes: Mistakes, found: Iterable[Complaint]) -> None:
    """Note the complaints."""
    for path, what, mend in found:
        mistakes.add(path, what, mend)


def complaints(error: ValidationError, data: Value, model: type[BaseModel]) -> Iterator[Complaint]:
    """What pydantic says of ``data``, which was to be a ``model``."""
    for part in error.errors():
        kind, path = part["type"], tuple(_places(part["loc"], data))
        if kind == "literal_error" and isinstance(part["input"], dict):
            continue  # a table was meant, and its own mistakes are told
        if kind == "extra_forbidden":
            key = str(path[-1])
            yield path, f"unknown key {key!r}", suggest(key, _keys(model, path[:-1]))
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


def _keys(model: type[BaseModel], path: Sequence[Step]) -> frozenset[str]:
    """The keys that the table at that place can have."""
    models: list[object] = [model]
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
