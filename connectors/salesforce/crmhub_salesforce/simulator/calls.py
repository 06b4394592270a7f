"""One call to the REST API and its reply, free of the web server, so that composite requests can be made of
calls.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qsl, unquote

import msgspec

from crmhub.testing.simulator.jsons import load_json
from crmhub_salesforce.simulator.errors import ApiError

VERSIONS = range(31, 69)
"""Versions that answer. 21 to 30 are retired, so that asking for them is 410."""

RETIRED = range(21, 31)

_MISSING = object()


@dataclass(frozen=True)
class Call:
    """A call: raw path, query pairs, header names in lower case, and a body (as bytes, or as JSON).

    `base_url` is where the caller found the org.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    value: object = _MISSING
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str = ""
    base_url: str = ""

    def one(self, name: str) -> str | None:
        """The first query parameter of that name."""
        return next((value for key, value in self.query if key == name), None)

    def flag(self, name: str) -> bool:
        """Whether a query parameter says true."""
        return (self.one(name) or "").lower() == "true"

    def json(self) -> object:
        """The body as JSON; raises ApiError (415, JSON_PARSER_ERROR)."""
        if self.value is not _MISSING:
            return self.value
        media = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media != "application/json":
            message = f"Content type '{media}' is not supported; use application/json"
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
        try:
            return load_json(self.body)
        except msgspec.DecodeError as problem:
            raise ApiError("JSON_PARSER_ERROR", f"{problem} [{_place(self.body, str(problem))}]") from None

    def object(self) -> Mapping[str, object]:
        """The body as a JSON object; raises ApiError."""
        found = self.json()
        if not isinstance(found, Mapping):
            kind = "START_ARRAY" if isinstance(found, list) else "VALUE"
            message = f"Cannot deserialize instance of object from {kind} value at [line:1, column:1]"
            raise ApiError("JSON_PARSER_ERROR", message)
        return cast("Mapping[str, object]", found)

    def locate(self, key: str) -> str:
        """Where the value of a key stands in the body, as `line:1, column:2`."""
        match = re.search(rb'"' + re.escape(key.encode()) + rb'"\s*:\s*', self.body, re.IGNORECASE)
        return _at(self.body, match.end() if match else 0)


def _place(body: bytes, problem: str) -> str:
    match = re.search(r"byte (\d+)", problem)
    return _at(body, int(match[1]) if match else len(body))


def _at(body: bytes, offset: int) -> str:
    line = body.count(b"\n", 0, offset) + 1
    column = offset - body.rfind(b"\n", 0, offset)
    return f"line:{line}, column:{column}"


@dataclass(frozen=True)
class Reply:
    """A reply; `body` None sends none."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Handler = Callable[[Call], Reply]


def parse_target(target: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A path with a query string, apart."""
    path, _, query = target.partition("?")
    return path, tuple(parse_qsl(query, keep_blank_values=True))


@dataclass(frozen=True)
class _Route:
    pattern: str
    segments: tuple[str, ...]
    handlers: dict[str, Handler]


class Router:
    """Paths below `/services/data/vXX.0`: fixed parts in any case, `{name}` one segment (decoded after
    splitting).
    """

    def __init__(self) -> None:
        self._routes: list[_Route] = []

    def add(self, pattern: str, **handlers: Handler) -> None:
        """Let `handlers` (by method) answer calls to paths like `pattern`; earlier routes win."""
        self._routes.append(_Route(pattern, tuple(pattern.strip("/").split("/")), handlers))

    def find(self, path: str) -> tuple[str, dict[str, str], dict[str, Handler]] | None:
        """The pattern, parameters and handlers for a raw path, or None."""
        segments = path.strip("/").split("/")
        for route in self._routes:
            if len(route.segments) == len(segments):
                params = _fit(route.segments, segments)
                if params is not None:
                    return route.pattern, params, route.handlers
        return None


def _fit(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for wanted, found in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            params[wanted[1:-1]] = unquote(found)
        elif wanted.lower() != found.lower():
            return None
    return params
