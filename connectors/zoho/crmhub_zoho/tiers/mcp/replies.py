"""What a tool said, in the shapes in which Zoho's and other servers say it, as a reply of the API.

Read in this order: `structuredContent`, JSON in the first text; one wrapping in `{"data": ...}` is taken
off, and one in `{"result": ...}`, which servers put around what is no object; then it is Zoho's own envelope,
or the records or the outcome that would stand in it. A text that asks for approval is neither success nor
failure.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crmhub.connector import Native, Value
from crmhub.http import Response
from crmhub.mcp.said import Said, approval, asks_approval, check_text, lost, said_too_fast, unclear, value_of
from crmhub_zoho.records import is_record_id

__all__ = ["response_of"]

_BESIDE_A_MESSAGE = frozenset({"message", "status", "success", "code"})
_RESULT = "result"
_TOLD = frozenset({"data", "code", "status", "success", "error", "errors"})
"""Keys of what is more than a record; those of its fields begin with other letters."""
_JSON = {"content-type": "application/json"}

_encode = msgspec.json.Encoder(decimal_format="number").encode


def response_of(said: Said, *, changes: bool, connection: str) -> Response:
    """The result as a reply of Zoho's API, for a call that ``changes`` something or only reads.

    Raises :class:`~crmhub.errors.ApprovalRequired`, and otherwise what a result means that shows neither
    records nor Zoho's error: :class:`~crmhub.errors.UnknownOutcome` when something may have been changed.
    """
    found, value = value_of(said)
    if not found:
        check_text(said, said.text.strip(), changes=changes)
        return _response(said, b"", 204, changes, connection)
    value = _unwrapped(value)
    message = _only_message(value)
    if message is not None:
        if asks_approval(message):
            raise approval(said.tool)
        if (too_fast := said_too_fast(said, message)) is not None:
            raise too_fast
        raise unclear(said, message, changes=changes)
    if said.failed and _says_internal(value):
        raise lost(f"the tool {said.tool} failed: INTERNAL_ERROR", changes=changes)
    if not said.failed:
        value = _enveloped(value, changes=changes)
    refused = said.failed or (isinstance(value, dict) and _is_refusal(value))
    return _response(said, _encode(value), 400 if refused else 200, changes, connection)


def _unwrapped(value: Value) -> Value:
    if isinstance(value, dict) and set(value) == {_RESULT}:
        value = value[_RESULT]
        if isinstance(value, str):
            _, value = value_of(Said(_RESULT, failed=False, text=value))
    if isinstance(value, dict) and isinstance(value.get("data"), dict) and "code" not in value:
        return value["data"]
    return value


def _enveloped(value: Value, *, changes: bool) -> Value:
    """Zoho's envelope around records, or outcomes of a call that ``changes`` something, that came without."""
    rows = value if isinstance(value, list) else [value]
    if not all(isinstance(row, dict) and (_is_record(row) or _is_outcome(row)) for row in rows):
        return value
    return {"data": [_outcome(row) if changes and isinstance(row, dict) else row for row in rows]}


def _is_record(value: Mapping[str, Value]) -> bool:
    return isinstance(value.get("id"), str | int) and not value.keys() & _TOLD


def _is_outcome(value: Mapping[str, Value]) -> bool:
    return isinstance(value.get("details"), dict) and "data" not in value and not _is_refusal(value)


def _outcome(row: Native) -> Native:
    """A record that a tool gives for a write was written, or the tool would call it an error."""
    if not _is_record(row) or not is_record_id(str(row["id"])):
        return row
    return {"code": "SUCCESS", "status": "success", "details": row}


def _only_message(value: Value) -> str | None:
    """The message of an object that has nothing else to tell; Zoho's own errors always have a code."""
    if not isinstance(value, dict) or set(value) - _BESIDE_A_MESSAGE or _is_refusal(value):
        return None
    message = value.get("message")
    return message if isinstance(message, str) else None


def _is_refusal(value: Mapping[str, Value]) -> bool:
    return isinstance(value.get("code"), str) and value.get("status") == "error"


def _says_internal(value: Value) -> bool:
    return isinstance(value, dict) and _is_refusal(value) and value.get("code") == "INTERNAL_ERROR"


def _response(said: Said, content: bytes, status: int, changes: bool, connection: str) -> Response:
    return Response(
        status,
        _JSON,
        content,
        method="MCP",
        path=said.tool,
        repeatable=not changes,
        connection=connection,
    )
