"""What of a call may stand in the audit: values of a known vocabulary; marks in the place of all others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from crmhub.agent.audit.pseudonyms import Pseudonyms
from crmhub.agent.tool import Toolbox
from crmhub.models import Account, Call, Contact, Deal, EmailMessage, Meeting, Note, Record, Task, User
from crmhub.native import Native

__all__ = ["Redaction", "scrubbed"]

_IN_CLEAR: Final = frozenset(
    {
        "connection", "crmType", "days", "detail", "direction", "due_at", "due_date", "fields", "from",
        "kind", "limit", "max_results", "model", "models", "module", "modified_since", "operation",
        "order", "quarter", "since", "sort", "status", "status_filter", "to", "type", "until",
    }
)  # fmt: skip
"""Arguments whose values tell nothing of a person: numbers, days, and words that everybody knows."""
_MODELS: Final[tuple[type[Record], ...]] = (
    Account, Contact, Deal, User, Task, Meeting, Call, Note, EmailMessage,
)  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?)?")
_HEX: Final = re.compile(r"[0-9a-f-]{1,64}")
_ID: Final = re.compile(r"[A-Za-z0-9_.:/=-]{1,100}")
_RULE: Final = re.compile(r"[\w.-]{1,64}@[0-9a-f]{16}(:[a-z_]{1,64})?")
_TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_DEEPEST, _MOST = 4, 50
_METHODS: Final = frozenset(
    f"mcp:{method}"
    for method in (
        "completion/complete", "initialize", "logging/setLevel", "ping", "prompts/get", "prompts/list",
        "resources/list", "resources/read", "resources/subscribe", "resources/templates/list",
        "resources/unsubscribe", "server/discover", "subscriptions/listen", "tasks/get", "tasks/list",
        "tools/call", "tools/list",
    )
)  # fmt: skip
"""Requests of the protocol that reach no tool, as servers call them."""

# The last net, for texts that should not hold any of it. Every repeat has an end, so that none is slow.
_PATTERNS: Final = (
    ("email", re.compile(r"[\w.%+-]{1,64}@[\w.-]{1,255}")),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("card", re.compile(r"(?<![\w-])\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}(?![\w-])")),
    ("phone", re.compile(r"(?<![\w:-])(?:\+|00)?\(?\d[\d\s()./-]{5,18}\d(?![\w-])")),
)


def scrubbed(text: str) -> str:
    """The text with e-mail addresses, phone numbers, IBANs and card numbers hidden."""
    for name, pattern in _PATTERNS:
        text = pattern.sub(f"[{name}]", text)
    return text


class Redaction:
    """Knows the words that may stand in the audit: of the tools, the models and the configuration."""

    def __init__(self, pseudonyms: Pseudonyms, toolbox: Toolbox, names: Iterable[str] = ()) -> None:
        self._pseudonyms = pseudonyms
        self._tools = frozenset(toolbox.tools)
        self._names = frozenset(names)
        schemas = [tool.input_schema for tool in toolbox.tools.values()]
        fields = {field for model in _MODELS for field in model.model_fields}
        self._keys = fields | {key for schema in schemas for key in _keys(schema)}
        words = {word for schema in schemas for word in _words(schema)}
        self._words = fields | words | {model.model for model in _MODELS} | self._names

    def arguments(self, given: Mapping[str, object]) -> Mapping[str, object]:
        """The arguments as they may be kept: names that are known, values in clear or as marks."""
        return self._table(given, _DEEPEST, clear=False)

    def digest(self, given: Mapping[str, object]) -> str:
        """A mark of all arguments together: equal ones are seen to be equal."""
        return self._pseudonyms.of(json.dumps(given, sort_keys=True, default=str), "arguments")

    def tool(self, name: str) -> str:
        """The tool's name, or the method's, if there is one of that name; an agent can say anything."""
        known = not name or name in self._tools or name in _METHODS
        return name if known else self._pseudonyms.of(name, "tool")

    def name(self, text: str | None) -> str | None:
        """The name of an agent or a client: as it is where the configuration has it."""
        return text if text is None or text in self._names else self._pseudonyms.of(text)

    def person(self, text: str | None) -> str | None:
        """Who a call is made for: a mark in any case."""
        return None if text is None else self._pseudonyms.of(text)

    def id(self, text: str | None) -> str | None:
        """The id of a request or a session: as it is where it is a number, hexadecimal or a UUID."""
        if text is None or (_HEX.fullmatch(text) and scrubbed(text) == text):
            return text
        return self._pseudonyms.of(text, "id")

    def record(self, id: str) -> str:
        """A record's typed id: as it is, unless the CRM's own part of it looks like anything but an id."""
        place, own = id[: len(id) - len(id.split(":", 2)[-1])], id.split(":", 2)[-1]
        return id if _ID.fullmatch(own) else f"{place}{self._pseudonyms.of(own)}"

    def rule(self, text: str) -> str:
        """Which rule decided: a policy's name and version, which look like an address, and a code."""
        return text if _RULE.fullmatch(text) else scrubbed(text)

    def trace(self, text: str | None) -> str | None:
        """W3C trace context; anything else is dropped."""
        return text if text and _TRACE.fullmatch(text) else None

    def _table(self, given: Mapping[str, object], deep: int, *, clear: bool) -> dict[str, object]:
        told: dict[str, object] = {}
        unknown = 0
        for key, value in given.items():
            if key not in self._keys or len(told) == _MOST:
                unknown += 1
            else:
                told[key] = self._value(value, deep, clear=key in _IN_CLEAR or clear)
        return {**told, "others": unknown} if unknown else told

    def _value(self, value: object, deep: int, *, clear: bool) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            known = clear and (value in self._words or _DAY.fullmatch(value))
            return value if known else self._pseudonyms.of(value)
        if deep and isinstance(value, Mapping):
            return self._table(cast("Mapping[str, object]", value), deep - 1, clear=clear)
        if deep and isinstance(value, list):
            several = cast("list[object]", value)
            told = [self._value(each, deep - 1, clear=clear) for each in several[:_MOST]]
            return told if len(several) <= _MOST else [*told, {"others": len(several) - _MOST}]
        if clear and isinstance(value, int) and abs(value) < 1_000_000:
            return value
        return self._pseudonyms.of(json.dumps(value, sort_keys=True, default=str), "value")


def _keys(schema: Native) -> Iterator[str]:
    """The names of the properties of a JSON Schema, at every depth."""
    for key, part in schema.items():
        if key in {"properties", "$defs"} and isinstance(part, dict):
            if key == "properties":
                yield from part
            for each in part.values():
                if isinstance(each, dict):
                    yield from _keys(each)
        else:
            for each in part if isinstance(part, list) else [part]:
                if isinstance(each, dict):
                    yield from _keys(each)


def _words(schema: Native) -> Iterator[str]:
    """The texts that a JSON Schema allows by name."""
    for key, part in schema.items():
        several = part if isinstance(part, list) else [part]
        if key in {"enum", "const"}:
            yield from (each for each in several if isinstance(each, str))
        for each in several:
            if isinstance(each, dict):
                yield from _words(each)
