"""A mapping, compiled: the functions that turn native records into canonical values and back.

Canonical values inside crmhub are flat: a plain dict from path to value, in which a path that is
absent was not read. ``read`` is the hot path: one generated Python function per map. No text from
the YAML ever becomes code; names and values reach it as constants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeAlias, cast

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.custom import custom_rules
from crmhub.mapping.rules import MapSpec, Rule
from crmhub.models import Record
from crmhub.native import Native, Value
from crmhub.schema import ObjectSchema

__all__ = ["CompiledMap", "Fault", "Payload", "Pointer", "Values", "compile_map"]

Values: TypeAlias = dict[str, object]
"""Canonical values by path. Absent: not known. ``None``: empty."""

_Reader: TypeAlias = Callable[[Native], Values]


class Pointer(NamedTuple):
    """The record that a reference points to, in the connection that is written to."""

    id: str
    object: str | None = None


class Fault(NamedTuple):
    """A field whose value the mapping cannot take, and why (never the value itself)."""

    field: str
    native: str
    reason: str


@dataclass(frozen=True, slots=True)
class Payload:
    """Native fields to send, and the canonical paths that were filled by ``default_on_create``."""

    fields: Native
    defaulted: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompiledMap:
    """One object's mapping, ready to run. Made by :func:`compile_map`."""

    spec: MapSpec
    rules: tuple[Rule, ...]
    fields: tuple[str, ...]
    """Native fields to ask for."""
    by_path: Mapping[str, Rule]
    _read: _Reader = field(repr=False)

    @property
    def object(self) -> str:
        """The native object."""
        return self.spec.object

    @property
    def model(self) -> str:
        """The canonical model's name."""
        return self.spec.model

    def accepts(self, record: Native) -> bool:
        """Whether the record carries this map's constants (several maps can share an object)."""
        return all(record.get(name) == value for name, value in self.spec.where.items())

    def read(self, record: Native) -> Values:
        """Canonical values of a native record. Raises :class:`CodecError`; ask :meth:`faults` which."""
        return self._read(record)

    def read_or_faults(self, record: Native) -> tuple[Values, list[Fault]]:
        """Canonical values without the fields that could not be read, and those fields' faults."""
        try:
            return self._read(record), []
        except Exception:  # noqa: BLE001 - the slow way round finds out which field it was
            return self._read_slowly(record)

    def _read_slowly(self, record: Native) -> tuple[Values, list[Fault]]:
        values: Values = {}
        faults: list[Fault] = []
        for rule in self.rules:
            if not rule.reads:
                continue
            try:
                values |= _generate((rule,))(record)
            except Exception as error:  # noqa: BLE001 - whatever a value provokes is that field's fault
                reason = str(error) if isinstance(error, CodecError) else f"unexpected {type(error).__name__}"
                faults.append(Fault(rule.path.text, ", ".join(rule.to), reason))
        return values, faults

    def write(
        self,
        values: Values,
        *,
        base: Native | None = None,
        create: bool = False,
        today: date | None = None,
    ) -> Payload:
        """Native fields for the canonical values that are given.

        ``base`` is the native record as it stands: what fits already is left as it is. On create,
        constants of the map and ``default_on_create`` are filled in (``today+30d`` counts from
        ``today``). Raises :class:`CodecError` whose text begins with the canonical path.
        """
        native: Native = {}
        defaulted: list[str] = []
        for rule in self.rules:
            if not rule.writes or (rule.policy == "create_only" and not create):
                continue
            text = rule.path.text
            value = values.get(text)
            if value is None and create:
                if rule.default_on_create is not None:
                    _put(native, rule.to[0], _demanded(rule.default_on_create, today))
                    defaulted.append(text)
                    continue
                value = rule.default
            if value is None and (create or text not in values):
                continue
            if rule.policy == "if_empty" and base is not None and _present(rule, base):
                continue
            try:
                for name, part in _encode(rule, value, base):
                    _put(native, name, part)
            except CodecError as error:
                raise CodecError(f"{text}: {error}") from None
        if create:
            native |= self.spec.where
        return Payload(native, tuple(defaulted))

    def build(self, values: Values, **envelope: object) -> Record:
        """The model instance for canonical values; ``envelope`` sets id, connection and the like."""
        return self.spec.record.model_validate({**self.nest(values), **self.spec.constants, **envelope})

    def nest(self, values: Values) -> dict[str, object]:
        """Flat values as the nested data that the model validates."""
        nested: dict[str, object] = {}
        lists: dict[str, dict[tuple[str, str], dict[str, object]]] = {}
        for text, value in values.items():
            rule = self.by_path[text]
            path = rule.path
            if path.head == "custom":
                cast("dict[str, object]", nested.setdefault("custom", {}))[str(path.leaf)] = value
            elif path.select:
                element = lists.setdefault(path.head, {}).setdefault(path.select, {})
                if value is not None:
                    element[str(path.leaf)] = value
            elif path.leaf:
                cast("dict[str, object]", nested.setdefault(path.head, {}))[path.leaf] = value
            else:
                nested[path.head] = _reference(rule, value) if rule.ref and value is not None else value
        for head, elements in lists.items():
            nested[head] = [{by: is_, **leaves} for (by, is_), leaves in elements.items() if leaves]
        return nested

    def flatten(self, record: Record) -> Values:
        """The canonical values that a model instance sets. Raises :class:`CodecError` for homeless ones.

        A list that is set is the whole list: elements that it lacks are cleared.
        """
        values: Values = {}
        placed: dict[str, set[tuple[str, str]]] = {}
        unset = record.changes() - _ENVELOPE - set(self.spec.constants)
        for rule in self.rules:
            path = rule.path
            if path.head not in record.changes():
                continue
            unset.discard(path.head)
            held = cast("object", getattr(record, path.head))
            if path.head == "custom":
                custom = cast("dict[str, object]", held)
                if path.leaf in custom:
                    values[path.text] = custom[path.leaf]
            elif path.select:
                placed.setdefault(path.head, set()).add(path.select)
                values[path.text] = _element(held, path.select, str(path.leaf))
            elif path.leaf:
                values[path.text] = None if held is None else cast("object", getattr(held, path.leaf))
            else:
                values[path.text] = _identity(held) if rule.ref else held
        self._refuse_homeless(record, unset, placed)
        return values

    def _refuse_homeless(
        self, record: Record, unset: set[str], placed: Mapping[str, set[tuple[str, str]]]
    ) -> None:
        homeless = {name for name in unset if cast("object", getattr(record, name)) not in (None, [], {})}
        if "custom" in record.changes():
            known = {rule.path.leaf for rule in self.rules if rule.path.head == "custom"}
            homeless |= {f"custom.{key}" for key in record.custom if key not in known}
        for head, selects in placed.items():
            by = next(iter(selects))[0]
            for element in cast("list[object] | None", getattr(record, head)) or ():
                role = cast("object", getattr(element, by))
                if (by, _word(role)) not in selects:
                    homeless.add(f"{head}[{by}={_word(role)}]")
        if homeless:
            raise CodecError(f"{', '.join(sorted(homeless))}: has no place in {self.spec.object}")


