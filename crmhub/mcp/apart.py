"""Running something beside its starter, as a task of nobody's.

The MCP library's session holds task groups and cancel scopes open for as long as it lives, so it needs one
task that enters and leaves it; connectors have no task group to start one in. A thread that waits asks the
event loop to run it, which anyio offers on asyncio and trio alike. The task ends with the event loop.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable

import anyio
import anyio.from_thread
import anyio.lowlevel

__all__ = ["run_apart"]


def run_apart(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Run ``work``, which raises nothing, as a task of its own in the running event loop."""
    token = anyio.lowlevel.current_token()

    async def worked() -> None:
        cancelled = anyio.get_cancelled_exc_class()
        try:
            await work()
        except cancelled:
            return  # the event loop ends: nobody waits for this task, and a log line would tell nothing
        except BaseExceptionGroup as group:
            _, others = group.split(cancelled)
            if others is not None:
                raise others from None

    def waits() -> None:
        # Whatever comes out says that the event loop has ended, and the task with it.
        with contextlib.suppress(BaseException):
            anyio.from_thread.run(worked, token=token)

    threading.Thread(target=waits, name=name, daemon=True).start()
