"""What Salesforce says when it refuses, in our words and without anybody's data."""

from __future__ import annotations

import json

import pytest

from crmhub.connector import Native, Value
from crmhub.errors import (
    AlreadyExists,
    AuthError,
    BadRequest,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
)
from crmhub.http import Response
from crmhub_salesforce.errors import classify, existing_id, is_about_records, is_transient, problem_of

JSON = {"content-type": "application/json;charset=UTF-8"}


def answered(status: int, body: Value) -> ConnectorError | None:
    return classify(Response(status, JSON, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "INVALID_SESSION_ID", "Session expired or invalid", AuthError),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QuotaExceeded),
        (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            RateLimited,
        ),
        (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", PermissionDenied),
        (403, "SOMETHING_NEW", "secret-value", PermissionDenied),
        (400, "MALFORMED_QUERY", "unexpected token: 'secret-value'", BadRequest),
        (400, "SOMETHING_NEW", "secret-value", BadRequest),
        (404, "NOT_FOUND", "The requested resource does not exist", NotFound),
        (404, "SOMETHING_NEW", "secret-value", NotFound),
        (410, "UNSUPPORTED_API_VERSION", "retired", BadRequest),
        (400, "JSON_PARSER_ERROR", "instance of date from VALUE_STRING value secret-value", InvalidRecord),
        (400, "DUPLICATES_DETECTED", "Use one of these records?", AlreadyExists),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", Conflict),
        (400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", QuotaExceeded),
    ],
)
def test_a_refused_call_becomes_the_error_of_its_code(
    status: int, code: str, message: str, kind: type[ConnectorError]
) -> None:
    error = answered(status, [{"errorCode": code, "message": message}])
    assert error is not None
    assert type(error) is kind
    assert error.code == code
    assert "secret-value" not in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, []), (500, [{"errorCode": "UNKNOWN_EXCEPTION"}]), (400, []), (400, {}), (400, "x"), (400, [1])],
)
def test_where_there_is_no_word_of_salesforces_the_status_decides(status: int, body: Value) -> None:
    assert answered(status, body) is None