_ENVELOPE = frozenset(
    {"id", "connection", "object", "url", "version", "life", "vendor", "associations", "raw", "type", "kind"}
)


def compile_map(spec: MapSpec, schema: ObjectSchema | None = None) -> CompiledMap:
    """The map, ready to run; with a schema its custom fields become rules of their own."""
    rules = spec.rules
    if spec.custom is not None and schema is not None:
        rules += tuple(custom_rules(spec, schema))
    heads = dict.fromkeys(
        name.partition(".")[0] for rule in rules if rule.reads for name in (*rule.to, *rule.extra)
    ) | dict.fromkeys(spec.where)
    by_path = {rule.path.text: rule for rule in rules}
    return CompiledMap(spec, rules, tuple(heads), by_path, _generate(rules))


# ── reading: one generated function ──────────────────────────────────────────────────────────────


def _generate(rules: Sequence[Rule]) -> _Reader:
    """A function that reads all rules in one go. Only names made here stand in its source."""
    constants: dict[str, object] = {"M": _MISSING, "D": dict, "S": str, "text": _as_text, "texts": _as_texts}
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
    return cast("_Reader", constants["read"])


def _lines(rule: Rule, constant: Callable[[object], str]) -> list[str]:
    path = constant(rule.path.text)
    default = constant(rule.default) if rule.default is not None else None
    wide = rule.wide
    if wide is not None:
        names = [*rule.to, *wide.extra]
        gets = [f"v{i} = get({constant(name)})" for i, name in enumerate(names)]
        packed = ", ".join(f"v{i}" for i in range(len(names)))
        there = " or ".join(f"{constant(name)} in record" for name in rule.to)
        return [f"if {there}:", *(f"    {line}" for line in gets),
                f"    out[{path}] = {constant(wide.decode_all)}(({packed},))"]  # fmt: skip
    lines = _fetch(rule, constant)
    decode = _decoding(rule, constant)
    tail = f" if v is not None else {default or 'None'}"
    return [*lines, "if v is not M:", f"    out[{path}] = {decode}{tail}"]


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


