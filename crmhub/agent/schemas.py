"""JSON Schemas of tools: of arguments, whole, and of answers, as small as they can be.

Every client reads them before its first question, and a model pays for each word of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pydantic import BaseModel

from crmhub.native import Native, Value

__all__ = ["answer_schema", "arguments_schema", "is_bounded", "untitled"]

_NAMES: Final = frozenset({"properties", "$defs"})
"""Keys below which keys are names."""
_SPARED: Final = frozenset({"title", "default", "additionalProperties", "maxItems", "required"})
_TOLD_ONCE: Final = frozenset({"DateOut", "MoneyOut", "RefOut", "Source", "Text", "TimeOut"})
"""Parts that are alike in all answers: the server's instructions say what they are."""
_COMMON: Final = frozenset({"next_cursor", "sources", "status", "total", "truncated"})
_PAGES: Final = frozenset({"next_cursor", "total", "truncated"})
"""Of answers that can go on."""


def arguments_schema(model: type[BaseModel]) -> Native:
    """The schema of arguments: described, bounded, nothing else taken."""
    shape = cast("Native", untitled(cast("Value", model.model_json_schema(mode="validation"))))
    shape.pop("description", None)  # of the class: nothing about any argument
    return cast("Native", _shorter(shape))


def answer_schema(model: type[BaseModel]) -> Native:
    """The schema of an answer. What is ``None`` is not sent: it may be missing, and is not null."""
    shape = cast("Native", untitled(cast("Value", model.model_json_schema(mode="serialization"))))
    small = cast("Native", _small(shape))
    small.pop("description", None)
    definitions = cast("dict[str, Native]", small.pop("$defs", {}))
    for part in definitions.values():
        part.pop("description", None)
    properties = cast("dict[str, Native]", small.get("properties", {}))
    for name in _COMMON & properties.keys():
        properties[name].pop("description", None)
    if getattr(model, "listed", None) is None:
        for name in _PAGES & properties.keys():
            del properties[name]
    used = {name: part for name, part in definitions.items() if name not in _TOLD_ONCE}
    return {**small, "$defs": cast("Value", used)} if used else small


def _shorter(shape: Value, *, names: bool = False) -> Value:
    """The same with "a text or null" as one type, and without defaults that are null."""
    if isinstance(shape, list):
        return [_shorter(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    if names:
        return {name: _shorter(part) for name, part in shape.items()}
    inner = _not_null(shape)
    if inner is not None and isinstance(inner.get("type"), str) and "enum" not in inner:
        shape = {**inner, **_without(shape, "anyOf"), "type": [inner["type"], "null"]}
    if shape.get("default", 0) is None:
        shape = _without(shape, "default")
    return {key: _shorter(value, names=key in _NAMES) for key, value in shape.items()}


def _small(shape: Value, *, names: bool = False) -> Value:
    if isinstance(shape, list):
        return [_small(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    if names:
        return {name: _small(part) for name, part in shape.items()}
    inner = _not_null(shape)
    if inner is not None:
        shape = {**inner, **_without(shape, "anyOf")}
    if str(shape.get("$ref", "")).rpartition("/")[2] in _TOLD_ONCE:
        shape = {**_without(shape, "$ref"), "type": "object"}
    return {key: _small(value, names=key in _NAMES) for key, value in shape.items() if key not in _SPARED}


def _not_null(shape: Native) -> Native | None:
    """What the shape is when it is not null, where that is one thing."""
    several = cast("Sequence[Native]", shape.get("anyOf", []))
    rest = [each for each in several if each != {"type": "null"}]
    return rest[0] if len(rest) == 1 < len(several) else None


def _without(table: Native, name: str) -> Native:
    return {key: value for key, value in table.items() if key != name}


def untitled(shape: Value, *, names: bool = False) -> Value:
    """The schema without the titles that pydantic makes up; of ``names``, one may be called that."""
    if isinstance(shape, list):
        return [untitled(each) for each in shape]
    if isinstance(shape, str):
        return shape.replace("``", "`")
    if not isinstance(shape, dict):
        return shape
    return {
        key: untitled(value, names=not names and key in _NAMES)
        for key, value in shape.items()
        if names or key != "title"
    }


def is_bounded(shape: Native, definitions: Mapping[str, Native]) -> bool:
    """Whether the values of a shape have an end. ``definitions``: its ``$defs``."""
    if "$ref" in shape:
        return is_bounded(definitions[str(shape["$ref"]).rpartition("/")[2]], definitions)
    if "enum" in shape or "const" in shape:
        return True
    if "anyOf" in shape:
        several = cast("Sequence[Native]", shape["anyOf"])
        return all(is_bounded(each, definitions) for each in several)
    kind = shape.get("type")
    if isinstance(kind, list):
        return all(is_bounded({**shape, "type": one}, definitions) for one in kind)
    if kind == "string":
        return "maxLength" in shape or shape.get("format") in {"date", "date-time"}
    if kind in {"integer", "number"}:
        return bool({"maximum", "exclusiveMaximum"} & shape.keys())
    if kind == "array":
        return "maxItems" in shape and is_bounded(cast("Native", shape.get("items", {})), definitions)
    if kind == "object":
        others = shape.get("additionalProperties")
        if isinstance(others, dict):
            return "maxProperties" in shape and is_bounded(others, definitions)
        inner = cast("Mapping[str, Native]", shape.get("properties", {}))
        return all(is_bounded(each, definitions) for each in inner.values())
    return kind in {"boolean", "null"}
