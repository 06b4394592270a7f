"""What a tool call is answered, in the shapes in which clients have met it.

Source: Zoho MCP as seen by public clients: JSON text in `content[0].text`, `structuredContent`, either of
them wrapped once more in `{"data": ...}`, a `{"message"}` alone, "MCP tool call requires approval".
"""

from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json, load_json
from crmhub.testing.simulator.mcp import Message, said

SHAPES = ("text", "structured", "both", "wrapped", "message")


def told(reply: Response, shape: str) -> Message:
    """The API's reply as a tool result; what it refuses is an error."""
    body = bytes(reply.body)
    failed = reply.status_code >= 400
    if not body:
        return said("", failed=failed)
    value = load_json(body)
    if shape == "message":
        value = {"message": "The tool was not able to do this" if failed else "The tool has done this"}
    if shape == "wrapped":
        value = {"data": value}
    text = "" if shape == "structured" else dump_json(value).decode()
    return said(text, failed=failed, structured=value if shape in {"structured", "both"} else None)
