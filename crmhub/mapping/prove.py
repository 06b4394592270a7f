"""Proving a mapping: its laws are tried on generated records, and a breach is shown as small as can be.

Nothing here is chance: the same mapping, seed and number of samples give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from crmhub.connector import Native, Value
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Values
from crmhub.mapping.laws import LAWS, TODAY, Breach, Case, Law, pointed
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import MappingSpec, Rule
from crmhub.mapping.samples import Samples, samples_of, simpler

__all__ = ["Counterexample", "prove"]

_Held = TypeVar("_Held")

_SHOWN = 200
_MOST_SHRINKS = 200


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Generated values for which a law does not hold. They belong to nobody."""

    law: str
    says: str
    """What the law says."""
    model: str
    object: str
    path: str
    """The canonical path, or ``where`` for the constants of a map."""
    at: str
    """``file:line:col`` of the rule."""
    given: Values
    base: Native
    """The native record that stood there, as far as it matters."""
    wrote: Native
    came_back: object

    def __str__(self) -> str:
        lines = [
            f"{self.at}: {self.path}: {self.law} does not hold: {self.says}",
            f"  map        {self.model} in {self.object}",
            f"  given      {_shown(self.given)}",
            *([f"  standing   {_shown(self.base)}"] if self.base else []),
            f"  wrote      {_shown(self.wrote)}",
            f"  came back  {_shown(self.came_back)}",
        ]
        return "\n".join(lines)


def prove(
    mapping: MappingSpec | ConnectionMapping, samples: int = 200, seed: int = 0
) -> list[Counterexample]:
    """A counterexample for each law and rule that generated records refute; none is the proof.

    Every edge value of every rule is tried alone, then ``samples`` random records for each map.
    """
    compiled = mapping if isinstance(mapping, ConnectionMapping) else ConnectionMapping(mapping)
    found: list[Counterexample] = []
    for mapped in compiled.maps:
        found += _Proof(compiled, mapped, Random(f"{seed} {mapped.spec.at} {mapped.object}")).run(samples)
    return found


class _Proof:
    """The proof of one map."""

    def __init__(self, mapping: ConnectionMapping, mapped: CompiledMap, random: Random) -> None:
        self._mapping = mapping
        self._map = mapped
        self._random = random
        self._samples = {
            rule.path.text: samples_of(rule, mapped.spec.record)
            for rule in mapped.rules
            if rule.writes and rule.path.text != "id"
        }
        self._found: dict[tuple[str, str], Counterexample] = {}

    def run(self, samples: int) -> list[Counterexample]:
        if not self._samples:  # a map that is only read: there is no way back to prove
            return []
        taken = {path: self._alone(path, values) for path, values in self._samples.items()}
        for _ in range(samples):
            self._try(self._record(taken), self._base(taken))
        return list(self._found.values())

    def _alone(self, path: str, samples: Samples) -> Samples:
        """Each edge value by itself, over itself and over others; the samples that are taken at all."""
        edges = [value for value in samples.edges if self._takes(path, value)]
        if not edges:
            breach = Breach(path, {}, "none of them is taken")
            self._add(
                Law("takes", "the codec takes values of its kind", _no_breaches),
                {path: samples.edges[0]},
                {},
                breach,
            )
        for value in edges:
            base = self._written({path: self._random.choice(edges)})
            self._try({path: value}, base)
            for variant in _variants(self._written({path: value})):
                self._try({path: value}, variant)
        return Samples(edges or (None,), samples.draw if edges else None)

    def _record(self, taken: dict[str, Samples]) -> Values:
        """A random record: most paths with a value, some empty, some absent."""
        values: Values = {}
        for path, samples in taken.items():
            chance = self._random.random()
            if chance < 0.15:
                continue
            value = None if chance < 0.3 else samples.draw(self._random)
            if value is None or self._takes(path, value):
                values[path] = value
        return values

    def _base(self, taken: dict[str, Samples]) -> Native:
        native = self._written(self._record(taken))
        return self._random.choice([native, *_variants(native)])

    def _takes(self, path: str, value: object) -> bool:
        try:
            self._map.write(pointed(self._map, {path: value}), create=True, today=TODAY)
        except CodecError:
            return False
        except Exception:  # noqa: BLE001 - the laws are tried on it and say what was raised
            return True
        return True

    def _written(self, values: Values) -> Native:
        try:
            return self._map.write(pointed(self._map, values), create=True, today=TODAY).fields
        except Exception:  # noqa: BLE001 - the laws are tried on the same values and say what was raised
            return {}

    def _try(self, values: Values, base: Native) -> None:
        case = Case(self._mapping, self._map, values, base)
        for law in LAWS:
            for breach in law.breaches(case):
                if (law.name, breach.path) not in self._found:
                    self._add(law, values, base, breach)

    def _add(self, law: Law, values: Values, base: Native, breach: Breach) -> None:
        """Keep the breach, with everything taken away that it does not need."""
        small = _Smallest(self._mapping, self._map, law, breach)
        small.take_away(values, base)
        rule = self._map.by_path.get(breach.path)
        self._found[law.name, breach.path] = Counterexample(
            law.name, law.says, self._map.model, self._map.object, breach.path,
            rule.at if rule else self._map.spec.at, small.values, small.base, small.breach.wrote,
            small.breach.came_back,
        )  # fmt: skip