def _decoding(rule: Rule, constant: Callable[[object], str]) -> str:
    narrow = rule.narrow
    if narrow is not None:
        return f"{constant(narrow.decode)}(v)"
    if rule.kind == "texts":
        return "texts(v)"
    if rule.kind == "json":
        return "v"
    return "(v if v.__class__ is S else text(v))"


_MISSING = object()


def _as_text(value: Value) -> str:
    if isinstance(value, bool | dict | list) or value is None:
        raise CodecError("is not text")
    return str(value)


def _as_texts(value: Value) -> list[str]:
    if not isinstance(value, list):
        raise CodecError("is not a list")
    return [_as_text(item) for item in value]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def _encode(rule: Rule, value: object, base: Native | None) -> Sequence[tuple[str, Value]]:
    """The native fields that hold a canonical value, by dotted name."""
    wide = rule.wide
    if wide is not None:
        names = (*rule.to, *wide.extra)
        held = tuple((base or {}).get(name) for name in names)
        encoded = wide.encode_all(value, held) if value is not None else (None,) * len(rule.to)
        pairs = zip(names, encoded, strict=False)
        return [(name, part) for name, part in pairs if base is None or part != base.get(name)]
    if value is None:
        return [(name.partition(".")[0], None) for name in rule.to]
    if isinstance(value, Pointer):
        kind = [(rule.type, value.object)] if rule.type and value.object else []
        return [(rule.to[0], value.id), *kind]
    narrow = rule.narrow
    return [(rule.to[0], narrow.encode(value) if narrow else _plain(value))]


_FROM_TODAY = re.compile(r"today(?:([+-]\d{1,4})d)?")


def _demanded(value: Value, today: date | None) -> Value:
    """A ``default_on_create`` as it is sent; ``today+30d`` becomes that date."""
    match = _FROM_TODAY.fullmatch(value) if isinstance(value, str) else None
    if match is None or today is None:
        return value
    return (today + timedelta(days=int(match[1] or 0))).isoformat()


def _put(native: Native, name: str, value: Value) -> None:
    """Set a field by dotted name; parts of one compound field come together."""
    *heads, leaf = name.split(".")
    holder = native
    for head in heads:
        inner = holder.get(head)
        if not isinstance(inner, dict):
            inner = {}
            holder[head] = inner
        holder = inner
    holder[leaf] = value


def _present(rule: Rule, base: Native) -> bool:
    return base.get(rule.to[0].partition(".")[0]) not in (None, "")


def _plain(value: object) -> Value:
    """A canonical value without a codec, as JSON: an enum's literal, a date's ISO form."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | int | Decimal) or value is None:
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    raise CodecError(f"a {type(value).__name__} needs a codec")


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def _reference(rule: Rule, value: object) -> dict[str, object]:
    if rule.kind == "user":
        return {"id": value}
    model = rule.ref[0] if len(rule.ref) == 1 else Record.model  # several: the CRM does not say which
    return {"model": model, "id": value}


def _identity(held: object) -> object:
    return None if held is None else cast("object", getattr(held, "id", None))


def _element(held: object, select: tuple[str, str], leaf: str) -> object:
    by, is_ = select
    for element in cast("list[object] | None", held) or ():
        if _word(cast("object", getattr(element, by))) == is_:
            return cast("object", getattr(element, leaf))
    return None


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
