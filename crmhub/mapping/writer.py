"""Writing all rules of a map: one generated Python function for each way of writing.

There are four ways: a record is created or changed, and what stands in the CRM is known or not. As in
reading, no text from the YAML ever becomes code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TypeAlias, cast

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.decoding import decoder, is_text
from crmhub.mapping.encoding import Pointer, demanded, encode, held, is_present, plain_value, put, reads_as
from crmhub.mapping.rules import Rule
from crmhub.native import Native

__all__ = ["Writer"]

_Way: TypeAlias = "Callable[[Mapping[str, object], Native | None, date | None, Native, list[str]], None]"


class Writer:
    """Writes the rules of a map. ``compounds`` are native fields that several rules write parts of."""

    def __init__(self, rules: Sequence[Rule], compounds: Collection[str]) -> None:
        self._rules = [rule for rule in rules if rule.writes]
        self._compounds = compounds
        self._ways: dict[tuple[bool, bool], _Way] = {}

    def write(
        self, values: Mapping[str, object], base: Native | None, today: date | None, *, create: bool
    ) -> tuple[Native, list[str]]:
        """The native fields, and the paths that ``default_on_create`` has filled.

        Raises :class:`CodecError` whose text begins with the canonical path.
        """
        kind = (create, base is not None)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = _way(self._rules, self._compounds, create=create, over=base is not None)
        native: Native = {}
        filled: list[str] = []
        try:
            way(values, base, today, native, filled)
        except CodecError:
            self._complain(values, base, today, create=create)
            raise
        return native, filled

    def _complain(
        self, values: Mapping[str, object], base: Native | None, today: date | None, *, create: bool
    ) -> None:
        """Raise what the first rule raises that cannot be written, with its path."""
        for rule in self._rules:
            alone = _way((rule,), self._compounds, create=create, over=base is not None)
            try:
                alone(values, base, today, {}, [])
            except CodecError as error:
                raise CodecError(f"{rule.path.text}: {error}") from None


def _way(rules: Sequence[Rule], compounds: Collection[str], *, create: bool, over: bool) -> _Way:
    """A function that writes the rules. Only names made here stand in its source."""
    function = _Function(compounds, create=create, over=over)
    for rule in rules:
        if create or rule.policy != "create_only":
            function.write(rule)
    return function.made()


class _Function:
    """The function while its source is being written."""

    def __init__(self, compounds: Collection[str], *, create: bool, over: bool) -> None:
        self._compounds = compounds
        self._create = create
        self._over = over
        self._lines = ["def write(values, base, today, out, filled):", "    get = values.get"]
        if over:
            self._lines.append("    held = base.get")
        self._constants: dict[str, object] = {
            "M": object(), "S": str, "P": Pointer, "compounds": compounds, "demanded": demanded,
            "encode": encode, "inner": held, "is_present": is_present, "plain": plain_value, "put": put,
            "reads_as": reads_as,
        }  # fmt: skip

    def made(self) -> _Way:
        source = "\n".join([*self._lines, "    return"])
        exec(compile(source, "<mapping>", "exec"), self._constants)  # noqa: S102 - our own source, no user text in it
        return cast("_Way", self._constants["write"])

    def write(self, rule: Rule) -> None:
        """Lines that write one rule."""
        lines = self._simple(rule) if self._is_simple(rule) else self._general(rule)
        self._lines += [f"    {line}" for line in lines]

    def _constant(self, value: object) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def _is_simple(self, rule: Rule) -> bool:
        """Whether one value goes into one field of its own, with nothing else to think of."""
        head, _, leaf = rule.to[0].partition(".")
        fills = self._create and (rule.default is not None or rule.default_on_create is not None)
        own = len(rule.to) == 1 and "." not in leaf and head not in self._compounds
        return own and not fills and rule.policy != "if_empty" and rule.wide is None and rule.type is None

    def _simple(self, rule: Rule) -> list[str]:
        path = self._constant(rule.path.text)
        head, _, leaf = rule.to[0].partition(".")
        name, value = self._constant(head), self._encoded(rule)
        if leaf:
            value = f"{{{self._constant(leaf)}: {value}}}"
        fetch, condition = (f"v = get({path})", "v is not None")
        if not self._create:
            fetch, condition = (f"v = get({path}, M)", "v is not M")
            value = f"{value} if v is not None else None"
        lines = [fetch, f"if {condition}:"]
        if not (self._over and rule.reads):
            return [*lines, f"    out[{name}] = {value}"]
        where = f"inner(base, {self._constant(rule.to[0])}, M)" if leaf else f"held({name}, M)"
        return [
            *lines,
            f"    h = {where}",
            f"    if h is M or {self._differs(rule)}: out[{name}] = {value}",
        ]

    def _encoded(self, rule: Rule) -> str:
        """The native form of ``v``, which is not ``None``."""
        if rule.ref:
            plain = "(v.id if v.__class__ is P else plain(v))"
            return (
                f"{self._constant(rule.narrow.encode)}(v.id if v.__class__ is P else v)"
                if rule.narrow
                else plain
            )
        if rule.narrow is not None:
            return f"{self._constant(rule.narrow.encode)}(v)"
        return "(v if v.__class__ is S else plain(v))"

    def _differs(self, rule: Rule) -> str:
        """Whether ``h``, which stands there, reads as something else than ``v``."""
        slowly = f"not reads_as({self._constant(decoder(rule))}, h, v)"
        return f"(h != v if h.__class__ is S else {slowly})" if is_text(rule) and not rule.ref else slowly

    def _general(self, rule: Rule) -> list[str]:
        path, itself = self._constant(rule.path.text), self._constant(rule)
        lines = [f"v = get({path})"]
        given = "v is not None" if self._create else f"v is not None or {path} in values"
        put = f"for name, part in encode({itself}, v, base, compounds): put(out, name, part)"
        if self._create and rule.default_on_create is not None:
            lines += [
                "if v is None:",
                f"    put(out, {self._constant(rule.to[0])}, demanded({itself}, today))",
                f"    filled.append({path})",
                "else:",
                f"    {put}",
            ]
        else:
            if self._create and rule.default is not None:
                lines.append(f"if v is None: v = {self._constant(rule.default)}")
            lines += [f"if {given}:", f"    {put}"]
        if self._over and rule.policy == "if_empty":
            return [f"if not is_present({itself}, base):", *(f"    {line}" for line in lines)]
        return lines
