"""Canonical paths: ``name``, ``owner``, ``phones[role=mobile].raw``, ``custom.year``.

A path names one value of a model. Its :data:`Kind` comes from the model's annotations, so that a
rule can be checked against the model before any record is read.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from crmhub.document import suggest
from crmhub.mapping.codecs.base import Kind
from crmhub.models import Money, Record, Ref, Unknown, UserRef

__all__ = ["Path", "PathError", "PathForms", "kind_of", "parse_path", "path_forms"]

_PATH = re.compile(
    r"(?P<head>[a-z_][a-z0-9_]*)(\[(?P<by>[a-z_]+)=(?P<is>[A-Za-z0-9_ -]+)\])?(\.(?P<leaf>[a-z_][a-z0-9_]*))?"
)


class PathError(ValueError):
    """A path that is malformed or that its model does not have; the message suggests a mend."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path: a field, optionally an element of its list (``select``), optionally a leaf in it."""

    text: str
    head: str
    select: tuple[str, str] | None = None
    leaf: str | None = None


def parse_path(text: str) -> Path:
    """The parsed path. Raises :class:`PathError`."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise PathError("not a path: write it as name, owner, phones[role=mobile].raw or custom.key")
    by = match["by"]
    return Path(text, match["head"], (by, match["is"]) if by else None, match["leaf"])


def kind_of(model: type[Record], path: Path) -> Kind:
    """The kind of the value at ``path``. Raises :class:`PathError` when the model has no such place."""
    hint = _field(model, path.head, path.text)
    if path.head == "custom":
        if path.leaf is None:
            raise PathError("name the custom field, as in custom.year")
        return "json"
    inner, listed = _unwrap(hint)
    if not listed and path.select:
        raise PathError(f"{path.head} is not a list, so it takes no [{path.select[0]}=…]")
    if listed and _is_part(inner):
        if path.select is None or path.leaf is None:
            raise PathError(f"{path.head} is a list: write it as {path.head}[role=…].<field>")
        part = cast("type[BaseModel]", inner)
        _field(part, path.select[0], path.text)
        return _kind(_unwrap(_field(part, path.leaf, path.text))[0], listed=False)
    if path.leaf is None:
        return _kind(inner, listed=listed)
    if not _is_part(inner):
        raise PathError(f"{path.head} is a single value, so it has no .{path.leaf}")
    leaf = _field(cast("type[BaseModel]", inner), path.leaf, path.text)
    return _kind(_unwrap(leaf)[0], listed=False)


@dataclass(frozen=True, slots=True)
class PathForms:
    """What paths can name at one field of a model."""

    head: str
    kind: Kind | None
    """The kind of the field as a whole; ``None`` where only its parts have names."""
    leaves: Mapping[str, Kind]
    """The kinds of its parts, or of those of its elements."""
    listed: bool
    """Whether its parts are those of an element, so that a path must say which."""


def path_forms(model: type[Record]) -> Iterator[PathForms]:
    """All that paths of the model can name, less its custom fields."""
    for head in model.model_fields:
        if head == "custom":
            continue
        inner, listed = _unwrap(_hints(model)[head])
        if not _is_part(inner):
            yield PathForms(head, _kind(inner, listed=listed), {}, listed=False)
            continue
        part = cast("type[BaseModel]", inner)
        leaves: dict[str, Kind] = {
            leaf: _kind(_unwrap(_hints(part)[leaf])[0], listed=False) for leaf in part.model_fields
        }
        yield PathForms(head, None if listed else _kind(inner, listed=False), leaves, listed)


def _field(model: type[BaseModel], name: str, text: str) -> object:
    if name not in model.model_fields:
        raise PathError(
            f"{model.__name__} has no field {name!r} (in {text!r}); {suggest(name, model.model_fields)}"
        )
    return _hints(model)[name]


@cache
def _hints(model: type[BaseModel]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", get_type_hints(model, include_extras=True))


def _is_part(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel) and not issubclass(hint, Ref | UserRef)


def _unwrap(hint: object) -> tuple[object, bool]:
    """The annotation without ``None``; whether it is a list; and the list's element."""
    if get_origin(hint) in {Union, types.UnionType}:
        parts = [part for part in get_args(hint) if part is not type(None) and part is not Unknown]
        hint = parts[0] if parts else hint
    if get_origin(hint) is list:
        return get_args(hint)[0], True
    return hint, False


_PLAIN: tuple[tuple[type, Kind], ...] = (
    (bool, "bool"),
    (int, "int"),
    (Decimal, "decimal"),
    (datetime, "datetime"),
    (date, "date"),
    (timedelta, "duration"),
    (Money, "money"),
    (Enum, "enum"),
    (str, "text"),
    (UserRef, "user"),
    (Ref, "ref"),
)


def _kind(hint: object, *, listed: bool) -> Kind:
    if listed:
        return "texts"
    origin = get_origin(hint)
    if origin is Literal:
        return "enum"
    if origin is Annotated:
        base, *marks = cast("tuple[object, ...]", get_args(hint))
        return "ratio" if base is Decimal and marks else _kind(base, listed=False)
    if origin is not None and getattr(origin, "__name__", "") == "Open":
        return "enum"
    if isinstance(hint, type):
        for known, kind in _PLAIN:
            if issubclass(hint, known):
                return kind
    return "json"
