"""Calls that a double makes of its own API: those of its MCP tools."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.types import Message

from crmhub.testing.simulator.jsons import dump_json


def inner_request(
    method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: object = None
) -> Request:
    """A request that came by no socket; `body` becomes JSON."""
    content = b"" if body is None else dump_json(body)

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("mcp", 80),
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(params).encode(),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ],
    }
    return Request(scope, receive)
