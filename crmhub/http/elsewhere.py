"""Calls that something else makes for a connection: a library with a transport of its own.

Such a call draws on the same allowance of the CRM, so it waits for its turn as any other, and counts. What
the other way answers is its own affair, but for one thing: that calls came too fast.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from crmhub.errors import ConnectorError, RateLimited
from crmhub.http.call import Call
from crmhub.http.limits import Limits
from crmhub.http.retry import Attempt, RetryPolicy

__all__ = ["made_elsewhere", "named"]

_T = TypeVar("_T")


def named(way: str, name: str, endpoint: str, cost: int) -> Call:
    """A call by another ``way`` (``MCP``), as limits and events know it."""
    return Call(
        method=way,
        target="",
        path=name,
        headers={},
        content=None,
        repeatable=False,
        endpoint=endpoint,
        cost=cost,
        ok=(),
        expected="any",
    )


async def made_elsewhere(
    send: Callable[[], Awaitable[_T]],
    call: Call,
    *,
    limits: Limits,
    retry: RetryPolicy,
    failed: Callable[[ConnectorError, Attempt, float | None], None],
) -> _T:
    """What ``send`` gives, once the limits let it through; sent again only after ``RateLimited``.

    ``failed`` hears of each of those, and of the wait before the next try (``None``: there is none).
    """

    async def attempted(attempt: Attempt) -> tuple[list[_T], ConnectorError | None]:
        entry = await limits.enter(call.endpoint, attempt.patience)
        try:
            return [await send()], None
        except RateLimited:
            raise
        except ConnectorError as error:
            return [], error  # past the policy, which would send again what another way may do better
        finally:
            await limits.leave(entry)

    found, error = await retry.run(attempted, failed, repeatable=False, once=False)
    if error is not None:
        raise error
    return found[0]
