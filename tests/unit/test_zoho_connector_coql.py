from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.connector import Condition, Value
from crmhub.errors import BadRequest
from crmhub_zoho import coql
from crmhub_zoho.simulator import coql_parser
from crmhub_zoho.simulator.coql_parser import parse_coql

UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\]")
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("'\"\\%_()-;\n\0 ")), max_size=40)


def where_of(where: str) -> coql_parser.Condition | coql_parser.Pair:
    return parse_coql(f"select id from Accounts where {where} limit 1").where


@given(ANY_TEXT)
def test_a_text_literal_is_read_back_as_that_text_or_refused(text: str) -> None:
    try:
        literal = coql.literal(text)
    except BadRequest:
        assert any(
            letter == "\\" or ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000
            for letter in text
        )
        return
    condition = where_of(f"Account_Name = {literal}")
    assert isinstance(condition, coql_parser.Condition)
    assert condition.values == (text,)


@given(ANY_TEXT)
def test_no_name_of_a_field_can_become_anything_else(text: str) -> None:
    try:
        query = coql.select([text], "Accounts", "id is not null", limit=1)
    except BadRequest:
        return
    (item,) = parse_coql(query).items
    assert item.column.text == text


@pytest.mark.parametrize("name", ["External", "Group", "Order", "LIMIT", "From"])
def test_a_field_whose_name_is_a_word_of_the_language_stands_in_quotes(name: str) -> None:
    (built,) = coql.conditions([Condition(name, "eq", "x")], {})
    query = parse_coql(coql.select(["id", name], "Accounts", built))
    assert [item.column.text for item in query.items] == ["id", name]
    assert isinstance(query.where, coql_parser.Condition)
    assert query.where.column.text == name


@given(st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=4)))
def test_numbers_are_written_out_exactly(number: int | Decimal) -> None:
    assert Decimal(coql.literal(number)) == number


@pytest.mark.parametrize(
    "value", [None, ["a"], {"id": "1"}, Decimal("NaN"), float("inf"), "a\\b", "a\nb", "\ud800"]
)
def test_what_cannot_be_a_literal_is_refused(value: Value) -> None:
    with pytest.raises(BadRequest):
        coql.literal(value)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 20])
def test_conditions_are_nested_in_pairs_so_that_zoho_takes_them(count: int) -> None:
    wanted = [Condition("Account_Name", "eq", f"{number}") for number in range(count)]
    parsed = where_of(coql.all_of(coql.conditions(wanted, {})))
    assert _count(parsed) == count


@pytest.mark.parametrize(("values", "queries"), [(1, 1), (100, 1), (101, 2), (2_200, 22)])
def test_a_long_list_is_cut_into_conditions_of_a_hundred_values(values: int, queries: int) -> None:
    wanted: list[Value] = [f"{number}" for number in range(values)]
    (built,) = coql.conditions([Condition("id", "in", wanted)], {})
    assert _count(where_of(built)) == queries


def test_more_than_zoho_takes_is_refused_with_the_number_it_takes() -> None:
    wanted: list[Value] = [f"{number}" for number in range(2_201)]
    with pytest.raises(BadRequest, match=r"at most 2200 values.*|field id"):
        coql.conditions([Condition("id", "in", wanted)], {})


def test_an_instant_has_an_offset_and_whole_seconds() -> None:
    assert coql.stamp(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "'2026-01-02T03:04:05+00:00'"


@pytest.mark.parametrize(
    ("text", "limited"),
    [
        ("select id from Leads where id is not null", False),
        ("select id from Leads where id is not null LIMIT 5", True),
        ("select id from Leads where Company = 'no limit 5'", False),
        ("select Limit_Amount from Leads where id is not null", False),
    ],
)
def test_a_limit_is_found_only_where_it_is_one(text: str, *, limited: bool) -> None:
    assert coql.has_limit(text) is limited


def _count(where: coql_parser.Condition | coql_parser.Pair) -> int:
    return 1 if isinstance(where, coql_parser.Condition) else _count(where.left) + _count(where.right)
