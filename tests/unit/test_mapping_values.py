"""Comparable forms: equal exactly when two values mean the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.document import Document
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.compiled import CompiledMap, compile_map
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.values import Comparison, comparable_form, digest, plain
from crmhub.models import AccountType, Money, Unknown
from crmhub.models.registry import BUILT_IN
from crmhub.sync.base import Base

EAST = timezone(timedelta(hours=1))
laws = settings(max_examples=60, deadline=None)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e60"), max_value=Decimal("1e60")
)
INSTANTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def one_map(fields: str) -> CompiledMap:
    text = f"crm: test\nversion: 1\nmaps:\n  - {{model: account, object: A, fields: {fields}}}\n"
    return compile_map(parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS).maps[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("-0"), Decimal("0.00")),
        (Decimal("1e3"), Decimal(1000)),
        (Money(Decimal("1.50"), "EUR"), Money(Decimal("1.5"), "EUR")),
        (datetime(2026, 1, 31, 15, tzinfo=EAST), datetime(2026, 1, 31, 14, tzinfo=UTC)),
        (AccountType.PARTNER, "partner"),
        (Unknown("Reseller"), "Reseller"),
        ({"a": 1, "b": Decimal("1.50")}, {"b": Decimal("1.5"), "a": 1}),
    ],
)  # fmt: skip
def test_values_that_mean_the_same_have_one_form(one: object, other: object) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Money(Decimal(1), "EUR"), Money(Decimal(1), "USD")),
        (Money(Decimal(1), None), Money(Decimal(1), "USD")),
        (Decimal("1.00000000000000000000000000000000001"), Decimal(1)),
        (Decimal(10**40 + 1), Decimal(10**40)),
        (timedelta(microseconds=1), timedelta()),
        (date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)),
        (None, ""),
        (["a", "b"], ["b", "a"]),
        (["a", "b"], ["a, b"]),
    ],
)
def test_values_that_differ_have_different_forms(one: object, other: object) -> None:
    assert plain(one) != plain(other)


@laws
@given(DECIMALS, DECIMALS)
def test_decimals_are_compared_exactly(one: Decimal, other: Decimal) -> None:
    assert (plain(one) == plain(other)) == (one == other)
    assert (plain(Money(one)) == plain(Money(other))) == (one == other)


@laws
@given(INSTANTS, INSTANTS, st.integers(-12, 12))
def test_instants_are_compared_as_points_in_time(one: datetime, other: datetime, hours: int) -> None:
    elsewhere = one.astimezone(timezone(timedelta(hours=hours)))
    assert plain(one) == plain(elsewhere)
    assert (plain(one) == plain(other)) == (one == other)


@laws
@given(st.timedeltas(), st.timedeltas())
def test_durations_are_compared_to_the_microsecond(one: timedelta, other: timedelta) -> None:
    assert (plain(one) == plain(other)) == (one == other)


def test_a_set_forgets_order_and_repetition() -> None:
    form = comparable_form("set")
    assert form(["b", "a", "b"]) == form(["a", "b"])
    assert form(["a"]) != form(["a", "b"])


def test_a_loose_text_forgets_case_and_spacing() -> None:
    form = comparable_form("text")
    assert form(" Straße  1\n") == form("STRASSE 1")
    assert form("Straße 1") != form("Straße 2")


def test_a_comparison_holds_the_paths_that_one_side_reads_and_the_other_writes() -> None:
    source = one_map(
        "{name: Name, site: Site, rating: {to: R, compare: ignore}, number: {to: N, dir: write}, source: S}"
    )
    target = one_map("{name: Name, site: {to: S, dir: read}, rating: R, number: N, industry: I}")
    comparison = Comparison(source, target)
    assert comparison.paths == ("name",)
    assert comparison.unshared == ("site", "source")
    assert comparison.comparable({"name": "ACME", "site": "x"}) == {"name": "ACME"}
    assert comparison.comparable({}) == {}


def test_the_looser_of_both_sides_decides_how_they_are_compared() -> None:
    source = one_map("{name: Name, tags: {to: Tags, compare: set}}")
    target = one_map("{name: {to: Name, compare: text}, tags: Tags}")
    form = Comparison(source, target).comparable
    assert form({"name": "ACME  Inc", "tags": ["b", "a"]}) == form({"name": "acme inc", "tags": ["a", "b"]})


def test_a_digest_changes_when_a_value_does_and_only_then() -> None:
    values: dict[str, object] = {"name": "ACME", "amount": plain(Money(Decimal("1.50"), "EUR"))}
    assert digest(values) == digest({**values, "amount": plain(Money(Decimal("1.5"), "EUR"))})
    assert digest(values) != digest({**values, "name": None})
    assert len(digest(values)) == 16


def changed(new: dict[str, object], values: dict[str, object]) -> list[str]:
    base = Base(values)
    return [path for path, value in new.items() if base.differs(path, value, "a")]


def test_what_changed_is_what_differs_and_what_the_base_lacks_was_empty() -> None:
    assert changed({"a": 1, "b": None, "c": "x"}, {"a": 1, "b": 2}) == ["b", "c"]
    assert changed({"a": None}, {}) == []
