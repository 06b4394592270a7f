"""Keeping httpx's own log lines about our calls out of the log.

At level INFO httpx logs the whole URL of each call, and with it the values of its query (an e-mail
searched for, say); at DEBUG httpcore logs reply headers. Our calls are told by events instead. Other
users of httpx in the same process are not affected.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["quiet"]

_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
_ours: ContextVar[bool] = ContextVar("crmhub_http_call", default=False)


@contextmanager
def quiet() -> Generator[None]:
    """Inside, httpx and httpcore log nothing from this task."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


def _not_ours(_: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_not_ours)
