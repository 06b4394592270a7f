"""Arguments of a tool call: checked, and put where the tool's own schema wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, Unsupported
from crmhub_salesforce.tiers.table import ALIASES, OPERATIONS, canonical

__all__ = ["MOST", "Tool", "arranged", "check"]

MOST = 2_000
"""Records that a tool is asked for at most; as many as a page of a query has."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the server lists it; ``places`` are a person's word on where arguments go, ``values`` on what
    is always told.
    """

    name: str
    schema: Mapping[str, Value]
    places: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])


def check(operation: str, given: Mapping[str, Value]) -> None:
    """Raise ``BadRequest`` for an operation, an argument or a value that there cannot be."""
    known = OPERATIONS.get(operation)
    if known is None:
        raise BadRequest(f"there is no operation {operation!r}", hint=f"one of {', '.join(OPERATIONS)}")
    for name in known.needs:
        if name not in given:
            raise BadRequest(f"{operation} needs {name}")
    for name, value in given.items():
        if name not in known.takes:
            raise BadRequest(
                f"{operation} takes no {name}", hint=f"it takes {', '.join(known.takes) or 'none'}"
            )
        if name == "limit":
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
                raise BadRequest(f"the limit of {operation} is a whole number from 1 to {MOST}")
        elif not isinstance(value, str) or not value.strip():
            raise BadRequest(f"{name} of {operation} is text, and not empty")


def arranged(tool: Tool, given: Mapping[str, Value], *, optional: tuple[str, ...] = ()) -> Native:
    """The arguments by the tool's names; raises ``Unsupported`` for one that it cannot be told, unless
    ``optional``, and where it demands one that we do not have.
    """
    properties = _object(tool.schema.get("properties"))
    by_name = {canonical(name): name for name in properties}
    arguments: Native = {}
    for name, value in tool.values.items():
        _put(tool, arguments, name.split("."), value)
    for name, value in given.items():
        place = tool.places.get(name)
        if place is None and not properties and "properties" not in tool.schema:
            place = name
        if place is None:
            place = next((by_name[one] for one in map(canonical, ALIASES[name]) if one in by_name), None)
        if place is not None:
            _put(tool, arguments, place.split("."), value)
        elif name not in optional:
            raise _cannot(tool, f"cannot be told {name}")
    needed = tool.schema.get("required")
    missing = [one for one in needed if one not in arguments] if isinstance(needed, list) else []
    if missing:
        raise _cannot(tool, f"demands {', '.join(map(str, missing))}")
    return arguments


def _put(tool: Tool, arguments: Native, place: list[str], value: Value) -> None:
    *sections, last = place
    for section in sections:
        inner = arguments.setdefault(section, {})
        if not isinstance(inner, dict):
            raise _cannot(tool, f"has two arguments at {section}")
        arguments = inner
    arguments[last] = value


def _cannot(tool: Tool, why: str) -> Unsupported:
    return Unsupported(
        f"the tool {tool.name} {why}",
        hint="name another tool, or its argument, under tools in the settings",
    )


def _object(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}
