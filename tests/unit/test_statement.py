"""Values bound to statements of a CRM's query language stay values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.errors import BadRequest, UsageError
from crmhub.statement import Scalar, bound
from crmhub_salesforce import soql
from crmhub_zoho import coql

SOQL = re.compile(r"Name = '((?:\\.|[^'\\])*)' AND Size = 5", re.DOTALL)


def shown(value: Scalar) -> str:
    return f"<{value}>"


def test_each_place_gets_its_value_and_what_is_quoted_is_left_alone() -> None:
    text = "a = :a and b in :b and c = 'it''s :a \\' :b' and d = LAST_N_DAYS:30 and t > 10:20:30Z"
    assert bound(text, {"a": "x", "b": [1, Decimal("2.50")]}, shown) == (
        "a = <x> and b in (<1>, <2.50>) and c = 'it''s :a \\' :b' and d = LAST_N_DAYS:30 and t > 10:20:30Z"
    )


@pytest.mark.parametrize(
    ("text", "params", "said"),
    [
        ("a = :nmae", {"name": 1}, "no value for :nmae.*did you mean 'name'"),
        ("a = 1", {"name": 1}, "there is no :name in it"),
        ("a = ':name'", {"name": 1}, "there is no :name in it.*outside of quotes"),
        ("a = :name and b = 'x", {"name": 1}, "a quote is not closed"),
        ("a in :name", {"name": []}, ":name is an empty list"),
        ("a = :name", {"name": {"secret": 1}}, ":name: a dict is no value"),
        ("a = :name", {"name": [b"secret"]}, ":name: a bytes is no value"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(text: str, params: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        bound(text, params, shown)
    assert "secret" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_leaves_its_quotes_in_soql(text: str) -> None:
    statement = bound("Name = :name AND Size = :size", {"name": text, "size": 5}, soql.parameter)
    assert SOQL.fullmatch(statement)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\")))
def test_no_text_leaves_its_quotes_in_coql(text: str) -> None:
    statement = bound("Name = :name", {"name": text}, coql.parameter)
    (found,) = re.fullmatch(r"Name = '((?:[^']|'')*)'", statement, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess] - it fails then
    assert found.replace("''", "'") == text


def test_times_are_written_as_each_language_wants_them() -> None:
    at, day = datetime(2026, 1, 31, 9, tzinfo=UTC), date(2026, 1, 31)
    assert coql.parameter(at) == "'2026-01-31T09:00:00+00:00'"
    assert coql.parameter(day) == "'2026-01-31'"
    assert soql.parameter(at) == "2026-01-31T09:00:00Z"
    assert soql.parameter(day) == "2026-01-31"
    assert (coql.parameter(True), soql.parameter(False)) == ("true", "false")
    assert soql.parameter(None) == "null"


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), Decimal("NaN"), float("inf"), "\ud800"])  # noqa: DTZ001
def test_what_cannot_be_written_is_refused_by_both(value: Scalar) -> None:
    for language in (coql, soql):
        with pytest.raises(BadRequest):
            language.parameter(value)


@pytest.mark.parametrize("value", [None, "a\\b", "line\nbreak"])
def test_coql_refuses_what_is_not_known_to_be_safe(value: Scalar) -> None:
    with pytest.raises(BadRequest):
        coql.parameter(value)
