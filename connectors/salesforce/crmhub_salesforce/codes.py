"""The table of Salesforce's error codes.

Source: REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide,
"StatusCode".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
)

__all__ = ["CODES", "Meaning", "Show"]

Show: TypeAlias = Literal["own", "object", "column", "place", "type", "limit", "fields", "matches", "admin"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means: our error, our words, what to do, and how much of the vendor's message is shown."""

    kind: type[ConnectorError]
    words: str
    hint: str | None = None
    show: Show = "own"


def _record(words: str, hint: str | None = None, show: Show = "own") -> Meaning:
    return Meaning(InvalidRecord, words, hint, show)


def _call(words: str, hint: str | None = None, show: Show = "own") -> Meaning:
    return Meaning(BadRequest, words, hint, show)


def _denied(words: str, hint: str) -> Meaning:
    return Meaning(PermissionDenied, words, hint)


_PROFILE = "give the user the permission by profile or permission set, and access by sharing"
_API_NAME = "write its API name, custom ones with __c, and let the user see it"
_AGAIN = "it passes; try again, with fewer writers at a time"
CODES: Mapping[str, Meaning] = {
    "INVALID_SESSION_ID": Meaning(
        AuthError,
        "the session is expired or invalid",
        "a given access_token cannot be renewed: give a new one, or sign in by another flow",
    ),
    "InvalidSessionId": Meaning(AuthError, "the session is expired or invalid"),
    "INVALID_AUTH_HEADER": Meaning(AuthError, "the access token is not accepted"),
    "API_DISABLED_FOR_ORG": _denied(
        "the API is not enabled for this user or edition", "enable 'API Enabled' in the user's profile"
    ),
    "API_CURRENTLY_DISABLED": _denied("the API is disabled for the org for now", "ask Salesforce support"),
    "INSUFFICIENT_ACCESS": _denied("the user has no access", _PROFILE),
    "INSUFFICIENT_ACCESS_OR_READONLY": _denied("the user may not change this record", _PROFILE),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _denied(
        "the user has no access to a record that is referred to", _PROFILE
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": _record("a flow of the org failed", show="admin"),
    "FUNCTIONALITY_NOT_ENABLED": _denied("the org has not enabled this", "enable the feature in Setup"),
    "OPERATION_NOT_ENABLED": _denied("the org has not enabled this", "enable the feature in Setup"),
    "NOT_FOUND": Meaning(NotFound, "there is no such record, object or resource"),
    "ENTITY_IS_DELETED": Meaning(NotFound, "the record is deleted"),
    "INVALID_TYPE": Meaning(
        NotFound,
        "there is no such object, or the user may not see it",
        f"{_API_NAME} (permission sets)",
        "object",
    ),
    "INVALID_TYPE_FOR_OPERATION": _call("the object does not support this"),
    "UNSUPPORTED_API_VERSION": _call("this API version is retired", "set a newer version"),
    "MALFORMED_QUERY": _call(
        "the query is not well-formed", "look there for a word, a comma, a quote or a parenthesis", "place"
    ),
    "INVALID_FIELD": _call(
        "there is no such field, or the user may not see it", f"{_API_NAME} (field-level security)", "column"
    ),
    "INVALID_QUERY_FILTER_OPERATOR": _call(
        "the query compares a field in a way it does not allow", show="column"
    ),
    "INVALID_QUERY_LOCATOR": _call(
        "the query's cursor is no longer known",
        "a cursor lives two days: ask again for what comes after the last row (WHERE Id > '…' ORDER BY Id)",
    ),
    "INVALIDJOB": _call("the bulk job is not well-formed"),
    "INVALIDJOBSTATE": _call("the bulk job is in a state that does not allow this"),
    "INVALIDENTITY": _call("the object cannot be read or written by bulk jobs"),
    "API_ERROR": _call("a bulk job cannot give what is asked for"),
    "EXCEEDEDQUOTA": _call("the org's bulk jobs of the last 24 hours are used up"),
    "QUERY_TOO_COMPLICATED": _call("the query is too complicated", "ask for fewer formula fields"),
    "QUERY_TIMEOUT": _call("the query took too long", "filter it, or ask for fewer fields"),
    "OPERATION_TOO_LARGE": _call("the query has too large a result", "filter it"),
    "EXCEEDED_ID_LIMIT": _call("too many ids are named"),
    "INVALID_SEARCH": _call("the text cannot be searched", "search at least two letters or digits"),
    "URI_TOO_LONG": _call("the URL is too long"),
    "METHOD_NOT_ALLOWED": _call("the resource does not know this method"),
    "MISSING_ARGUMENT": _call("an argument is missing"),
    "INVALID_BATCH_SIZE": _call("the batch size is out of range"),
    "JSON_PARSER_ERROR": _record("a value has the wrong type", show="type"),
    "REQUIRED_FIELD_MISSING": _record("required fields are missing", show="fields"),
    "STRING_TOO_LONG": _record("a text is too long", show="limit"),
    "INVALID_EMAIL_ADDRESS": _record("it is no e-mail address that Salesforce accepts"),
    "NUMBER_OUTSIDE_VALID_RANGE": _record("a number is out of range"),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _record(
        "it is not among the choices of a restricted picklist", "add the choice in Setup, or map the value"
    ),
    "INVALID_CROSS_REFERENCE_KEY": _record("a record that is referred to does not exist or is out of reach"),
    "MALFORMED_ID": _record("it is no id of the right object"),
    "INVALID_ID_FIELD": _record("it is no id of the right object"),
    "FIELD_INTEGRITY_EXCEPTION": _record("a value contradicts another field or record"),
    "FIELD_FILTER_VALIDATION_EXCEPTION": _record(
        "a lookup filter of the org forbids the value", show="admin"
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": _record("a field cannot be written", show="fields"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _record("a validation rule of the org forbids it", show="admin"),
    "CANNOT_UPDATE_CONVERTED_LEAD": _record(
        "the lead was converted", "change the contact, the account or the deal that it has become"
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": _record("an automation of the org failed"),
    "APEX_ERROR": _record("an automation of the org failed"),
    "DUPLICATES_DETECTED": Meaning(
        AlreadyExists,
        "a duplicate rule of the org forbids it",
        "write to the record that it is like, or set allow_duplicates where the rule only warns",
        "matches",
    ),
    "DUPLICATE_VALUE": Meaning(AlreadyExists, "a unique value is already taken"),
    "DUPLICATE_EXTERNAL_ID": Meaning(AlreadyExists, "several records have this external id"),
    "DELETE_FAILED": _record("other records depend on it", "delete or move those first"),
    "TRANSFER_REQUIRES_READ": _record("the new owner may not read the object"),
    "INACTIVE_OWNER_OR_USER": _record("the user is inactive", "choose an active user"),
    "OP_WITH_INVALID_USER_TYPE_EXCEPTION": _record("the user's type cannot own it", "choose another user"),
    "STORAGE_LIMIT_EXCEEDED": Meaning(QuotaExceeded, "the org's storage is full", "free or buy storage"),
    "ENTITY_IS_LOCKED": _record(
        "the record is locked, as while its approval is pending",
        "let the approval be decided, or write as a user who may edit locked records",
    ),
    "UNABLE_TO_LOCK_ROW": Meaning(Conflict, "another writer holds the record or its parent", _AGAIN),
    "TXN_SECURITY_METERING_ERROR": Meaning(Conflict, "a security policy took too long", _AGAIN),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Meaning(Conflict, "another record of the batch failed"),
    "PROCESSING_HALTED": Meaning(Conflict, "another record of the batch failed"),
}
