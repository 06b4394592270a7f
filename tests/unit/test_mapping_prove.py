"""Proofs: the shipped mappings keep the laws, and a planted mistake gives its smallest counterexample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import cast

import pytest

from crmhub.document import Document
from crmhub.mapping.codecs import CODECS, is_wide, make
from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind
from crmhub.mapping.compiled import compile_map
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.paths import kind_of, parse_path
from crmhub.mapping.prove import Counterexample, prove
from crmhub.mapping.rules import MappingSpec
from crmhub.mapping.samples import samples_of
from crmhub.models import Deal, Money
from crmhub.models.registry import BUILT_IN
from crmhub.native import Value
from crmhub.schema import FieldSpec, FieldType, ObjectSchema


class TextCodec:
    """A codec of texts to be broken in tests."""

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = None
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> object:
        return value

    def encode(self, value: object) -> Value:
        return str(value)


class Upper(TextCodec):
    def encode(self, value: object) -> Value:
        return str(value).upper()


class Cut(TextCodec):
    def encode(self, value: object) -> Value:
        return str(value)[:20]


class Crashing(TextCodec):
    def decode(self, value: Value) -> object:
        raise KeyError("x")


class Picky(TextCodec):
    """Takes only what no generator guesses."""

    def encode(self, value: object) -> Value:
        if not str(value).startswith("ID:"):
            raise CodecError("needs ID:")
        return str(value)


class PickyWithSamples(Picky):
    samples: tuple[object, ...] = ("ID:1", "ID:2")


class Drifting(TextCodec):
    """Says that it is lossy, and never settles."""

    lossy: bool = True

    def decode(self, value: Value) -> object:
        return f"{value}!"


class Numbered(TextCodec):
    """Says text and gives numbers."""

    samples: tuple[object, ...] = (1, 2)


def _factory(kind: type[TextCodec]) -> Factory:
    def make(_parameters: Value) -> Codec:
        return kind()

    return make


PLANTED: Mapping[str, Factory] = {
    "upper": _factory(Upper),
    "cut": _factory(Cut),
    "crashing": _factory(Crashing),
    "picky": _factory(Picky),
    "picky_with_samples": _factory(PickyWithSamples),
    "numbered": _factory(Numbered),
    "drifting": _factory(Drifting),
}


def spec_of(fields: str, *, model: str = "account", more: str = "") -> MappingSpec:
    text = f"crm: test\nversion: 1\nmaps:\n  - model: {model}\n    object: Things\n    {more}\n    fields:\n"
    text += "".join(f"      {line}\n" for line in fields.strip().splitlines())
    return parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, {**CODECS, **PLANTED})


def laws(found: list[Counterexample]) -> set[tuple[str, str]]:
    return {(each.law, each.path) for each in found}


@pytest.mark.parametrize("crm", ["zoho", "salesforce"])
def test_the_shipped_mappings_prove_clean(crm: str) -> None:
    spec = load_mapping(shipped_mappings()[crm])
    assert [str(found) for found in prove(spec, samples=60)] == []


def test_custom_fields_from_a_schema_prove_clean() -> None:
    types: tuple[FieldType, ...] = (
        "text", "int", "decimal", "money", "percent", "bool", "date", "datetime", "enum", "multi_enum", "url",
    )  # fmt: skip
    custom = {f"F_{type_}__c": FieldSpec(f"F_{type_}__c", type_, custom=True) for type_ in types}
    fields = {"Name": FieldSpec("Name", "text"), **custom}
    spec = spec_of("name: Name", more='custom: {match: "__c$", split: ";"}')
    mapping = ConnectionMapping(spec, {"Things": ObjectSchema("Things", fields)})
    assert len(mapping.maps[0].rules) == 1 + len(types)
    assert [str(found) for found in prove(mapping, samples=60)] == []


def test_a_codec_that_does_not_come_back_is_shown_by_one_small_field() -> None:
    found = prove(spec_of("name: Name\nsite: {to: Site, as: upper}\nindustry: Industry"), samples=20)
    (shown,) = [each for each in found if each.law == "put-get"]
    assert (shown.path, shown.at, shown.model, shown.object) == ("site", "test.yaml:9:7", "account", "Things")
    assert shown.given == {"site": "a"}
    assert shown.wrote == {"Site": "A"}
    assert shown.came_back == "A"
    assert str(shown).splitlines() == [
        "test.yaml:9:7: site: put-get does not hold: what is written reads the same",
        "  map        account in Things",
        "  given      {'site': 'a'}",
        "  wrote      {'Site': 'A'}",
        "  came back  'A'",
    ]


def test_a_long_value_is_cut_down_to_what_still_fails() -> None:
    found = prove(spec_of("name: {to: Name, as: cut}"), samples=0)
    (shown,) = [each for each in found if each.law == "put-get"]
    assert len(str(shown.given["name"])) == 21


def test_what_a_codec_raises_is_a_counterexample_too() -> None:
    found = prove(spec_of("name: Name\nsite: {to: Site, as: crashing}"), samples=5)
    assert {path for _, path in laws(found)} == {"site"}
    assert "unexpected KeyError" in str(found[0].came_back)


def test_what_a_model_refuses_is_put_down_to_the_field_that_it_refuses() -> None:
    found = prove(spec_of("name: Name\nsite: {to: Site, as: numbered}\nindustry: Industry"), samples=20)
    assert ("model", "site") in laws(found)
    assert {path for _, path in laws(found)} == {"site"}


def test_a_codec_that_takes_nothing_says_so_and_samples_of_its_own_help() -> None:
    (shown,) = prove(spec_of("site: {to: Site, as: picky}"), samples=5)
    assert (shown.law, shown.path) == ("takes", "site")
    assert prove(spec_of("site: {to: Site, as: picky_with_samples}"), samples=5) == []


def test_a_lossy_rule_may_change_a_value_once_and_not_again() -> None:
    clean = spec_of("full_name: {to: [First, Last], as: join, lossy: true}", model="contact")
    assert prove(clean, samples=40) == []
    found = prove(spec_of("site: {to: Site, as: drifting, lossy: true}"), samples=5)
    assert ("put-get", "site") in laws(found)


def test_two_rules_that_get_in_each_other_s_way_are_shown_together() -> None:
    spec = spec_of("owner: {ref: user, to: Owner.id}\nindustry: Industry")
    entry = spec.maps[0]
    clash = replace(entry.rules[1], to=("Owner",))  # the parser would refuse it
    broken = MappingSpec(spec.crm, 1, (replace(entry, rules=(entry.rules[0], clash)),), spec.name)
    found = prove(broken, samples=30)
    assert any(set(each.given) == {"owner", "industry"} for each in found)


def test_a_default_that_its_codec_cannot_read_is_shown() -> None:
    found = prove(spec_of("employees: {to: Size, as: int, default_on_create: many}"), samples=5)
    assert ("defaults", "employees") in laws(found)


def test_a_record_that_another_map_of_the_object_would_read_is_shown() -> None:
    text = """
