"""What a tool call is answered, in the shapes in which clients have met it.

Source: servers made by FastMCP, which give what a tool returns as text and as structured content, in `result`
where it is no object; npm, @salesforce/mcp (a sentence, an empty line, JSON) and
@tsmztech/mcp-server-salesforce (a line for each field).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec

from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.mcp import Message, said
from crmhub_salesforce.simulator.mcp_tools import ToolCall

SHAPES = ("both", "text", "structured", "wrapped", "data", "bare")

_Row = Mapping[str, object]


def told(call: ToolCall, answer: object, shape: str, username: str) -> Message:
    """The API's answer as a tool result; what it refuses is an error."""
    refusal = _refusal(answer)
    match call.how:
        case "rows" | "search":
            return _pack(call, answer, refusal, shape)
        case "dx":
            if refusal is not None:
                return said(f"Failed to query org: {refusal.partition(': ')[2]}", failed=True)
            return said(f"SOQL query results:\n\n{_pretty(answer)}", failed=False)
        case "orgs" | "user":
            ids = [str(row.get("Id")) for row in _rows(answer)]
            if call.how == "user":
                known = {"aliasOrUsername": username, "defaultTargetOrg": ids[:1]}
                return said(f"Default org: {_pretty(known)}", failed=False)
            orgs = [{"username": username, "orgId": id_, "isSandbox": False} for id_ in ids]
            return said(f"List of configured Salesforce orgs:\n\n{_pretty(orgs)}", failed=False)
        case how:
            return _lines(call, answer, refusal, found=how == "found")


def _pack(call: ToolCall, answer: object, refusal: str | None, shape: str) -> Message:
    if refusal is None:
        rows = _rows(answer)
        total = cast("_Row", answer).get("totalSize", len(rows))
        value: object = {"success": True, "totalSize": total, "records": rows[: call.most]}
    else:
        value = {"success": False, "totalSize": 0, "records": [], "error": refusal}
    if shape == "bare" and refusal is None:
        value = {"result": cast("_Row", value)["records"]}
    if shape in {"wrapped", "data"}:
        value = {"result" if shape == "wrapped" else "data": value}
    text = "" if shape == "structured" else dump_json(value).decode()
    return said(text, failed=False, structured=None if shape == "text" else value)


def _lines(call: ToolCall, answer: object, refusal: str | None, *, found: bool) -> Message:
    if refusal is not None:
        return said(f"Error executing {'search' if found else 'query'}: {refusal}", failed=True)
    rows = _rows(answer)
    if not found:
        (fields,) = call.fields.values()
        shown = "\n\n".join(_record(row, fields, number, "") for number, row in enumerate(rows, 1))
        return said(f"Query returned {len(rows)} records:\n\n{shown}", failed=False)
    parts: list[str] = []
    for name, fields in call.fields.items():
        own = [row for row in rows if cast("_Row", row["attributes"])["type"] == name]
        inner = "".join(f"{_record(row, fields, number, '  ')}\n" for number, row in enumerate(own, 1))
        parts.append(f"\n{name} ({len(own)} records found):\n{inner}")
    return said("Search Results:" + "\n".join(parts), failed=False)


def _record(row: _Row, fields: Sequence[str], number: int, indent: str) -> str:
    return "\n".join(
        [f"{indent}Record {number}:", *(f"    {name}: {_shown(_reached(row, name))}" for name in fields)]
    )


def _reached(row: _Row, path: str) -> object:
    step, _, rest = path.partition(".")
    value = row.get(step)
    return _reached(cast("_Row", value), rest) if rest and isinstance(value, Mapping) else value


def _shown(value: object) -> str:
    """A value as JavaScript puts it into a text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(_in_javascript(value))
    return "[object Object]" if isinstance(value, Mapping) else str(value)


def _rows(answer: object) -> list[dict[str, object]]:
    body = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    return cast("list[dict[str, object]]", body.get("records", body.get("searchRecords", [])))


def _refusal(answer: object) -> str | None:
    if not isinstance(answer, list):
        return None
    first = cast("list[dict[str, object]]", answer)[0]
    return f"{first['errorCode']}: {first['message']}"


def _pretty(value: object) -> str:
    return msgspec.json.format(dump_json(_in_javascript(value)), indent=2).decode()


def _in_javascript(value: object) -> object:
    """A value as JavaScript holds it: every number is a double, and one without a fraction has no point."""
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    if isinstance(value, dict):
        return {name: _in_javascript(one) for name, one in cast("dict[str, object]", value).items()}
    return [_in_javascript(one) for one in cast("list[object]", value)] if isinstance(value, list) else value
