"""Reading a native record straight into the nested data that its model validates.

The same values as reading by path and nesting afterwards, without the flat dict in between: one
generated function per map, for those who want models and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmhub.mapping.decoding import Function, Reader
from crmhub.mapping.rules import Rule
from crmhub.mapping.shape import USER, place_of

__all__ = ["nested_reader_of"]


def nested_reader_of(
    rules: Iterable[Rule], constants: Mapping[str, object], enums: Iterable[tuple[str, str]]
) -> Reader:
    """A function that gives a record's data for the model: its values, ``constants``, and in ``vendor``
    the CRM's own words behind ``enums`` (canonical and native field of each).
    """
    function = Function()
    by_head: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.reads:
            by_head.setdefault(rule.path.head, []).append(rule)
    for head, its_rules in by_head.items():
        path = its_rules[0].path
        if path.select is not None:
            _read_list(function, head, its_rules)
        elif path.leaf is not None:
            _read_leaves(function, head, its_rules)
        else:
            _read_values(function, head, its_rules)
    for head, value in constants.items():
        function.add(f"out[{function.constant(head)}] = {function.constant(value)}")
    _read_words(function, enums)
    return function.made()


def _read_values(function: Function, head: str, rules: Sequence[Rule]) -> None:
    """Plain values and references. (Of two rules for one field, the later one counts.)"""
    name = function.constant(head)
    for rule in rules:
        model = place_of(rule)[3]
        if model is None:
            function.read(rule, lambda value: [f"out[{name}] = {value}"])
            continue
        kind, known = function.constant("model"), function.constant("id")
        parts = f"{known}: v" if model == USER else f"{kind}: {function.constant(model)}, {known}: v"
        reference = f"out[{name}] = None if v is None else {{{parts}}}"
        function.read(rule, lambda value, reference=reference: [f"v = {value}", reference])


def _read_leaves(function: Function, head: str, rules: Sequence[Rule]) -> None:
    """Parts of one value, such as custom fields by their keys."""
    function.add("part = {}")
    for rule in rules:
        leaf = function.constant(rule.path.leaf)
        function.read(rule, lambda value, leaf=leaf: [f"part[{leaf}] = {value}"])
    function.add("if part:", f"    out[{function.constant(head)}] = part")


def _read_list(function: Function, head: str, rules: Sequence[Rule]) -> None:
    """Elements of a list, each with those of its leaves that are not empty."""
    elements: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        if rule.path.select is not None:
            elements.setdefault(rule.path.select, []).append(rule)
    function.add("known = False", "whole = []")
    for (by, is_), its_rules in elements.items():
        function.add("part = {}")
        for rule in its_rules:
            leaf = function.constant(rule.path.leaf)
            function.read(
                rule,
                lambda value, leaf=leaf: [
                    "known = True",
                    f"v = {value}",
                    f"if v is not None: part[{leaf}] = v",
                ],
            )
        select = f"{function.constant(by)}, {function.constant(is_)}"
        function.add("if part:", f"    part.setdefault({select})", "    whole.append(part)")
    function.add("if known:", f"    out[{function.constant(head)}] = whole")


def _read_words(function: Function, enums: Iterable[tuple[str, str]]) -> None:
    function.add("words = {}")
    for head, native in enums:
        function.add(
            f"v = get({function.constant(native)})",
            f"if v.__class__ is S: words[{function.constant(head)}] = v",
        )
    function.add(f"out[{function.constant('vendor')}] = words")
