"""Arguments of tools, checked: a wrong one is told by its name and its bound, never by its value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from crmhub.agent.answers import Refused
from crmhub.agent.tool import Tool

__all__ = ["checked"]

_OWN_WORDS: Final = frozenset({"value_error", "assertion_error"})
_MOST: Final = 5


def checked(tool: Tool, given: Mapping[str, object]) -> BaseModel:
    """The tool's arguments. Raises :class:`Refused` that names each one that is wrong."""
    try:
        return tool.arguments.model_validate(dict(given))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)
    names = [info.alias or name for name, info in tool.arguments.model_fields.items()]
    said = [*dict.fromkeys(_told(each, names, given) for each in wrong)][:_MOST]
    hint = f"arguments: {', '.join(names)}" if names else "it takes no arguments"
    raise Refused("invalid_arguments", "; ".join(said), hint=hint)


def _told(error: ErrorDetails, names: list[str], given: Mapping[str, object]) -> str:
    place = error["loc"]
    head = str(place[0]) if place else ""
    if head and head not in names:
        return "an argument that it does not take"
    rest = [f"[{step}]" if isinstance(step, int) else "" for step in place[1:]]
    name = f"{head}{''.join(rest)}" or "arguments"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    kind = error["type"]
    if kind == "extra_forbidden":
        message = "holds what it does not take"
    elif kind in _OWN_WORDS and any(text in message for text in _texts(given)):
        message = "is not as described"
    return f"{name}: {message[:1].lower()}{message[1:]}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, object]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _texts(each)
