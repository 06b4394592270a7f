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
from crmhub.shapes import shaped
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.scopes import Complaint, aimless, misplaced

__all__ = ["load", "parse"]

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
    document = shaped(document, mistakes, but=("maps",))
    mistakes.document = document
    mistakes.fail()
    data = cast("Native", document.data)
    try:
        crm = Crm.model_validate(data)
    except ValidationError as error:
        _tell(mistakes, _complaints(error, data))
        mistakes.fail()
        raise ConfigError(f"{name}: it does not describe a CRM") from None
    _tell(mistakes, [*misplaced(crm, data), *aimless(crm)])
    mistakes.fail()
    return crm


# ── complaints ───────────────────────────────────────────────────────────────────────────────────


def _tell(mistakes: Mistakes, complaints: Iterable[Complaint]) -> None:
    for path, what, mend in complaints:
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
