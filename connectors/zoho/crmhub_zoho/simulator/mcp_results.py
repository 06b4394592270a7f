"""What a tool call is answered, in the shapes in which clients have met it.

Source: Zoho MCP as seen by public clients: JSON text in `content[0].text`, `structuredContent`, either of
them wrapped once more in `{"data": ...}`, a `{"message"}` alone, "MCP tool call requires approval".
"""

from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json, load_json

Result = dict[str, object]

SHAPES = ("text", "structured", "both", "wrapped", "message")


def told(reply: Response, shape: str) -> Result:
    """The API's reply as a tool result; what it refuses is an error."""
    body = bytes(reply.body)
    failed = reply.status_code >= 400
    if not body:
        return _result("", failed=failed)
    value = load_json(body)
    if shape == "message":
        value = {"message": "The tool was not able to do this" if failed else "The tool has done this"}
    if shape == "wrapped":
        value = {"data": value}
    text = "" if shape == "structured" else dump_json(value).decode()
    result = _result(text, failed=failed)
    if shape in {"structured", "both"}:
        result["structuredContent"] = value
    return result


def approval_needed() -> Result:
    """The call waits for a person; nothing was done."""
    return _result("MCP tool call requires approval", failed=True)


def refused(why: str) -> Result:
    """The arguments do not fit."""
    return _result(f"Invalid arguments: {why}", failed=True)


def _result(text: str, *, failed: bool) -> Result:
    return {"content": [{"type": "text", "text": text}] if text else [], "isError": failed}
