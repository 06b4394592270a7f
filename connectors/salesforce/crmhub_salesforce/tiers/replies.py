"""What a Salesforce tool said, in the shapes in which servers say it, as records.

Read in this order: structured content, JSON in the first text (after a sentence too, as Salesforce's own
server has it: `SOQL query results:`, an empty line, JSON), a line for each field (as tsmztech's server has
it); a wrapping in `result` or `data` is taken off. Then it is `{success, totalSize, records, error?}`, or the
records alone. What is no such thing is not taken for "nothing found".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crmhub.connector import Native, Value
from crmhub.errors import ConnectorError
from crmhub.http import Response
from crmhub.mcp.said import Said, approval, asks_approval, check_text, said_too_fast, unclear, value_of
from crmhub_salesforce.codes import CODES
from crmhub_salesforce.errors import error_of
from crmhub_salesforce.tiers.lines import lines_of

__all__ = ["Rows", "rows_of"]

_WRAPPINGS = ("result", "data")
_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_SENTENCE = re.compile(r"\A\s*[A-Z][^\n:{}\[\]]{0,100}:\s*\n\s*(?=[{\[])")
_LINES = re.compile(r"(Query returned \d+ records:|Search Results:)")
_KNOWN = frozenset({*CODES, "REQUEST_LIMIT_EXCEEDED"})
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """The ``records`` of an answer, and how many there are in all by its own word (``total``).

    Not ``exact`` are those that came as lines of text, in which ``null`` may be a word and a number a text.
    """

    records: Sequence[Native]
    total: int
    done: bool = True
    exact: bool = True

    @property
    def whole(self) -> bool:
        """Whether nothing says that there are more records than came."""
        return self.done and self.total <= len(self.records)


def rows_of(said: Said, *, connection: str) -> Rows:
    """The records of a tool's result.

    Raises what Salesforce's code in it means, ``ApprovalRequired``, ``RateLimited``, and ``BadResponse`` for
    what shows neither records nor a known code. No text of the result is shown.
    """
    found, value = value_of(said)
    if not found and not said.failed:
        found, value = value_of(replace(said, text=_SENTENCE.sub("", said.text, count=1)))
    if not found:
        text = said.text.strip()
        if not said.failed and _LINES.match(text):
            lines = lines_of(text)
            return Rows(lines, len(lines), exact=False)
        if said.failed:
            raise _refusal(said, text, connection)
        check_text(said, text, changes=False)
        raise unclear(said, text, changes=False)
    value = _unwrapped(value)
    if said.failed or _refused(value):
        raise _refusal(said, value, connection)
    if isinstance(value, dict):
        records, total, done = value.get("records"), value.get("totalSize"), value.get("done")
    else:
        records, total, done = value, None, True
    rows = [row for row in records if isinstance(row, dict)] if isinstance(records, list) else []
    if not isinstance(records, list) or len(rows) < len(records):
        raise _refusal(said, value, connection)
    size = total if isinstance(total, int) and not isinstance(total, bool) else len(rows)
    return Rows(rows, size, done is not False)


def _unwrapped(value: Value) -> Value:
    for _ in range(_DEEPEST):
        if not isinstance(value, dict) or "records" in value or _refused(value):
            return value
        inner = next((value[name] for name in _WRAPPINGS if value.get(name) is not None), None)
        if isinstance(inner, str):
            readable, inner = value_of(Said("", failed=False, text=inner))
            if not readable:
                return value
        if not isinstance(inner, dict | list):
            return value
        value = inner
    return value


def _refused(value: Value) -> bool:
    return isinstance(value, dict) and (value.get("success") is False or bool(value.get("error")))


def _refusal(said: Said, value: Value, connection: str) -> ConnectorError:
    """The error that a result stands for; by Salesforce's code, wherever in the words it is."""
    text = _words(value)
    if asks_approval(text):
        return approval(said.tool)
    code = next((one for one in _CODE.findall(text) if one in _KNOWN), None)
    if code is not None:
        response = Response(400, {}, b"", method="MCP", path=said.tool, connection=connection)
        refusal: Native = {"errorCode": code, "message": text}
        return error_of(refusal, 400, response)
    failed = Said(said.tool, failed=True)
    if (too_fast := said_too_fast(failed, text)) is not None:
        return too_fast
    if isinstance(value, str):
        try:
            check_text(failed, text, changes=False)
        except ConnectorError as error:
            return error
    return unclear(failed, text, changes=False)


def _words(value: Value) -> str:
    """All text of an error, in its own order; of an answer with records none, since values are in them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(_words(one) for one in value if isinstance(one, dict | str))
    if not isinstance(value, dict):
        return ""
    return " ".join(_words(one) for name, one in value.items() if name != "records")
