"""Several calls at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from crmhub.errors import ConnectorError

__all__ = ["together"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def together(
    do: Callable[[_Item], Awaitable[_Result]], items: Sequence[_Item], parallel: int
) -> list[_Result]:
    """``do`` for each item, at most ``parallel`` at once; results in the order of the items.

    The first ``ConnectorError`` cancels the others and is raised.
    """
    if len(items) <= 1:
        return [await do(item) for item in items]
    results: dict[int, _Result] = {}
    turns = anyio.Semaphore(parallel)

    async def run(place: int, item: _Item) -> None:
        async with turns:
            results[place] = await do(item)

    try:
        async with anyio.create_task_group() as group:
            for place, item in enumerate(items):
                group.start_soon(run, place, item)
    except* ConnectorError as errors:
        raise _first(errors) from None
    return [results[place] for place in range(len(items))]


def _first(errors: BaseExceptionGroup[ConnectorError]) -> ConnectorError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
