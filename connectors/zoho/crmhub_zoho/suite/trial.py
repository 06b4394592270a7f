"""A cheap call by which ``check()`` sees whether something may be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

__all__ = ["Trial"]


class Trial(NamedTuple):
    """The name of a line, the call, and the scope that it needs."""

    name: str
    call: Callable[[], Awaitable[object]]
    scope: str
