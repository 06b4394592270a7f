"""Arguments of public calls, checked when they come in: a wrong one is told at the call that made it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from crmhub.document import suggest
from crmhub.errors import UsageError
from crmhub.models import Record

__all__ = [
    "body",
    "conditions_of",
    "field_names",
    "fields_of",
    "file_path",
    "identifier",
    "identifiers",
    "instance",
    "instances",
    "instances_of",
    "instant",
    "limit_of",
    "model_class",
    "models",
    "models_or_names",
    "name_or_class",
    "named",
    "number_of",
    "text_of",
    "texts",
]

_Model = TypeVar("_Model", bound=Record)
_Kind = TypeVar("_Kind")


def model_class(given: object, name: str = "of") -> type[Record]:
    """A model: a class that subclasses ``Record`` and has a model name of its own."""
    if not (isinstance(given, type) and issubclass(given, Record)):
        raise UsageError(
            f"{name}: {_kind(cast('object', given))} is not a model",
            hint="give a class, such as crmhub.Account",
        )
    return given


def name_or_class(given: object, name: str) -> None:
    """Demand a name or a class."""
    if not isinstance(given, type):
        text_of(given, name)


def models(given: object, name: str) -> list[type[Record]]:
    """Models, in order."""
    return [model_class(each, name) for each in _several(given, name)]


def models_or_names(given: object, name: str) -> list[type[Record] | str]:
    """Models, and native names of objects, in order."""
    return [
        text_of(each, name) if isinstance(each, str) else model_class(each, name)
        for each in _several(given, name)
    ]


def identifier(given: object, name: str = "id") -> str:
    """A record's id."""
    if not isinstance(given, str) or not given:
        raise UsageError(
            f"{name}: an id is a text that is not empty, not {_kind(given)}", hint="give record.id"
        )
    return given


def identifiers(given: object, name: str = "ids") -> list[str]:
    """Ids, in order."""
    return [identifier(each, name) for each in _several(given, name)]


def instances(given: object, model: type[_Model], name: str = "records") -> list[_Model]:
    """Records of a model, in order."""
    return [instance(each, model, name) for each in _several(given, name)]


def instance(given: object, model: type[_Model], name: str = "record") -> _Model:
    """A record of a model."""
    if not isinstance(given, model):
        raise UsageError(
            f"{name}: {_kind(given)} where {_article(model.__name__)} is expected",
            hint=f"write {model.__name__}(…) with the fields to set",
        )
    return given


def instances_of(given: object, kind: type[_Kind], name: str, *, hint: str) -> list[_Kind]:
    """Objects of a class, in order."""
    found: list[_Kind] = []
    for each in _several(given, name):
        if not isinstance(each, kind):
            raise UsageError(f"{name}: {_kind(each)} where {kind.__name__} are expected", hint=hint)
        found.append(each)
    return found


def texts(given: object, name: str) -> list[str]:
    """Texts that say something, in order."""
    return [text_of(each, name) for each in _several(given, name)]


def field_names(given: object, model: type[Record]) -> frozenset[str] | None:
    """Names of the model's fields, ``None`` for all."""
    if given is None:
        return None
    names = frozenset(texts(given, "fields"))
    for name in sorted(names):
        if known_field(name, model, "fields") != name:  # a path into it: it comes as a whole
            raise UsageError(
                f"fields: {name!r} is not the name of a field", hint=f"{name.split('[')[0].split('.')[0]!r}"
            )
    return names


def known_field(name: str, model: type[Record], argument: str) -> str:
    """The head of a canonical path, if the model has such a field."""
    head = name.partition("[")[0].partition(".")[0]
    if head not in model.model_fields and head not in (known := fields_of(model)):
        raise UsageError(f"{argument}: {model.__name__} has no field {head!r}", hint=suggest(head, known))
    return head


def fields_of(model: type[Record]) -> frozenset[str]:
    """The fields that records of a model can have: a task is an activity with fields of its own."""
    own = (fields_of(each) for each in model.__subclasses__() if each.model == model.model)
    return frozenset(model.model_fields).union(*own)


def limit_of(given: object) -> int | None:
    """How many records at most; ``None`` for all."""
    return None if given is None else number_of(given, "limit")


def number_of(given: object, name: str) -> int:
    """A number of records."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise UsageError(f"{name}: {_kind(given)} is not a number of records", hint=f"{name}=100")
    if given < 0:
        raise UsageError(f"{name}: {given} is not a number of records", hint=f"{name}=100")
    return given


def file_path(given: object, name: str) -> Path:
    """A file's path, as a path or as text."""
    if not isinstance(given, str | Path) or not str(given).strip():
        raise UsageError(f"{name}: a file's path is expected, not {_kind(given)}", hint=f"{name}=Path('…')")
    return Path(given)


def instant(given: object, name: str) -> datetime | None:
    """A point in time in UTC; ``None`` where none is given."""
    if given is None:
        return None
    if not isinstance(given, datetime):
        raise UsageError(
            f"{name}: a datetime with a time zone is expected, not {_kind(given)}",
            hint="datetime(2026, 1, 31, tzinfo=UTC)",
        )
    if given.tzinfo is None:
        raise UsageError(f"{name}: it names no time zone, so no instant", hint="datetime(…, tzinfo=UTC)")
    return given.astimezone(UTC)


def text_of(given: object, name: str) -> str:
    """A text that says something."""
    if not isinstance(given, str) or not given.strip():
        raise UsageError(f"{name}: a text is expected, not {_kind(given)}", hint=f"{name}='…'")
    return given


def body(given: object, name: str) -> None:
    """Demand the body of a message as it came."""
    if not isinstance(given, bytes):
        raise UsageError(
            f"{name}: the body as it came is expected, bytes and not {_kind(given)}",
            hint="await request.body() in Starlette and FastAPI, request.get_data() in Flask",
        )


def conditions_of(given: object, model: type[Record]) -> Mapping[str, object]:
    """Canonical paths with the values that they must have."""
    wanted = named(given, "where")
    for name in wanted:
        known_field(name, model, "where")
    return wanted


def named(given: object, name: str) -> Mapping[str, object]:
    """Values by name; none where nothing is given."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{name}: {_kind(given)} is not a table of fields", hint=f"{name}={{'name': 'Acme'}}"
        )
    return {text_of(each, name): value for each, value in cast("Mapping[object, object]", given).items()}


def _several(given: object, name: str) -> Sequence[object]:
    if isinstance(given, str | bytes | Mapping | Record) or not isinstance(given, Iterable):
        raise UsageError(
            f"{name}: a list is expected, not {_kind(cast('object', given))}", hint=f"{name}=[…]"
        )
    return list(cast("Collection[object]", given))


def _kind(given: object) -> str:
    """What was given, by its type: the value itself may be anything."""
    if given is None:
        return "None"
    if isinstance(given, str) and not given.strip():
        return "an empty text"
    return _article(given.__name__ if isinstance(given, type) else type(given).__name__)


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
