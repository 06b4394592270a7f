"""Collecting the mistakes of a document, to tell them all at once: one line each, with its place."""

from __future__ import annotations

from collections.abc import Mapping

from crmhub.document import Document, Step, suggest
from crmhub.errors import ConfigError
from crmhub.native import Value

__all__ = ["Mistakes"]


class Mistakes:
    """The mistakes found so far in one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.lines: list[str] = []
        self._told: set[tuple[str, tuple[Step, ...], str]] = set()

    def add(self, path: tuple[Step, ...], what: str, mend: str = "") -> None:
        """Note what is wrong at ``path``, and how to mend it: a shape's mistake once, whatever is like it."""
        key, place = ".".join(str(step) for step in path), self.document.at(path)
        placed = next((end for end in range(len(path), 0, -1) if path[:end] in self.document.positions), 0)
        mistake = (place, path[placed:], what)
        if mistake not in self._told:
            self._told.add(mistake)
            self.lines.append(f"{place}: {key}: {what}{'; ' + mend if mend else ''}")

    def unknown(self, path: tuple[Step, ...], given: Mapping[str, Value], known: frozenset[str]) -> None:
        """Note every key that is not known, with a suggestion."""
        for key in given:
            if key not in known:
                self.add((*path, key), f"unknown key {key!r}", suggest(key, known))

    def text(self, path: tuple[Step, ...], value: Value) -> str:
        """The value at ``path``, which must be a text."""
        if not isinstance(value, str):
            self.add(path, "a text is expected")
        return str(value)

    def fail(self, kind: type[ConfigError] = ConfigError) -> None:
        """Raise ``kind`` if there is any mistake."""
        if self.lines:
            raise kind("\n".join(self.lines))
