"""The arguments of a tool call, put where the tool's own schema wants them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from crmhub.connector import Native, Value
from crmhub.errors import Unsupported
from crmhub_zoho.tiers.mcp.table import ALIASES, canonical

__all__ = ["Tool", "arranged"]

_PATH, _QUERY, _HEADERS, _BODY = "path_variables", "query_params", "headers", "body"
_IN_PATH = {"module": "module", "id": "recordID", "related": "relatedList"}
_IN_HEADERS = {"since": "If-Modified-Since", "unless": "If-Unmodified-Since"}
_IN_QUERY = {"token": "page_token", "triggers": "wf_trigger"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the server lists it. ``fixed``: its name says the module, so that it need not be told.

    ``places`` are a person's word on where arguments go, ``values`` on what is always told.
    """

    name: str
    schema: Mapping[str, Value]
    fixed: bool = False
    places: Mapping[str, str] | None = None
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])


def arranged(tool: Tool, given: Mapping[str, Value], *, optional: Iterable[str] = ()) -> Native:
    """The arguments for ``given``, by our names; ``None`` values are left out.

    ``body`` is a whole call's body, of which a tool without nested arguments gets the first record.
    Raises :class:`~crmhub.errors.Unsupported` when the tool cannot be told one that is not ``optional``,
    demands one that we do not have, or a number cannot be told exactly.
    """
    arguments: Native = {}
    for name, value in tool.values.items():
        _put(arguments, tuple(name.split(".")), value)
    spare = {*optional, *(("module",) if tool.fixed else ())}
    for name, value in given.items():
        if value is None:
            continue
        place = _place(tool, name)
        if place is not None:
            _put(arguments, place, _exact(value, tool.name))
        elif name == "body" and (place := _place(tool, "record")) is not None:
            _put(arguments, place, _record(tool, value, place))
        elif name not in spare:
            raise Unsupported(
                f"the tool {tool.name} cannot be told {name}",
                hint="name another tool, or its argument, under tools in the settings",
            )
    _check_complete(tool, arguments)
    return arguments


def _place(tool: Tool, name: str) -> tuple[str, ...] | None:
    if tool.places and name in tool.places:
        return tuple(tool.places[name].split("."))
    properties = _properties(tool.schema)
    if not properties and "properties" not in tool.schema:
        return _usual(name)
    for section in (_PATH, _QUERY, _HEADERS):
        if section not in properties:
            continue
        inner = _object(properties[section])
        if "properties" not in inner:  # it takes anything
            usual = _usual(name)
            if usual is not None and usual[0] == section:
                return usual
        found = _named(_properties(inner), name)
        if found is not None:
            return (section, found)
    flat = _named(properties, name)
    return None if flat is None or (flat == _BODY) != (name == "body") else (flat,)


def _usual(name: str) -> tuple[str, ...] | None:
    """Where Zoho's own tools take it."""
    if name in _IN_PATH:
        return (_PATH, _IN_PATH[name])
    if name in _IN_HEADERS:
        return (_HEADERS, _IN_HEADERS[name])
    if name == "body":
        return (_BODY,)
    return None if name == "record" else (_QUERY, _IN_QUERY.get(name, name))


def _named(properties: Mapping[str, Value], name: str) -> str | None:
    known = {canonical(one): one for one in properties}
    return next((known[alias] for alias in ALIASES[name] if alias in known), None)


def _put(arguments: Native, place: tuple[str, ...], value: Value) -> None:
    *sections, last = place
    holder = arguments
    for section in sections:
        inner = holder.setdefault(section, {})
        if not isinstance(inner, dict):
            raise Unsupported(
                f"two arguments are to go to {'.'.join(place)}", hint="look at tools in the settings"
            )
        holder = inner
    holder[last] = value


def _record(tool: Tool, body: Value, place: tuple[str, ...]) -> Value:
    """The records of a call's body, as a list or as the only one."""
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not isinstance(body, dict) or set(body) - {"data"}:
        raise Unsupported(f"the tool {tool.name} takes a record and nothing beside it")
    spec = _object(_properties(tool.schema).get(place[0]))
    if spec.get("type") == "array":
        return _exact(rows, tool.name)
    if len(rows) != 1:
        raise Unsupported(f"the tool {tool.name} takes one record a call")
    return _exact(rows[0], tool.name)


def _exact(value: Value, tool: str) -> Value:
    """JSON that the MCP library can send: numbers with a fraction as floats, where none is changed by it."""
    if isinstance(value, Decimal):
        number: int | float = int(value) if value == value.to_integral_value() else float(value)
        if Decimal(repr(number)) != value:
            raise Unsupported(f"the tool {tool} cannot be told a number of so many digits exactly")
        return number
    if isinstance(value, dict):
        return {name: _exact(one, tool) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one, tool) for one in value]
    return value


def _check_complete(tool: Tool, arguments: Native) -> None:
    missing = [name for name in _required(tool.schema) if name not in arguments]
    for section in (_PATH, _QUERY):
        inner = arguments.get(section)
        if isinstance(inner, dict):
            wanted = _required(_object(_properties(tool.schema).get(section)))
            missing += [f"{section}.{name}" for name in wanted if name not in inner]
    if missing:
        raise Unsupported(
            f"the tool {tool.name} demands {', '.join(missing)}",
            hint="name its arguments under tools in the settings",
        )


def _required(schema: Mapping[str, Value]) -> list[str]:
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _properties(schema: Mapping[str, Value]) -> Mapping[str, Value]:
    return _object(schema.get("properties"))


def _object(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}
