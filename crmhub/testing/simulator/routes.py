"""A small table of routes: method and path pattern to handler."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Found:
    """What a path leads to: the pattern, its parameters and the handlers by method."""

    pattern: str
    params: dict[str, str]
    handlers: dict[str, Handler]


@dataclass
class _Route:
    pattern: str
    regex: re.Pattern[str]
    handlers: dict[str, Handler]


class Routes:
    """Routes are tried in the order of their addition; `{name}` in a pattern stands for one path segment.

    A trailing slash is ignored. `ignore_case` makes the fixed parts of patterns match in any case.
    """

    def __init__(self, *, ignore_case: bool = False) -> None:
        self._flags = re.IGNORECASE if ignore_case else 0
        self._routes: list[_Route] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Let `handler` answer `method` calls to paths like `pattern`."""
        known = next((route for route in self._routes if route.pattern == pattern), None)
        if known is None:
            text = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(pattern.rstrip("/")))
            known = _Route(pattern, re.compile(f"{text}/?", self._flags), {})
            self._routes.append(known)
        known.handlers[method] = handler

    def find(self, path: str) -> Found | None:
        """The first route whose pattern fits `path`."""
        for route in self._routes:
            match = route.regex.fullmatch(path)
            if match is not None:
                return Found(route.pattern, match.groupdict(), route.handlers)
        return None