class _Smallest:
    """A breach made small: fields are taken away, then values made simpler, while it still shows."""

    def __init__(self, mapping: ConnectionMapping, mapped: CompiledMap, law: Law, breach: Breach) -> None:
        self._mapping = mapping
        self._map = mapped
        self._law = law
        self.breach = breach
        self.values: Values = {}
        self.base: Native = {}
        self._left = _MOST_SHRINKS

    def take_away(self, values: Values, base: Native) -> None:
        self.values, self.base = values, base
        self._reduce(lambda: [({**self.values}, {})])
        own = {path: value for path, value in values.items() if path == self.breach.path}
        self._reduce(lambda: [(own, self.base)])
        self._reduce(lambda: [(_without(self.values, path), self.base) for path in self.values])
        self._reduce(lambda: [(self.values, _without(self.base, name)) for name in self.base])
        self._reduce(self._simpler_values)

    def _simpler_values(self) -> list[tuple[Values, Native]]:
        return [
            ({**self.values, path: simple}, self.base)
            for path, value in self.values.items()
            if not _is_choice(self._map.by_path[path])
            for simple in simpler(value)
        ]

    def _reduce(self, candidates: Callable[[], list[tuple[Values, Native]]]) -> None:
        while self._step(candidates()):
            pass

    def _step(self, candidates: list[tuple[Values, Native]]) -> bool:
        for values, base in candidates:
            if (values, base) == (self.values, self.base):
                continue
            if self._left <= 0:
                return False
            self._left -= 1
            found = self._breach(values, base)
            if found:
                self.values, self.base, self.breach = values, base, found
                return True
        return False

    def _breach(self, values: Values, base: Native) -> Breach | None:
        case = Case(self._mapping, self._map, values, base)
        return next((found for found in self._law.breaches(case) if found.path == self.breach.path), None)


def _no_breaches(_case: Case) -> Iterator[Breach]:
    return iter(())


def _is_choice(rule: Rule) -> bool:
    return rule.kind == "enum" or rule.spelled.endswith("enum")


def _without(fields: dict[str, _Held], name: str) -> dict[str, _Held]:
    return {key: value for key, value in fields.items() if key != name}


def _variants(native: Native) -> list[Native]:
    """The same record as other hands would have left it: padded, in another case, with more in it."""
    return [
        {name: change(value) for name, value in native.items()} for change in (_padded, _swapped, _spelled)
    ]


def _padded(value: Value) -> Value:
    if isinstance(value, dict):
        return {**value, "name": "Ana Silva"}
    return f" {value} " if isinstance(value, str) else value


def _swapped(value: Value) -> Value:
    return value.swapcase() if isinstance(value, str) else value


def _spelled(value: Value) -> Value:
    if isinstance(value, str):
        return ""
    return value if isinstance(value, bool | dict | list) or value is None else f"{value}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
