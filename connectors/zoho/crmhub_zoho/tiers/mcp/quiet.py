"""Keeping the MCP library's own log lines about our calls out of the log.

Its HTTP client logs each address, which may hold a key, and others log what was said, which holds records.
Other users of the library in the same process are not affected.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["quiet"]

_LOGGERS = (
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
_ours: ContextVar[bool] = ContextVar("crmhub_zoho_mcp_call", default=False)


@contextmanager
def quiet() -> Generator[None]:
    """Inside, and in tasks that are started inside, the MCP library logs nothing."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


def _not_ours(_: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_not_ours)
