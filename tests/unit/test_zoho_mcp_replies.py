"""What MCP tools say, read as replies of Zoho's API; and arguments put where a tool's schema wants them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crmhub.connector import Native, Value
from crmhub.errors import (
    ApprovalRequired,
    BadRequest,
    BadResponse,
    ConnectorError,
    RateLimited,
    Unavailable,
    UnknownOutcome,
    Unsupported,
)
from crmhub.mcp.failures import Note, meaning
from crmhub.mcp.said import Said, asks_approval
from crmhub_zoho.tiers.mcp import McpSettings
from crmhub_zoho.tiers.mcp.arguments import Tool, arranged
from crmhub_zoho.tiers.mcp.replies import response_of
from crmhub_zoho.tiers.mcp.table import OPERATIONS, candidates, canonical

ROWS: Native = {"data": [{"id": "1"}]}
INTERNAL: Native = {"code": "INTERNAL_ERROR", "status": "error", "message": "x"}
SECRET = "mary@example.com"


def said(value: object = None, *, failed: bool = False, structured: object = None, text: str = "") -> Said:
    return Said("tool", failed, structured, text or ("" if value is None else json.dumps(value)))


def read(one: Said, *, changes: bool = False) -> Value:
    return response_of(one, changes=changes, connection="zoho").json()


@pytest.mark.parametrize(
    "one",
    [
        said(ROWS),
        said(structured=ROWS),
        said({"data": ROWS}),
        said(structured={"data": ROWS}),
        said(text=f"  {json.dumps(ROWS)}\n"),
        Said("tool", False, ROWS, "1 record was found"),
        Said("tool", False, ROWS, '{"data": [{"id": "another"}]}'),
        said({"id": "1"}),
        said([{"id": "1"}]),
        said({"data": {"id": "1"}}),
        said(structured={"result": ROWS}),
        said(structured={"result": [{"id": "1"}]}),
        said(structured={"result": json.dumps(ROWS)}, text="as text"),
    ],
)
def test_records_are_found_in_every_shape(one: Said) -> None:
    assert read(one) == ROWS


@pytest.mark.parametrize(
    "written",
    [
        {"id": "1"},
        {"data": {"id": "1"}},
        {"result": {"id": "1"}},
        {"code": "SUCCESS", "status": "success", "details": {"id": "1"}},
        {"data": {"code": "SUCCESS", "status": "success", "details": {"id": "1"}}},
    ],
)
def test_the_outcome_of_a_write_is_found_in_every_shape(written: Native) -> None:
    outcome: Native = {"code": "SUCCESS", "status": "success", "details": {"id": "1"}}
    assert read(said(written), changes=True) == {"data": [outcome]}


@pytest.mark.parametrize(
    "odd", [{"id": "1", "status": "error"}, {"id": "1", "success": False}, {"id": "job"}]
)
def test_what_may_be_no_success_is_not_made_one(odd: Native) -> None:
    found = read(said(odd), changes=True)
    assert "SUCCESS" not in json.dumps(found)


@pytest.mark.parametrize("odd", [{"id": None}, {"name": "n"}, [1], ["id"], {"result": "no JSON"}, 7])
def test_what_names_no_record_is_not_made_one(odd: Value) -> None:
    for changes in (True, False):
        found = read(said(structured=odd), changes=changes)
        assert not isinstance(found, dict) or "data" not in found


def test_only_one_wrapping_is_taken_off() -> None:
    assert read(said({"data": {"data": ROWS}})) == {"data": ROWS}


def test_numbers_keep_the_digits_that_the_text_has() -> None:
    text = '{"data":[{"Amount":1234567890123456.125,"Rate":0.10}]}'
    found = read(Said("tool", False, json.loads(text), text))
    assert found == {"data": [{"Amount": Decimal("1234567890123456.125"), "Rate": Decimal("0.10")}]}


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False))
def test_numbers_of_structured_content_alone_are_those_that_were_written(number: Decimal) -> None:
    found = cast(
        "dict[str, list[dict[str, Decimal]]]", read(said(structured={"data": [{"n": float(number)}]}))
    )
    assert found["data"][0]["n"] == number


@pytest.mark.parametrize(
    "text",
    [
        "MCP tool call requires approval",
        "This tool requires your explicit approval before it can run.",
        "Approval is required for createRecords",
        "The request is pending approval",
        "needs approval",
    ],
)
@pytest.mark.parametrize("changes", [True, False])
def test_a_request_for_approval_is_its_own_outcome_in_every_shape(text: str, changes: bool) -> None:
    for one in (
        said(text=text),
        said(text=text, failed=True),
        said({"message": text}),
        said(structured={"message": text, "status": "pending"}, failed=True),
    ):
        with pytest.raises(ApprovalRequired):
            read(one, changes=changes)
    assert isinstance(meaning(-32000, text, None, tool="tool", changes=changes), ApprovalRequired)


def test_the_word_approval_in_a_record_asks_for_nothing() -> None:
    row: Native = {"data": [{"Description": "requires approval", "$approval_state": "approved"}]}
    assert read(said(row)) == row
    assert not asks_approval("Budget 50% approved")


@pytest.mark.parametrize(
    ("one", "reading", "changing"),
    [
        (said({"message": "done"}), BadResponse, UnknownOutcome),
        (said({"message": "failed"}, failed=True), BadResponse, UnknownOutcome),
        (said(text="Here you are"), BadResponse, UnknownOutcome),
        (said(text="Error: Too many requests", failed=True), RateLimited, RateLimited),
        (said({"message": "Rate limit was exceeded"}, failed=True), RateLimited, RateLimited),
        (said({"message": "Rate limit was exceeded"}), BadResponse, UnknownOutcome),
        (said(text='{"data": [{"id"'), BadResponse, UnknownOutcome),
        (said(text="Error executing tool tool", failed=True), BadResponse, UnknownOutcome),
        (
            said({"code": "INTERNAL_ERROR", "status": "error", "message": "x"}, failed=True),
            Unavailable,
            UnknownOutcome,
        ),
        (
            said(text=f"1 validation error for x\n input_value='{SECRET}'", failed=True),
            BadRequest,
            BadRequest,
        ),
        (said(text=f"Invalid arguments: {SECRET}", failed=True), BadRequest, BadRequest),
    ],
)
def test_what_is_neither_records_nor_zohos_error_is_told_by_what_may_have_happened(
    one: Said, reading: type[ConnectorError], changing: type[ConnectorError]
) -> None:
    with pytest.raises(reading) as read_error:
        read(one)
    with pytest.raises(changing) as write_error:
        read(one, changes=True)
    assert read_error.value.applied is False
    assert SECRET not in str(read_error.value) + str(write_error.value)


def test_nothing_said_is_nothing_found_and_no_proof_of_a_write() -> None:
    assert read(said()) is None
    with pytest.raises(UnknownOutcome):
        read(said(), changes=True)


def test_zohos_envelope_is_a_refusal_however_the_tool_calls_it() -> None:
    envelope: Native = {"code": "INVALID_MODULE", "status": "error", "message": "no", "details": {}}
    for failed in (True, False):
        reply = response_of(said(envelope, failed=failed), changes=False, connection="zoho")
        assert (reply.status, reply.json()) == (400, envelope)


@pytest.mark.parametrize(
    ("code", "data", "reading", "changing"),
    [
        (-32000, Note(why="ConnectError", sent=False).data(), Unavailable, Unavailable),
        (-32000, Note(why="ReadError").data(), Unavailable, UnknownOutcome),
        (-32000, None, Unavailable, UnknownOutcome),
        (-32603, None, Unavailable, UnknownOutcome),
        (-32700, None, BadResponse, UnknownOutcome),
        (-32600, None, Unavailable, UnknownOutcome),
        (-32700, Note(400).data(), BadRequest, BadRequest),
        (-32602, None, BadRequest, BadRequest),
        (-32021, None, ApprovalRequired, ApprovalRequired),
    ],
)
def test_json_rpc_errors_are_told_by_what_may_have_happened(
    code: int, data: object, reading: type[ConnectorError], changing: type[ConnectorError]
) -> None:
    read_error = meaning(code, SECRET, data, tool="tool", changes=False)
    write_error = meaning(code, SECRET, data, tool="tool", changes=True)
    assert (type(read_error), type(write_error)) == (reading, changing)
    assert SECRET not in str(read_error) + str(write_error)


@given(
    st.integers(), st.text(), st.booleans(), st.dictionaries(st.text(), st.none() | st.text() | st.integers())
)
def test_no_json_rpc_error_says_that_a_write_was_not_applied_unless_it_is_known(
    code: int, message: str, changes: bool, data: dict[str, object]
) -> None:
    error = meaning(code, message, {"crmhub": data}, tool="tool", changes=changes)
    known = code in {-32602, -32601, -32600, -32700, -32020, -32022}
    assert not changes or known or error.applied is None or isinstance(data.get("status"), int)


# ── arguments ────────────────────────────────────────────────────────────────────────────────────


def schema(**properties: Value) -> Native:
    return {"type": "object", "properties": properties}


def section(*names: str, required: tuple[str, ...] = ()) -> Native:
    return {"type": "object", "properties": {name: {} for name in names}, "required": list(required)}


def test_arguments_go_where_the_schema_names_them_in_its_own_spelling() -> None:
    nested = Tool(
        "t", schema(path_variables=section("module_api_name", "Record_Id"), query_params=section("fields"))
    )
    flat = Tool("t", schema(moduleName={}, id={}, fields={}))
    given: Native = {"module": "Leads", "id": "1", "fields": "City", "token": None}
    assert arranged(nested, given) == {
        "path_variables": {"module_api_name": "Leads", "Record_Id": "1"},
        "query_params": {"fields": "City"},
    }
    assert arranged(flat, given) == {"moduleName": "Leads", "id": "1", "fields": "City"}


def test_what_is_always_told_goes_along() -> None:
    spec = cast("Native", {"properties": {"id": {}, "org": {}}, "required": ["id", "org"]})
    told = Tool("t", spec, values={"org": "x", "query_params.trigger": "none"})
    assert arranged(told, {"id": "1"}) == {"id": "1", "org": "x", "query_params": {"trigger": "none"}}


@pytest.mark.parametrize(
    "spec", [{}, {"type": "object"}, schema(path_variables={}, query_params={}, body={}, headers={})]
)
def test_a_schema_that_says_nothing_gets_zohos_own_form(spec: Native) -> None:
    given: Native = {"module": "Leads", "id": "1", "since": "2026-01-01T00:00:00+00:00", "body": {"data": []}}
    assert arranged(Tool("t", spec), given) == {
        "path_variables": {"module": "Leads", "recordID": "1"},
        "headers": {"If-Modified-Since": "2026-01-01T00:00:00+00:00"},
        "body": {"data": []},
    }


def test_a_tool_for_one_record_gets_the_record_and_one_for_several_the_list() -> None:
    body: Native = {"data": [{"a": 1}]}
    assert arranged(Tool("t", schema(data={"type": "object"}), fixed=True), {"body": body}) == {
        "data": {"a": 1}
    }
    assert arranged(Tool("t", schema(record={"type": "array"}), fixed=True), {"body": body}) == {
        "record": [{"a": 1}]
    }


UNTELLABLE: list[tuple[Tool, Native]] = [
    (Tool("t", schema(id={})), {"module": "Leads", "id": "1"}),
    (Tool("t", schema(module={})), {"module": "Leads", "id": "1"}),
    (Tool("t", {**schema(id={}), "required": ["id", "owner"]}, fixed=True), {"id": "1"}),
    (Tool("t", schema(path_variables=section("module", required=("module", "x")))), {"module": "Leads"}),
    (Tool("t", schema(data={"type": "object"})), {"body": {"data": [{}, {}]}}),
    (Tool("t", schema(data={"type": "object"})), {"body": {"data": [{}], "trigger": []}}),
    (Tool("t", {}), {"body": {"data": [{"Amount": Decimal("1234567890123456.125")}]}}),
]


@pytest.mark.parametrize(("tool", "told"), UNTELLABLE)
def test_what_a_tool_cannot_be_told_is_not_called(tool: Tool, told: Native) -> None:
    with pytest.raises(Unsupported):
        arranged(tool, told)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=3, allow_nan=False))
def test_a_number_is_sent_exactly_or_not_at_all(number: Decimal) -> None:
    told = arranged(Tool("t", {}), {"body": {"n": number}})
    assert Decimal(repr(cast("dict[str, float]", told["body"])["n"])) == number


def test_a_persons_word_on_a_place_goes_before_the_schema() -> None:
    tool = Tool("t", schema(id={}, filter=section("key")), fixed=True, places={"id": "filter.key"})
    assert arranged(tool, {"module": "Leads", "id": "1"}) == {"filter": {"key": "1"}}


# ── names and settings ───────────────────────────────────────────────────────────────────────────


def test_names_are_matched_however_they_are_spelt() -> None:
    spellings = ("ZohoCRM_getRecords", "ZohoCRM_Get_Records", "getRecords", "get-records")
    assert {canonical(one) for one in spellings} == {"getrecords"}
    assert list(candidates("list", "Accounts")) == ["getrecords", "listaccounts"]
    assert list(candidates("list", "Custom__c")) == ["getrecords"]
    assert {
        "get_account",
        "list_deals",
        "update_contact",
        "get_activities",
        "create_task",
        "add_note",
    } <= set(OPERATIONS)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"url": "https://example.com/mcp", "command": ["x"]},
        {"command": ["x"], "token": "t"},
        {"command": []},
        {"url": "http://example.com/mcp?key=hidden-key"},
        {"url": "mcp.example.com"},
        {"url": "https://example.com/mcp", "tools": {"get_planet": "x"}},
        {"url": "https://example.com/mcp", "timeout": 0},
    ],
)
def test_wrong_settings_are_refused_without_showing_the_address(wrong: Native) -> None:
    with pytest.raises(ValidationError) as refused:
        McpSettings.model_validate(wrong)
    assert "hidden-key" not in str(refused.value)
