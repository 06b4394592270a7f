"""A small table of routes: method and path pattern to a target."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a path leads to: the pattern, its parameters and the targets by method."""

    pattern: str
    params: dict[str, str]
    targets: dict[str, T]


@dataclass
class _Route(Generic[T]):
    pattern: str
    regex: re.Pattern[str]
    targets: dict[str, T]


class Routes(Generic[T]):
    """Method and path to a target of the double's own kind (a handler, an endpoint).

    Routes are tried in the order of their addition; `{name}` in a pattern stands for one path segment.

    A trailing slash is ignored. `ignore_case` makes the fixed parts of patterns match in any case.
    """

    def __init__(self, *, ignore_case: bool = False) -> None:
        self._flags = re.IGNORECASE if ignore_case else 0
        self._routes: list[_Route[T]] = []

    def add(self, method: str, pattern: str, target: T) -> None:
        """Let `target` answer `method` calls to paths like `pattern`."""
        known = next((route for route in self._routes if route.pattern == pattern), None)
        if known is None:
            text = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(pattern.rstrip("/")))
            known = _Route[T](pattern, re.compile(f"{text}/?", self._flags), {})
            self._routes.append(known)
        known.targets[method] = target

    def find(self, path: str) -> Found[T] | None:
        """The first route whose pattern fits `path`."""
        for route in self._routes:
            match = route.regex.fullmatch(path)
            if match is not None:
                return Found(route.pattern, match.groupdict(), route.targets)
        return None
