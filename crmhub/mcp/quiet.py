"""Keeping the MCP library's own log lines about our calls out of the log.

Its HTTP client logs each address, which may hold a key, and others log what was said, which holds records.
Other users of the library in the same process are not affected.
"""

from __future__ import annotations

from crmhub.http.quiet import Silence

__all__ = ["quiet"]

quiet = Silence(
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "client",
    "mcp.client.client",
    "mcp.client.session",
    "mcp.client.stdio",
    "mcp.client.streamable_http",
    "mcp.shared.jsonrpc_dispatcher",
)
"""Inside, and in tasks that are started inside, the MCP library logs nothing."""
