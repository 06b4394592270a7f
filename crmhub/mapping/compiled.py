"""A mapping, compiled: the functions that turn native records into canonical values and back.

Canonical values inside crmhub are flat: a plain dict from path to value, in which a path that is
absent was not read. ``read`` is the hot path of a sync, ``model`` that of lists: one generated Python
function per map for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple, TypeAlias, cast

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.custom import custom_rules
from crmhub.mapping.decoding import Reader, reader_of
from crmhub.mapping.encoding import Pointer
from crmhub.mapping.nested import nested_reader_of
from crmhub.mapping.rules import MapSpec, Rule
from crmhub.mapping.shape import Place, flatten, nest, place_of
from crmhub.mapping.writer import Writer
from crmhub.models import Record
from crmhub.native import Native
from crmhub.schema import ObjectSchema

__all__ = ["CompiledMap", "Fault", "Payload", "Pointer", "Unreadable", "Values", "compile_map"]

Values: TypeAlias = dict[str, object]
"""Canonical values by path. Absent: not known. ``None``: empty."""


class Fault(NamedTuple):
    """A field whose value the mapping cannot take, and why (never the value itself)."""

    field: str
    native: str
    reason: str


class Unreadable(CodecError):
    """A native record with values that the mapping cannot take; the message names the first of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(f"{first.native}: cannot be read as {first.field}: {first.reason}")
        self.faults = tuple(faults)
        """All of them, in the order of the rules."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Native fields to send, and the canonical paths that were filled by ``default_on_create``."""

    fields: Native
    defaulted: tuple[str, ...] = ()


_PARTS = 16  # parts of a map that are kept; an application asks for a few


@dataclass(frozen=True)
class CompiledMap:
    """One object's mapping, ready to run. Made by :func:`compile_map`."""

    spec: MapSpec
    rules: tuple[Rule, ...]
    fields: tuple[str, ...]
    """Native fields to ask for."""
    by_path: Mapping[str, Rule]
    _compounds: frozenset[str] = field(default=frozenset(), repr=False)
    """Native fields that several rules write parts of."""
    _places: Mapping[str, Place] = field(default_factory=dict[str, Place], repr=False)
    _enums: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Canonical fields that hold an enum, with the native field behind each."""
    _parts: dict[frozenset[str], CompiledMap] = field(
        default_factory=dict["frozenset[str]", "CompiledMap"], repr=False, compare=False
    )

    @property
    def object(self) -> str:
        """The native object."""
        return self.spec.object

    @property
    def model(self) -> str:
        """The canonical model's name."""
        return self.spec.model

    def literals(self, record: Native) -> dict[str, str]:
        """The vendor's own words behind enum fields, by canonical field."""
        found = ((head, record.get(name)) for head, name in self._enums)
        return {head: value for head, value in found if isinstance(value, str)}

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
        for rule, read in self._readers:
            try:
                values |= read(record)
            except Exception as error:  # noqa: BLE001 - whatever a value provokes is that field's fault
                reason = str(error) if isinstance(error, CodecError) else f"unexpected {type(error).__name__}"
                faults.append(Fault(rule.path.text, ", ".join(rule.to), reason))
        return values, faults

    @cached_property
    def _readers(self) -> Sequence[tuple[Rule, Reader]]:
        """A reader for each rule alone, made when the first record needs them."""
        return [(rule, reader_of((rule,))) for rule in self.rules if rule.reads]

    def data(self, record: Native) -> dict[str, object]:
        """What the model validates: :meth:`read` nested, the map's constants, and the vendor's own words.

        A new dict, for the caller to complete. Raises :class:`Unreadable`.
        """
        try:
            return self._data(record)
        except Exception:
            faults = self._read_slowly(record)[1]
            if faults:
                raise Unreadable(faults) from None
            raise

    def model_of(self, record: Native, envelope: Mapping[str, object]) -> Record:
        """The model instance of a native record: the hot path of lists.

        ``envelope`` sets id, connection and the like. Raises :class:`Unreadable`, and pydantic's
        ``ValidationError`` where the model refuses a value.
        """
        data = self.data(record)
        data.update(envelope)
        return self.validate(data)

    def validate(self, data: Mapping[str, object]) -> Record:
        """The model instance of completed :meth:`data`. Raises pydantic's ``ValidationError``."""
        return self._validate(data)

    @cached_property
    def _read(self) -> Reader:
        return reader_of(self.rules)

    @cached_property
    def _data(self) -> Reader:
        return nested_reader_of(self.rules, self.spec.constants, self._enums)

    @cached_property
    def _validate(self) -> Callable[[Mapping[str, object]], Record]:
        record = self.spec.record
        record.model_rebuild()  # models are built on first use
        # without model_validate's layer of keywords
        validator = cast("SchemaValidator", TypeAdapter(record).validator)
        return validator.validate_python

    def only(self, heads: frozenset[str]) -> CompiledMap:
        """This map for those canonical fields alone: the others are neither asked for nor read.

        Names that the map has no rule for are passed over. Made once for each set of names; the last
        few are kept.
        """
        found = self._parts.get(heads)
        if found is None:
            rules = tuple(rule for rule in self.rules if rule.path.head in heads)
            found = _compiled(self.spec, rules, self._compounds)
            self._parts[heads] = found
            if len(self._parts) > _PARTS:
                del self._parts[next(iter(self._parts))]
        return found

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
        native, defaulted = self._writer.write(values, base, today, create=create)
        if create:
            native |= self.spec.where
        return Payload(native, tuple(defaulted))

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.rules, self._compounds)

    def build(self, values: Values, **envelope: object) -> Record:
        """The model instance for canonical values; ``envelope`` sets id, connection and the like."""
        return self.spec.record.model_validate({**self.nest(values), **self.spec.constants, **envelope})

    def nest(self, values: Values) -> dict[str, object]:
        """Flat values as the nested data that the model validates."""
        return nest(values, self._places)

    def flatten(self, record: Record) -> Values:
        """The canonical values that a model instance sets. Raises :class:`CodecError` for homeless ones.

        A list that is set is the whole list: elements that it lacks are cleared.
        """
        return flatten(record, self.rules, self.spec.constants, self.spec.object)


