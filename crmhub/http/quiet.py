"""Keeping other libraries' own log lines about our calls out of the log.

At level INFO httpx logs the whole URL of each call, and with it the values of its query (an e-mail
searched for, say); at DEBUG httpcore logs reply headers; and stamina tells each retry to its hooks,
which print it where nobody has configured structlog. Our calls are told by events instead. Other users
of these libraries in the same process are not affected.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import stamina.instrumentation

__all__ = ["Silence", "quiet", "quiet_retries"]


class Silence:
    """Silences loggers by name, in the tasks that are inside of it: ``with silence(): …``.

    Tasks that are started inside are inside too; what others do is logged as ever.
    """

    def __init__(self, *loggers: str) -> None:
        self._inside: ContextVar[bool] = ContextVar("crmhub_silence", default=False)
        for name in loggers:
            logging.getLogger(name).addFilter(lambda _record: not self.holds())

    def holds(self) -> bool:
        """Whether this task is inside."""
        return self._inside.get()

    @contextmanager
    def __call__(self) -> Generator[None]:
        """Inside, nothing is logged."""
        before = self._inside.set(True)
        try:
            yield
        finally:
            self._inside.reset(before)


quiet = Silence("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
"""Inside, httpx, httpcore and stamina log nothing from this task."""


def quiet_retries() -> None:
    """From now on stamina's hooks hear of everybody's retries but ours; safe to call again."""
    hooks = stamina.instrumentation.get_on_retry_hooks()
    if not all(isinstance(hook, _OthersOnly) for hook in hooks):
        stamina.instrumentation.set_on_retry_hooks([_OthersOnly(hook) for hook in hooks])


@dataclass(frozen=True, slots=True)
class _OthersOnly:
    """A retry hook that is not called for our own retries."""

    hook: stamina.instrumentation.RetryHook

    def __call__(self, details: stamina.instrumentation.RetryDetails) -> AbstractContextManager[None] | None:
        return None if quiet.holds() else self.hook(details)
