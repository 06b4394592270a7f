"""Reading all rules of a map: one generated Python function, the hot path.

No text from the YAML ever becomes code; names and values reach the function as constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.rules import Rule
from crmhub.native import Native, Value

__all__ = ["Reader", "decoder", "reader_of"]

Reader: TypeAlias = "Callable[[Native], dict[str, object]]"
"""Gives the canonical values of a native record by path; fields that it lacks are absent."""


def decoder(rule: Rule) -> Callable[[Value], object]:
    """The function that reads one native value that is not ``None``; not for codecs of several fields."""
    if rule.narrow is not None:
        return rule.narrow.decode
    if rule.kind == "texts":
        return _as_texts
    return _as_is if rule.kind == "json" else _as_text


def reader_of(rules: Sequence[Rule]) -> Reader:
    """A function that reads all rules in one go. Only names made here stand in its source."""
    constants: dict[str, object] = {"M": _MISSING, "D": dict, "S": str, "text": _as_text}
    lines = ["def read(record):", "    get = record.get", "    out = {}"]

    def constant(value: object) -> str:
        name = f"c{len(constants)}"
        constants[name] = value
        return name

    for rule in rules:
        if rule.reads:
            lines += [f"    {line}" for line in _lines(rule, constant)]
    lines.append("    return out")
    exec(compile("\n".join(lines), "<mapping>", "exec"), constants)  # noqa: S102 - our own source, no user text in it
    return cast("Reader", constants["read"])


def _lines(rule: Rule, constant: Callable[[object], str]) -> list[str]:
    path = constant(rule.path.text)
    wide = rule.wide
    if wide is not None:
        names = [*rule.to, *wide.extra]
        gets = [line for i, name in enumerate(names) for line in _fetch_part(f"v{i}", name, constant)]
        packed = ", ".join(f"v{i}" for i in range(len(names)))
        there = " or ".join(
            f"{constant(head)} in record"
            for head in dict.fromkeys(name.partition(".")[0] for name in rule.to)
        )
        return [f"if {there}:", *(f"    {line}" for line in gets),
                f"    out[{path}] = {constant(wide.decode_all)}(({packed},))"]  # fmt: skip
    default = constant(rule.default) if rule.default is not None else None
    tail = f" if v is not None else {default or 'None'}"
    return [*_fetch(rule, constant), "if v is not M:", f"    out[{path}] = {_decoding(rule, constant)}{tail}"]


def _fetch(rule: Rule, constant: Callable[[object], str]) -> list[str]:
    first, *rest = rule.to
    lines = _fetch_one(first, constant)
    for name in rest:  # pick: first_set
        lines += ["if v is None or v is M:", *(f"    {line}" for line in _fetch_one(name, constant))]
    return lines


def _fetch_one(name: str, constant: Callable[[object], str]) -> list[str]:
    head, _, leaf = name.partition(".")
    lines = [f"v = get({constant(head)}, M)"]
    if leaf:
        lines += ["if v is not M:", f"    v = v.get({constant(leaf)}) if v.__class__ is D else None"]
    return lines


def _fetch_part(variable: str, name: str, constant: Callable[[object], str]) -> list[str]:
    """One of several fields at once: those that are absent count as empty."""
    head, _, leaf = name.partition(".")
    lines = [f"{variable} = get({constant(head)})"]
    if leaf:
        lines.append(f"{variable} = {variable}.get({constant(leaf)}) if {variable}.__class__ is D else None")
    return lines


def _decoding(rule: Rule, constant: Callable[[object], str]) -> str:
    decode = decoder(rule)
    if decode is _as_is:
        return "v"
    if decode is _as_text:
        return "(v if v.__class__ is S else text(v))"
    return f"{constant(decode)}(v)"


_MISSING = object()


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
