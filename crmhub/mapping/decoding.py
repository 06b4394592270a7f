"""Reading all rules of a map: one generated Python function, the hot path.

No text from the YAML ever becomes code; names and values reach the function as constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.rules import Rule, TypedId
from crmhub.native import Native, Value

__all__ = ["Body", "Reader", "Store", "decoder", "is_text", "reader_of", "reader_with"]

Reader: TypeAlias = "Callable[[Native], dict[str, object]]"
"""Gives the canonical values of a native record by path; fields that it lacks are absent."""

Store: TypeAlias = Callable[[str], "list[str]"]
"""Lines that put the value of an expression in its place."""


def decoder(rule: Rule) -> Callable[[Value], object]:
    """The function that reads one native value that is not ``None``; not for codecs of several fields."""
    if rule.narrow is not None:
        return rule.narrow.decode
    if rule.kind == "texts":
        return _as_texts
    return _as_is if rule.kind == "json" else _as_text


def is_text(rule: Rule) -> bool:
    """Whether text is read as it is."""
    return decoder(rule) is _as_text


def reader_of(rules: Sequence[Rule]) -> Reader:
    """A function that reads all rules in one go. Only names made here stand in its source."""

    def by_path(body: Body) -> None:
        for rule in rules:
            if rule.reads:
                path = body.constant(rule.path.text)
                body.read(rule, lambda value, path=path: [f"out[{path}] = {value}"])

    return reader_with(by_path)


def reader_with(fill: Callable[[Body], None]) -> Reader:
    """A function from a native record to a dict, ``out``, that ``fill`` writes the lines of.

    It has them twice. The quick ones are for records that have every field that was asked for, which is
    what most CRMs give; from the first record on that has not, the careful ones are taken.
    """
    constants: dict[str, object] = {"M": _MISSING, "D": dict, "S": str, "text": _as_text, "quick": True}
    bodies = [Body(constants, quick=quick) for quick in (True, False)]
    for body in bodies:
        fill(body)
    quick, careful = (_indented(body.lines) for body in bodies)
    source = [
        "def read(record):",
        "    global quick",
        "    if quick:",
        "        try:",
        "            out = {}",
        *_indented(_indented(quick)),
        "            return out",
        "        except KeyError:",
        "            quick = False",
        "    get = record.get",
        "    out = {}",
        *careful,
        "    return out",
    ]
    exec(compile("\n".join(source), "<mapping>", "exec"), constants)  # noqa: S102 - our own source, no user text in it
    return cast("Reader", constants["read"])


class Body:
    """The lines of a function that reads records. ``quick`` ones take it that every field is there."""

    def __init__(self, constants: dict[str, object], *, quick: bool) -> None:
        self.lines: list[str] = []
        self._constants = constants
        self._quick = quick

    def constant(self, value: object) -> str:
        """The name by which the source can say ``value``."""
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def add(self, *lines: str) -> None:
        """More lines."""
        self.lines += lines

    def read(self, rule: Rule, store: Store) -> None:
        """Lines that decode the rule's value, if the record has it, and store it."""
        wide = rule.wide
        if wide is None:
            stored = store(self._told(rule, self._decoded(rule)))
            self.add(*self._fetch(rule))
            self.add(*(stored if self._quick else ["if v is not M:", *_indented(stored)]))
            return
        names = [*rule.to, *wide.extra]
        gets = [line for i, name in enumerate(names) for line in self._fetch_part(f"v{i}", name)]
        packed = ", ".join(f"v{i}" for i in range(len(names)))
        lines = [*gets, *store(f"{self.constant(wide.decode_all)}(({packed},))")]
        if not self._quick:
            heads = dict.fromkeys(name.partition(".")[0] for name in rule.to)
            there = " or ".join(f"{self.constant(head)} in record" for head in heads)
            lines = [f"if {there}:", *_indented(lines)]
        self.add(*lines)

    def _told(self, rule: Rule, value: str) -> str:
        """The expression for a reference's id together with the object that the record says it is of."""
        if rule.type is None:
            return value
        return f"{self.constant(_typed_by(rule.type))}({value}, record)"

    def got(self, name: str) -> str:
        """The expression for a native field; ``None`` where a record may lack it and does."""
        return f"record[{self.constant(name)}]" if self._quick else f"get({self.constant(name)})"

    def _fetch(self, rule: Rule) -> list[str]:
        first, *rest = rule.to
        lines = self._fetch_one(first)
        for name in rest:  # pick: first_set
            lines += ["if v is None or v is M:", *_indented(self._fetch_one(name))]
        return lines

    def _fetch_one(self, name: str) -> list[str]:
        head, _, leaf = name.partition(".")
        if self._quick:
            return self._fetch_part("v", name)
        lines = [f"v = get({self.constant(head)}, M)"]
        if leaf:
            lines += ["if v is not M:", f"    {self._inner('v', leaf)}"]
        return lines

    def _fetch_part(self, variable: str, name: str) -> list[str]:
        """A field whose absence counts as being empty."""
        head, _, leaf = name.partition(".")
        lines = [f"{variable} = {self.got(head)}"]
        if leaf:
            lines.append(self._inner(variable, leaf))
        return lines

    def _inner(self, variable: str, leaf: str) -> str:
        return f"{variable} = {variable}.get({self.constant(leaf)}) if {variable}.__class__ is D else None"

    def _decoded(self, rule: Rule) -> str:
        """The expression for what ``v`` means, which is ``None`` where that is empty."""
        decode = decoder(rule)
        if rule.default is not None:
            return f"{self.constant(decode)}(v) if v is not None else {self.constant(rule.default)}"
        if decode is _as_is:
            return "v"
        if decode is _as_text:
            return "v if v.__class__ is S or v is None else text(v)"
        return f"{self.constant(decode)}(v) if v is not None else None"


_MISSING = object()


def _typed_by(name: str) -> Callable[[object, Native], object]:
    """Gives an id its type, by the dotted name of the native field that says it, where that is not empty."""
    steps = name.split(".")

    def typed(id: object, record: Native) -> object:
        kind: object = record
        for step in steps:
            kind = cast("dict[str, object]", kind).get(step) if isinstance(kind, dict) else None
        return TypedId(id, kind) if isinstance(id, str) and isinstance(kind, str) and kind else id

    return typed


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _as_is(value: Value) -> Value:
    return value


def _as_text(value: Value) -> str:
    if isinstance(value, bool | dict | list) or value is None:
        raise CodecError("is not text")
    return str(value)


def _as_texts(value: Value) -> list[str]:
    if not isinstance(value, list):
        raise CodecError("is not a list")
    return [_as_text(item) for item in value]
