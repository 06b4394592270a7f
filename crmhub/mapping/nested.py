"""Reading a native record straight into the nested data that its model validates.

The same values as reading by path and nesting afterwards, without the flat dict in between: one
generated function per map, for those who want models and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmhub.mapping.decoding import Body, Reader, reader_with
from crmhub.mapping.rules import Rule
from crmhub.mapping.shape import USER, place_of

__all__ = ["nested_reader_of"]


def nested_reader_of(
    rules: Iterable[Rule], constants: Mapping[str, object], enums: Iterable[tuple[str, str]]
) -> Reader:
    """A function that gives a record's data for the model: its values, ``constants``, and in ``vendor``
    the CRM's own words behind ``enums`` (canonical and native field of each).
    """
    by_head: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.reads:
            by_head.setdefault(rule.path.head, []).append(rule)

    def fill(body: Body) -> None:
        for head, its_rules in by_head.items():
            path = its_rules[0].path
            if path.select is not None:
                _read_list(body, head, its_rules)
            elif path.leaf is not None:
                _read_leaves(body, head, its_rules)
            else:
                _read_values(body, head, its_rules)
        for head, value in constants.items():
            body.add(f"out[{body.constant(head)}] = {body.constant(value)}")
        _read_words(body, enums)

    return reader_with(fill)


def _read_values(body: Body, head: str, rules: Sequence[Rule]) -> None:
    """Plain values and references. (Of two rules for one field, the later one counts.)"""
    name = body.constant(head)
    for rule in rules:
        model = place_of(rule)[3]
        if model is None:
            body.read(rule, lambda value: [f"out[{name}] = {value}"])
            continue
        kind, known = body.constant("model"), body.constant("id")
        told = body.constant(model) if isinstance(model, str) else f"{body.constant(model)}(v)"
        parts = f"{known}: v" if model == USER else f"{kind}: {told}, {known}: v"
        reference = f"out[{name}] = None if v is None else {{{parts}}}"
        body.read(rule, lambda value, reference=reference: [f"v = {value}", reference])


def _read_leaves(body: Body, head: str, rules: Sequence[Rule]) -> None:
    """Parts of one value, such as custom fields by their keys."""
    body.add("part = {}")
    for rule in rules:
        leaf = body.constant(rule.path.leaf)
        body.read(rule, lambda value, leaf=leaf: [f"part[{leaf}] = {value}"])
    body.add("if part:", f"    out[{body.constant(head)}] = part")


def _read_list(body: Body, head: str, rules: Sequence[Rule]) -> None:
    """Elements of a list, each with those of its leaves that are not empty."""
    elements: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        if rule.path.select is not None:
            elements.setdefault(rule.path.select, []).append(rule)
    body.add("known = False", "whole = []")
    for (by, is_), its_rules in elements.items():
        body.add("part = {}")
        for rule in its_rules:
            leaf = body.constant(rule.path.leaf)
            body.read(
                rule,
                lambda value, leaf=leaf: [
                    "known = True",
                    f"v = {value}",
                    f"if v is not None: part[{leaf}] = v",
                ],
            )
        select = f"{body.constant(by)}, {body.constant(is_)}"
        body.add("if part:", f"    part.setdefault({select})", "    whole.append(part)")
    body.add("if known:", f"    out[{body.constant(head)}] = whole")


def _read_words(body: Body, enums: Iterable[tuple[str, str]]) -> None:
    body.add("words = {}")
    for head, native in enums:
        body.add(
            f"v = {body.got(native)}",
            f"if v.__class__ is S: words[{body.constant(head)}] = v",
        )
    body.add(f"out[{body.constant('vendor')}] = words")