def test_a_page_that_is_no_json_leaves_the_status_to_decide() -> None:
    assert classify(Response(400, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")) is None


@pytest.mark.parametrize(
    ("code", "message", "fields", "said", "field"),
    [
        (
            "REQUIRED_FIELD_MISSING",
            "x",
            ["Name", "CloseDate"],
            "required fields are missing (Name, CloseDate)",
            "Name",
        ),
        (
            "STRING_TOO_LONG",
            "Name: data value too large: secret-value (max length=80)",
            ["Name"],
            "at most 80",
            "Name",
        ),
        ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: secret-value", ["Email"], "e-mail", "Email"),
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "Close date must be later",
            [],
            "Close date must be later",
            None,
        ),
        (
            "DUPLICATE_VALUE",
            "duplicate value found: External_Id__c duplicates value on record with id: 001D000000IRFma",
            [],
            "a unique value is already taken",
            "External_Id__c",
        ),
        ("INVALID_FIELD", "No such column 'Nmae' on entity 'Account'", None, "Nmae of Account", "Nmae"),
        ("SOMETHING_NEW", "secret-value", ["secret value"], "refused the record", None),
    ],
)
def test_a_refused_record_names_its_field_and_hides_its_values(
    code: str, message: str, fields: list[str] | None, said: str, field: str | None
) -> None:
    named: Value = None if fields is None else [*fields]
    problem = problem_of({"statusCode": code, "message": message, "fields": named})
    assert said in problem.message
    assert problem.field == field
    assert problem.code == code
    assert problem.permanent
    assert "secret-value" not in str(problem)


def test_a_refused_record_tells_what_to_do_where_that_is_known() -> None:
    problem = problem_of({"statusCode": "INACTIVE_OWNER_OR_USER", "message": "x", "fields": []})
    assert problem.message == "the user is inactive; choose an active user"


def test_an_admins_own_words_are_shown_without_quotes_and_numbers() -> None:
    message = "Ask 'Jane Doe' <jane@example.com> about account 1234567\n" + "x" * 500
    problem = problem_of({"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": message})
    assert "Jane" not in problem.message
    assert "1234567" not in problem.message
    assert len(problem.message) < 300


@pytest.mark.parametrize(
    "refusal", [{}, {"statusCode": 7}, {"statusCode": "<b>", "message": None, "fields": "x"}]
)
def test_a_refusal_without_sense_is_still_a_refusal(refusal: Native) -> None:
    problem = problem_of(refusal)
    assert (problem.code, problem.permanent) == ("UNKNOWN", True)


def test_the_record_that_has_the_unique_value_is_named() -> None:
    message = "duplicate value found: X__c duplicates value on record with id: 001D000000IRFma"
    assert existing_id({"statusCode": "DUPLICATE_VALUE", "message": message}) == "001D000000IRFmaIAH"
    found: Value = {"matchResults": [{"matchRecords": [{"record": {"Id": "001D000000IRFmaIAH"}}]}]}
    assert (
        existing_id({"statusCode": "DUPLICATES_DETECTED", "duplicateResult": found}) == "001D000000IRFmaIAH"
    )
    assert existing_id({"statusCode": "DUPLICATES_DETECTED", "duplicateResult": {"matchResults": []}}) is None
    assert existing_id({"statusCode": "STRING_TOO_LONG", "message": message}) is None


def test_what_passes_is_told_from_what_stays() -> None:
    for code in ("UNABLE_TO_LOCK_ROW", "TXN_SECURITY_METERING_ERROR", "ALL_OR_NONE_OPERATION_ROLLED_BACK"):
        assert not problem_of({"statusCode": code}).permanent
    wrapped: Native = {
        "statusCode": "APEX_ERROR",
        "message": "System.DmlException: UNABLE_TO_LOCK_ROW, unable to",
    }
    assert is_transient(wrapped)
    assert not problem_of(wrapped).permanent
    assert not is_transient({"statusCode": "APEX_ERROR", "message": "System.NullPointerException"})


def test_a_batch_is_cut_in_halves_only_for_what_may_lie_in_a_record() -> None:
    assert is_about_records(InvalidRecord("x", code="JSON_PARSER_ERROR"))
    assert is_about_records(BadRequest("x", code="INVALID_FIELD"))
    assert is_about_records(BadRequest("x", status=413))
    assert not is_about_records(BadRequest("x", code="UNSUPPORTED_API_VERSION"))
    assert not is_about_records(QuotaExceeded("x", code="REQUEST_LIMIT_EXCEEDED"))


@pytest.mark.parametrize(
    ("code", "message", "said", "object", "field"),
    [
        (
            "INVALID_TYPE",
            "\nSELECT Id FROM Acount\nERROR at Row:1:Column:16\nsObject type 'Acount' is not supported.",
            "there is no such object, or the user may not see it (Acount)",
            "Acount",
            None,
        ),
        (
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime",
            "the query compares CreatedDate with something that is no dateTime",
            None,
            "CreatedDate",
        ),
        (
            "INVALID_FIELD",
            "ERROR at Row:1:Column:30\nfield 'Description' can not be filtered in a query call",
            "a query cannot filter by Description",
            None,
            "Description",
        ),
        (
            "MALFORMED_QUERY",
            "ERROR at Row:1:Column:33\nfield 'Description' can not be sorted in a query call",
            "a query cannot sort by Description",
            None,
            "Description",
        ),
        (
            "INVALID_FIELD",
            "field 'Amount' can not be grouped in a query call",
            "a query cannot group by Amount",
            None,
            "Amount",
        ),
        (
            "MALFORMED_QUERY",
            "ERROR at Row:2:Column:5\nunexpected token: 'secret-value'",
            "the query is not well-formed (at row 2, column 5)",
            None,
            None,
        ),
    ],
)
def test_a_refused_query_tells_what_is_wrong_where_and_what_to_do(
    code: str, message: str, said: str, object: str | None, field: str | None
) -> None:
    error = answered(400, [{"errorCode": code, "message": message}])
    assert error is not None
    assert error.what.endswith(said)
    assert (error.where.object, error.where.field) == (object, field)
    assert error.hint
    assert "secret-value" not in str(error)
