"""What Salesforce's MCP tools say, read as records; and arguments put where a tool's schema wants them."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crmhub.connector import Value
from crmhub.errors import BadRequest, BadResponse, ConnectorError, RateLimited, Unsupported
from crmhub.mcp.said import Said
from crmhub_salesforce.tiers.arguments import Tool, arranged, check
from crmhub_salesforce.tiers.replies import rows_of
from crmhub_salesforce.tiers.settings import McpSettings

SECRET = "mary.jones@example.com"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.just(SECRET) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["records", "success", "error", "data", "result", "totalSize", "done", "Id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
RECORDS = st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.integers() | st.text()), max_size=4)
SHAPES: list[Callable[[object], Said]] = [
    lambda value: Said("tool", failed=False, structured=value),
    lambda value: Said("tool", failed=False, text=json.dumps(value)),
    lambda value: Said("tool", failed=False, structured={"result": value}),
    lambda value: Said("tool", failed=False, structured={"result": json.dumps(value)}),
    lambda value: Said("tool", failed=False, structured={"data": value}),
    lambda value: Said("tool", failed=False, text=json.dumps({"data": {"data": value}})),
    lambda value: Said("tool", failed=False, text=f"SOQL query results:\n\n{json.dumps(value, indent=2)}"),
]


@given(st.sampled_from(SHAPES), RECORDS, st.booleans())
def test_records_are_the_same_in_every_shape(
    shape: Callable[[object], Said], records: list[Value], bare: bool
) -> None:
    whole = {"success": True, "totalSize": len(records), "records": records}
    rows = rows_of(shape(records if bare else whole), connection="sf")
    assert list(rows.records) == records
    assert rows.whole


@given(JSON, st.booleans())
def test_whatever_a_tool_says_is_records_or_an_error_of_ours_that_shows_no_value(
    value: Value, failed: bool
) -> None:
    try:
        rows_of(Said("tool", failed, structured=value), connection="sf")
    except ConnectorError as error:
        assert SECRET not in f"{error} {error!r} {error.hint}"  # noqa: PT017 - the error is one of two ends


def test_lines_of_text_are_records_of_texts_and_said_to_be_no_more() -> None:
    text = (
        "Query returned 2 records:\n\nRecord 1:\n    Name: A: b\n    Description: one\n\ntwo\n"
        "    Phone: null\n\nRecord 2:\n    Name: \n    Owner.Email: x@example.com"
    )
    rows = rows_of(Said("tool", failed=False, text=text), connection="sf")
    assert not rows.exact
    assert list(rows.records) == [
        {"Name": "A: b", "Description": "one\ntwo", "Phone": None},
        {"Name": "", "Owner.Email": "x@example.com"},
    ]


def test_searched_lines_tell_their_object_and_nothing_found_is_no_record() -> None:
    text = (
        "Search Results:\nAccount (1 records found):\n  Record 1:\n    Id: 1\n\n\nLead (0 records found):\n"
    )
    rows = rows_of(Said("tool", failed=False, text=text), connection="sf")
    assert list(rows.records) == [{"attributes": {"type": "Account"}, "Id": "1"}]
    nothing = rows_of(Said("tool", failed=False, text="Query returned 0 records:\n\n"), connection="sf")
    assert (list(nothing.records), nothing.whole) == ([], True)


@pytest.mark.parametrize(
    "text", ["Here is [a list] for you:", "Note: see below\n\nno {json}", "Rows:\n\n{bad"]
)
def test_other_sentences_are_no_records(text: str) -> None:
    with pytest.raises(BadResponse):
        rows_of(Said("tool", failed=False, text=text), connection="sf")


def test_numbers_keep_all_their_digits() -> None:
    text = '{"success": true, "totalSize": 1, "records": [{"Amount": 12345678901234567.89}]}'
    rows = rows_of(Said("tool", failed=False, structured=json.loads(text), text=text), connection="sf")
    assert rows.records[0]["Amount"] == Decimal("12345678901234567.89")


@pytest.mark.parametrize(
    "answer",
    [
        {"totalSize": 3, "records": [{"Id": "1"}]},
        {"totalSize": 1, "records": [{"Id": "1"}], "done": False},
    ],
)
def test_an_answer_with_fewer_records_than_there_are_is_not_whole(answer: dict[str, object]) -> None:
    assert not rows_of(Said("tool", failed=False, structured=answer), connection="sf").whole


@pytest.mark.parametrize("failed", [True, False])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (f"MALFORMED_QUERY: unexpected token: {SECRET}", BadRequest),
        ([{"errorCode": "MALFORMED_QUERY", "message": SECRET}], BadRequest),
        ({"code": "MALFORMED_QUERY", "message": SECRET}, BadRequest),
        ("Too many requests", RateLimited),
        (f"no idea what {SECRET} is", BadResponse),
    ],
)
def test_errors_are_known_by_their_codes(error: object, kind: type[ConnectorError], failed: bool) -> None:
    with pytest.raises(kind) as caught:
        rows_of(Said("tool", failed, structured={"success": False, "error": error}), connection="sf")
    assert SECRET not in str(caught.value)


def test_a_failure_in_plain_text_is_known_by_its_code_too() -> None:
    with pytest.raises(BadRequest):
        rows_of(Said("tool", failed=True, text=f"Error: INVALID_FIELD: {SECRET}"), connection="sf")


# ── arguments ────────────────────────────────────────────────────────────────────────────────────


def tool(*names: str, required: tuple[str, ...] = (), **places: str) -> Tool:
    return Tool("ask", {"properties": {name: {} for name in names}, "required": [*required]}, places)


def test_arguments_go_where_the_schema_wants_them() -> None:
    given_ = {"soql_query": "SELECT Id FROM Account", "limit": 3}
    assert arranged(tool("query", "Max-Results"), given_) == {"query": given_["soql_query"], "Max-Results": 3}
    assert arranged(tool("q", soql_query="body.q"), given_, optional=("limit",)) == {
        "body": {"q": given_["soql_query"]}
    }


def test_what_is_always_told_goes_along_and_fills_what_the_tool_demands() -> None:
    schema: dict[str, Value] = {"properties": {"query": {}, "org": {}}, "required": ["query", "org"]}
    told = Tool("ask", schema, values={"org": "me", "deep.er": 1})
    assert arranged(told, {"soql_query": "x"}) == {"query": "x", "org": "me", "deep": {"er": 1}}


def test_a_tool_that_cannot_be_told_or_wants_more_is_not_used() -> None:
    with pytest.raises(Unsupported, match="cannot be told limit"):
        arranged(tool("query"), {"soql_query": "x", "limit": 3})
    with pytest.raises(Unsupported, match="two arguments at body"):
        arranged(tool(limit="body", soql_query="body.q"), {"limit": 3, "soql_query": "x"})
    with pytest.raises(Unsupported, match="demands directory"):
        arranged(tool("query", "directory", required=("query", "directory")), {"soql_query": "x"})


@given(st.one_of(st.integers(max_value=0), st.integers(min_value=2001), st.booleans(), st.text()))
def test_a_limit_that_there_cannot_be_is_refused(limit: Value) -> None:
    with pytest.raises(BadRequest, match="limit"):
        check("get_accounts", {"limit": limit})


def test_settings_name_only_operations_that_there_are() -> None:
    with pytest.raises(ValidationError, match="no such operation"):
        McpSettings.model_validate({"url": "https://example.com/mcp", "tools": {"get_leads": "x"}})
