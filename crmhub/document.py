"""YAML documents that remember where everything stands.

A :class:`Document` is plain data plus the line and column of every key and value, so that any
complaint can say ``file:line:col``. YAML 1.2 (``no`` and ``on`` are words, ``01`` is text). Aliases,
tags, duplicate keys, great depth and great size are refused: a document cannot blow up.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from crmhub.errors import ConfigError
from crmhub.native import Value

__all__ = ["Document", "Step", "suggest", "text_of"]

Step: TypeAlias = str | int
_MOST_BYTES = 1_000_000
_DEEPEST = 40
_CORE = ("str", "int", "float", "bool", "null", "timestamp")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _CORE)
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip


def suggest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` where one of ``known`` is near, else the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names and len(names) <= 60 else ""


def text_of(path: Path) -> str:
    """The text of a file of ours. Raises :class:`ConfigError` naming it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", hint="check the path and the working folder") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path}: larger than {_MOST_BYTES:,} bytes", hint="split the file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})", hint="save it as UTF-8") from None


@dataclass(frozen=True)
class Document:
    """A loaded document: ``data``, and the position of each path into it."""

    name: str
    data: Value
    positions: Mapping[tuple[Step, ...], tuple[str, int, int]] = field(
        default_factory=dict[tuple[Step, ...], tuple[str, int, int]], repr=False
    )

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read a file. Raises :class:`ConfigError` naming the file, the line and what to do."""
        return cls.parse(text_of(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Document:
        """Read a text; ``name`` stands for the file in messages."""
        yaml = YAML(typ="rt", pure=True)
        yaml.max_depth = _DEEPEST + 1  # the document itself is a level to it
        try:
            node = cast("_Node | None", yaml.compose(text))  # pyright: ignore[reportUnknownMemberType]
        except MarkedYAMLError as error:
            mark = cast("_Mark | None", error.problem_mark or error.context_mark)
            at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
            if isinstance(error, MaxDepthExceededError):
                raise ConfigError(f"{at}: nested deeper than {_DEEPEST} levels") from None
            problem = cast("str | None", error.problem or error.context)
            raise ConfigError(f"{at}: not YAML: {problem}") from None
        except YAMLError as error:
            raise ConfigError(f"{name}: not YAML: {type(error).__name__}") from None
        builder = _Builder(name, {})
        return cls(name, None if node is None else builder.build(node), builder.positions)

    def at(self, path: tuple[Step, ...] = ()) -> str:
        """``file:line:col`` of the nearest thing on the way to ``path`` that has a place."""
        while path and path not in self.positions:
            path = path[:-1]
        name, line, column = self.positions.get(path, (self.name, 0, 0))
        return f"{name}:{line + 1}:{column + 1}"

    def part(self, path: tuple[Step, ...]) -> Value:
        """The data at ``path``; ``None`` where there is nothing."""
        data = self.data
        for step in path:
            if isinstance(data, dict) and isinstance(step, str):
                data = data.get(step)
            elif isinstance(data, list) and isinstance(step, int) and step < len(data):
                data = data[step]
            else:
                return None
        return data

    def replaced(self, path: tuple[Step, ...], other: Document, source: tuple[Step, ...]) -> Document:
        """This document with what ``other`` holds at ``source`` put at ``path``, positions included."""
        data = _with(self.data, path, deepcopy(other.part(source)))
        moved = {
            (*path, *held[len(source) :]): place
            for held, place in other.positions.items()
            if held[: len(source)] == source
        }
        return Document(self.name, data, {**self.positions, **moved})


def _with(data: Value, path: tuple[Step, ...], value: Value) -> Value:
    """A copy of ``data`` with ``value`` at ``path``; tables on the way are made, lists are not."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = data if isinstance(data, list) else []
        return [_with(item, rest, value) if i == step else item for i, item in enumerate(items)]
    table = data if isinstance(data, dict) else {}
    return {**table, step: _with(table.get(step), rest, value)}


class _Mark(Protocol):
    line: int
    column: int


class _Node(Protocol):
    """What is used of ruamel.yaml's nodes, which carry no types of their own."""

    id: Literal["scalar", "sequence", "mapping"]
    tag: str | None
    anchor: str | None
    style: str | None
    value: object
    start_mark: _Mark


@dataclass(frozen=True, slots=True)
class _Builder:
    name: str
    positions: dict[tuple[Step, ...], tuple[str, int, int]]

    def build(self, node: _Node, path: tuple[Step, ...] = ()) -> Value:
        self.positions.setdefault(path, self.place(node))
        if node.anchor:
            raise self.error(node, "anchors (&name) and aliases (*name) are not allowed", "write it out")
        if node.id == "scalar":
            return self.scalar(node)
        if node.id == "sequence":
            items = cast("list[_Node]", node.value)
            return [self.build(item, (*path, index)) for index, item in enumerate(items)]
        built: dict[str, Value] = {}
        for key_node, value_node in cast("list[tuple[_Node, _Node]]", node.value):
            if key_node.id != "scalar":
                raise self.error(key_node, "a key must be a plain word", None)
            key = str(key_node.value)
            if key in built:
                raise self.error(key_node, f"key {key!r} stands twice", "remove one of them")
            self.positions[(*path, key)] = self.place(key_node)
            built[key] = self.build(value_node, (*path, key))
        return built

    def place(self, node: _Node) -> tuple[str, int, int]:
        return self.name, node.start_mark.line, node.start_mark.column

    def scalar(self, node: _Node) -> Value:
        if node.tag and node.tag not in _TAGS:
            raise self.error(node, f"tags ({node.tag}) are not allowed", None)
        text = str(node.value)
        if node.style is not None:  # quoted or a block: text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if not _NUMBER.fullmatch(text):
            return text
        return Decimal(text) if any(c in text for c in ".eE") else int(text)

    def error(self, node: _Node, what: str, hint: str | None) -> ConfigError:
        mark = node.start_mark
        return ConfigError(f"{self.name}:{mark.line + 1}:{mark.column + 1}: {what}", hint=hint)
