"""Placeholders: ``${name}`` is all that there is, no conditions and no arithmetic.

A text that is only a placeholder becomes the value itself, whatever its type. Where a value is absent, the
whole text is, and with it the entry of a table or list that it stood in. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from crmhub.errors import BadRequest, ConfigError
from crmhub.http import quote
from crmhub.native import Value
from crmhub_rest.language.path import ABSENT, Maybe
from crmhub_rest.language.word import Word

__all__ = ["PathTemplate", "Scope", "Template", "written"]

Scope: TypeAlias = Mapping[str, Value]
"""The values that placeholders stand for, by name; a name that is not there is absent."""

_PIECE = re.compile(r"\$\{([^}]*)\}|\$\$|\$(?!\{)")
_LITERAL = re.compile(
    r"/((?!\.{1,2}(/|$))([A-Za-z0-9._~!$&'()*+,;=:@-]|%(?!2[eEfF]|5[cC])[0-9A-Fa-f]{2})+(/|$))*"
)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_]+)*")


class Template:
    """JSON in which texts can hold placeholders."""

    __slots__ = ("_made", "names", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self._made = _compile(value)
        self.names = frozenset(_names(self._made))

    def __repr__(self) -> str:
        return f"Template({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.value == self.value

    def __hash__(self) -> int:
        return hash(repr(self.value))

    def fill(self, scope: Scope) -> Maybe:
        """The value with its placeholders filled; :data:`ABSENT` when nothing of it is left."""
        return _fill(self._made, scope)

    def filled(self, scope: Scope) -> dict[str, Value]:
        """The same for a table, which is empty when nothing is left."""
        found = _fill(self._made, scope)
        return found if isinstance(found, dict) else {}

    def text(self, scope: Scope) -> str | None:
        """The same for a text; ``None`` when it is absent."""
        found = _fill(self._made, scope)
        return None if found is ABSENT or found is None else written(found)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.any_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.value),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": ["string", "number", "boolean", "object", "array", "null"]}


class PathTemplate(Word):
    """A URL path below the base URL, each placeholder one segment of it."""

    __slots__ = ("_parts", "names")

    form = r"^/[^?#]*$"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.startswith("/") or "?" in text or "#" in text:
            raise ValueError("a path begins with / and has no ?; write parameters under query")
        self._parts = _pieces(text)
        if not _LITERAL.fullmatch("".join("x" if isinstance(part, _Name) else part for part in self._parts)):
            raise ValueError("a path has plain segments, and no dots alone: percent-encode what is not ASCII")
        self.names = frozenset(part.name for part in self._parts if isinstance(part, _Name))

    def fill(self, scope: Scope) -> str:
        """The path; raises ``BadRequest`` for a value that cannot be one segment of it, or is absent."""
        parts: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            value = part.value(scope)
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise BadRequest(f"{part.name} has no value that could be part of a URL")
            parts.append(quote(value, name=part.name))
        return "".join(parts)


class _Name:
    """A placeholder."""

    __slots__ = ("first", "name", "rest")

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"${{{name}}} is no placeholder: a name in lower case is expected")
        self.name = name
        self.first, *rest = name.split(".")
        self.rest = tuple(rest)

    def value(self, scope: Scope) -> Maybe:
        if self.first not in scope:
            return ABSENT
        value = scope[self.first]
        for step in self.rest:
            if not isinstance(value, dict) or step not in value:
                return ABSENT
            value = value[step]
        return value


_Made: TypeAlias = "Value | _Name | tuple[str | _Name, ...] | list[_Made] | dict[str, _Made]"


def _compile(value: Value) -> _Made:
    if isinstance(value, dict):
        return {name: _compile(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_compile(part) for part in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    pieces = _pieces(value)
    if len(pieces) == 1:
        return pieces[0]
    return pieces


def _pieces(text: str) -> tuple[str | _Name, ...]:
    pieces: list[str | _Name] = []
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        end = match.end()
        pieces.append("$" if match[1] is None else _Name(match[1]))
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def _fill(made: _Made, scope: Scope) -> Maybe:
    if isinstance(made, _Name):
        return made.value(scope)
    if isinstance(made, tuple):
        values = [part if isinstance(part, str) else part.value(scope) for part in made]
        if any(value is ABSENT or value is None for value in values):
            return ABSENT
        return "".join(written(value) for value in values if value is not ABSENT)
    if isinstance(made, dict):
        filled = {name: _fill(part, scope) for name, part in made.items()}
        kept = {name: value for name, value in filled.items() if value is not ABSENT}
        return ABSENT if made and not kept else kept
    if isinstance(made, list):
        items = [_fill(part, scope) for part in made]
        present = [item for item in items if item is not ABSENT]
        return ABSENT if made and not present else present
    return made


def _names(made: _Made) -> Iterator[str]:
    if isinstance(made, _Name):
        yield made.name
    elif isinstance(made, dict):
        for part in made.values():
            yield from _names(part)
    elif isinstance(made, list | tuple):
        for part in made:
            yield from _names(part)


def written(value: Value) -> str:
    """A value inside of a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(written(item) for item in value)
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise ConfigError("a table cannot stand inside of a text", hint="let the placeholder stand alone")
