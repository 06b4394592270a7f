"""SOQL that no value can break out of, and ids in all their forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.connector import Condition, Value
from crmhub.errors import BadRequest
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.simulator.soql.lexer import unescaped
from crmhub_salesforce.soql import compared, counting, identifier, instant, literal, path_of, quoted, select

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "'",
        "\\",
        "\\'",
        "' OR Name != '",
        "\\\\' --",
        "a\nb\r\t\b\f\0",
        "東京",
        "\u2028",
        '"',
        "%_",
        "@{query.x}",
    ]
)
# SOQL and SOSL Reference, "Quoted String Escape Sequences": any other use of a backslash is an error.
STRING = re.compile(r"'(?:[^'\\\x00-\x1f]|\\(?:[nrtbf\"'\\]|u[0-9a-fA-F]{4}))*'")


@given(TEXTS)
def test_any_text_becomes_one_string_literal_that_means_it(text: str) -> None:
    written = quoted(text)
    assert STRING.fullmatch(written)
    assert unescaped(written) == text


@given(TEXTS, TEXTS)
def test_a_statement_with_any_values_has_exactly_those_strings(first: str, second: str) -> None:
    soql = select(
        ("Id",),
        "Account",
        [
            compared(Condition("Name", "eq", first), "string"),
            compared(Condition("Site", "in", [second, first]), "string"),
        ],
    )
    bare = STRING.sub("S", soql)
    more = "S" if first == second else "S, S"
    assert bare == f"SELECT Id FROM Account WHERE Name = S AND Site IN ({more})"
    assert [unescaped(found) for found in STRING.findall(soql)] == [first, *dict.fromkeys([second, first])]


@given(st.text())
def test_a_name_is_an_api_name_or_is_refused(name: str) -> None:
    try:
        assert identifier(name) == name
    except BadRequest:
        assert not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or len(name) > 80
    else:
        assert re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a;b", "a'b", "Name\n", "Näme", "COUNT()", "a.", ".a", "a..b"]
)
def test_a_path_of_something_else_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        path_of(name)


def test_a_path_reaches_five_relationships_and_no_more() -> None:
    assert path_of("a.b.c.d.e.F__c") == "a.b.c.d.e.F__c"
    with pytest.raises(BadRequest, match="more than 5"):
        path_of("a.b.c.d.e.f.G__c")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4) | st.integers() | st.floats(-1e15, 1e15))
def test_numbers_are_written_out_exactly(number: Decimal | float) -> None:
    if abs(Decimal(str(number)).adjusted()) > 60:
        return
    written = literal(number, "currency")
    assert re.fullmatch(r"-?\d+(\.\d+)?", written)
    assert Decimal(written) == Decimal(str(number))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN"), Decimal("1e999999")])
def test_what_is_no_number_is_refused(number: Value) -> None:
    with pytest.raises(BadRequest, match="out of range"):
        literal(number, "double")


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_is_written_in_utc_to_the_millisecond(moment: datetime) -> None:
    try:
        wanted = moment.astimezone(UTC)
    except OverflowError:
        return
    read = datetime.fromisoformat(instant(moment))
    assert wanted - timedelta(milliseconds=1) < read <= wanted


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (None, "string", "null"),
        (True, "boolean", "true"),
        (7, "int", "7"),
        (Decimal("1.50"), "currency", "1.50"),
        ("2026-01-31", "date", "2026-01-31"),
        ("2026-01-31T10:00:00+02:00", "datetime", "2026-01-31T08:00:00Z"),
        ("2026-01-31T08:00:00.123+0000", "datetime", "2026-01-31T08:00:00.123Z"),
        ("13:04:00.000Z", "time", "13:04:00.000Z"),
        ("x", None, "'x'"),
        ("001000000000000", "reference", "'001000000000000'"),
    ],
)
def test_values_become_literals_of_their_fields_type(value: Value, kind: str | None, written: str) -> None:
    assert literal(value, kind) == written


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1 OR Id != null", "int"),
        ("true", "boolean"),
        (True, "string"),
        (1, "string"),
        (1, "boolean"),
        ("2026-01-31 OR", "date"),
        ("2026-01-31T10:00:00", "datetime"),
        ("LAST_N_DAYS:3", "datetime"),
        ("13:04", "time"),
        ({"a": 1}, "string"),
        ([1], None),
        ("\ud800", "string"),
    ],
)
def test_a_value_that_the_type_cannot_have_is_refused_unshown(value: Value, kind: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        compared(Condition("Some_Field__c", "eq", value), kind)
    assert "OR" not in str(caught.value)
    assert caught.value.where.field == "Some_Field__c"


def test_in_takes_nulls_and_empty_lists() -> None:
    assert compared(Condition("A", "in", ["x", None]), "string") == "(A IN ('x') OR A = null)"
    assert compared(Condition("A", "in", [None]), "string") == "A = null"
    assert compared(Condition("A", "in", []), "string") == "Id = null"
    with pytest.raises(BadRequest, match="list"):
        compared(Condition("A", "in", "x"), "string")


def test_fields_are_selected_once_whatever_their_case() -> None:
    assert select(("Id", "Name", "ID", "Id"), "Account", limit=3) == "SELECT Id, Name FROM Account LIMIT 3"
    assert counting("Account", ["A = 1", "B = 2"]) == "SELECT COUNT() FROM Account WHERE A = 1 AND B = 2"


def test_a_statement_that_is_too_long_is_refused_with_what_to_do() -> None:
    condition = compared(Condition("Name", "in", [f"name {n}" for n in range(10_000)]), "string")
    with pytest.raises(BadRequest, match="fewer values"):
        select(("Id",), "Account", [condition])


@pytest.mark.parametrize(
    ("given_", "full"),
    [
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        ("001D000000IRFmaIAH", "001D000000IRFmaIAH"),
        ("001d000000irfmaiah", "001D000000IRFmaIAH"),
        ("001D000000IRFmaIAB", None),
        ("001D000000IRFm", None),
        ("001D000000IRFm'", None),
        ("001D000000IRFmá", None),
        ("", None),
    ],
)
def test_ids_are_made_whole_or_refused(given_: str, full: str | None) -> None:
    assert full_id(given_) == full


@given(st.from_regex(r"[A-Za-z0-9]{15}", fullmatch=True))
def test_an_id_survives_the_loss_of_its_case(short: str) -> None:
    full = full_id(short)
    assert full is not None
    assert full_id(full.lower()) == full_id(full.upper()) == full


def test_other_time_zones_are_the_same_instant() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert instant(moment) == "2026-01-01T06:30:00Z"