crm: test
version: 1
maps:
  - {model: activity, object: Task, set: {type: task}, fields: {subject: Subject, priority: Kind}}
  - {model: activity, object: Task, set: {type: call}, where: {Kind: Call}, fields: {subject: Subject}}
"""
    spec = parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS)
    assert prove(spec, samples=20) == []
    entry = spec.maps[0]
    swapped = replace(spec, maps=(replace(spec.maps[1], where={}), replace(entry, where={})))
    assert ("belongs", "where") in laws(prove(swapped, samples=5))


class Mixed(TextCodec):
    """Reads as one codec does and writes as another: what a slip in a codec looks like."""

    def __init__(self, reads: Value, writes: Value) -> None:
        self._reads, self._writes = _narrow(reads), _narrow(writes)
        self.gives = self._reads.gives

    def decode(self, value: Value) -> object:
        return self._reads.decode(value)

    def encode(self, value: object) -> Value:
        return self._writes.encode(value)


def _narrow(codec: Value) -> Codec:
    made = make(codec)
    assert not is_wide(made)
    return cast("Codec", made)


MUTANTS: list[tuple[str, Value, Value]] = [
    ("probability", "percent", "ratio"),
    ("probability", "ratio", "percent"),
    ("expected_close", {"date": "%m/%d/%Y"}, {"date": "%d/%m/%Y"}),
    ("expected_close", {"date": {"in": "epoch_ms", "tz": "Europe/Berlin"}}, {"date": "epoch_s"}),
    ("type", {"enum": {"A": "new", "B": "existing"}}, {"enum": {"A": "existing", "B": "new"}}),
    ("type", {"enum": {"New": "new"}}, {"enum": {"new": "renewal", "Neu": "new"}}),
    ("name", "trim", {"prefix": "x"}),
    ("name", "email_lower", "text"),
    ("stage_entered_at", {"datetime": {"tz": "Europe/Berlin"}}, {"datetime": {"out": "local", "tz": "UTC"}}),
    ("stage_entered_at", "epoch_s", "epoch_ms"),
    ("exchange_rate", {"unit": {"scale": 10}}, "decimal"),
    ("tags", {"split": ";"}, {"split": ","}),
]


@pytest.mark.parametrize(("path", "reads", "writes"), MUTANTS, ids=[f"{m[0]} {m[1]} {m[2]}" for m in MUTANTS])
def test_a_codec_whose_ways_do_not_fit_each_other_is_noticed(path: str, reads: Value, writes: Value) -> None:
    deal = spec_of("name: Name", model="deal").maps[0]
    parsed = parse_path(path)
    rule = replace(deal.rules[0], path=parsed, kind=kind_of(Deal, parsed), codec=Mixed(reads, writes))
    spec = MappingSpec("test", 1, (replace(deal, rules=(rule,)),), "test.yaml")
    assert ("put-get", path) in laws(prove(spec, samples=20))


def test_the_same_seed_gives_the_same_answer() -> None:
    spec = spec_of("name: {to: Name, as: cut}\nsite: {to: Site, as: upper}")
    assert [str(each) for each in prove(spec, 10, seed=1)] == [str(each) for each in prove(spec, 10, seed=1)]


def test_a_map_that_is_only_read_has_nothing_to_prove() -> None:
    assert prove(spec_of("name: {to: Name, dir: read}"), samples=5) == []


def test_random_values_stay_within_what_the_rule_takes() -> None:
    rules = compile_map(
        spec_of(
            "probability: {to: P, as: percent}\nstatus: {to: S, as: {enum: {A: open}}}\n"
            "probability_source: Source\namount: {to: A, as: {money: {default: USD}}}",
            model="deal",
        ).maps[0]
    ).by_path
    random = Random(1)
    drawn = {path: [samples_of(rule, Deal).draw(random) for _ in range(60)] for path, rule in rules.items()}
    assert all(isinstance(each, Decimal) and 0 <= each <= 1 for each in drawn["probability"])
    assert set(drawn["probability_source"]) == {"stage", "manual"}
    assert {"open", "won", "lost", "abandoned"} < set(drawn["status"])
    assert {each.currency for each in drawn["amount"] if isinstance(each, Money)} == {"USD"}