def compile_map(spec: MapSpec, schema: ObjectSchema | None = None) -> CompiledMap:
    """The map, ready to run.

    With a schema its custom fields become rules of their own, and rules for fields that this org
    does not have, or hides from us, are left out; ``crmhub mapping check`` names them.
    """
    rules = spec.rules
    if schema is not None:
        rules = tuple(rule for rule in rules if _there(rule, schema)) + tuple(custom_rules(spec, schema))
    return _compiled(spec, rules, _compounds(rules))


def _compiled(spec: MapSpec, rules: tuple[Rule, ...], compounds: frozenset[str]) -> CompiledMap:
    heads = dict.fromkeys(
        name.partition(".")[0]
        for rule in rules
        if rule.reads
        for name in (*rule.to, *rule.extra, *_kind(rule))
    ) | dict.fromkeys(spec.where)
    by_path = {rule.path.text: rule for rule in rules}
    places = {text: place_of(rule) for text, rule in by_path.items()}
    enums = tuple((rule.path.head, rule.to[0]) for rule in rules if rule.reads and rule.kind == "enum")
    return CompiledMap(spec, rules, tuple(heads), by_path, compounds, places, enums)


def _there(rule: Rule, schema: ObjectSchema) -> bool:
    return all(name.partition(".")[0] in schema.fields for name in (*rule.to, *rule.extra, *_kind(rule)))


def _kind(rule: Rule) -> tuple[str, ...]:
    """The field that names a reference's object; not one outside of the schema (``$…``), which costs more."""
    return (rule.type,) if rule.type and not rule.type.startswith("$") else ()


def _compounds(rules: Sequence[Rule]) -> frozenset[str]:
    parts = [name.partition(".")[0] for rule in rules if rule.writes for name in rule.to if "." in name]
    return frozenset(head for head in parts if parts.count(head) > 1)
