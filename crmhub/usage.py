"""What operations cost, and what is used of what an account may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Estimate", "Operation", "Planned", "Usage"]

Operation: TypeAlias = Literal[
    "read", "list", "newest", "get", "search", "count", "create", "update", "upsert", "delete"
]
"""``read`` and ``list`` are the same: records of an object, all of them or as many as are named."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An operation that is thought of: on ``records`` records (``None``: all there are), with ``fields``.

    ``page_size`` is that of :class:`~crmhub.connector.ReadRequest`.
    """

    operation: Operation
    object: str
    records: int | None = None
    fields: tuple[str, ...] = ()
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an operation costs, when nothing has to be tried again."""

    calls: int
    cost: int
    """In units of what the account may use in a day."""
    unit: str
    how: str
    """The way that was reckoned with, in words."""
    left: int | None = None
    """Units that such calls may use now; ``None``: nobody knows."""

    @property
    def fits(self) -> bool | None:
        """Whether there are as many units now; ``None``: nobody knows."""
        return None if self.left is None else self.cost <= self.left

    def __add__(self, other: Estimate) -> Estimate:
        ways = dict.fromkeys([self.how, other.how])
        return Estimate(
            self.calls + other.calls, self.cost + other.cost, self.unit, "; ".join(ways), self.left
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used of what an account may use in a rolling window of so many seconds."""

    unit: str
    """What is counted, such as ``credits``."""
    used: int
    """By everybody, as far as is known; ``others`` is the part that other applications used."""
    most: int | None
    """``None``: nobody knows."""
    reserve: int
    """So many of ``most`` are kept for people."""
    others: int
    window: float
    concurrency: int
    """Calls that are made at once."""
    why: str
    """Where ``most`` is known from, or why it is not."""

    @property
    def left(self) -> int | None:
        """For calls that nobody waits for; ``None``: nobody knows."""
        return None if self.most is None else max(self.most - self.reserve - self.used, 0)

    @property
    def share(self) -> float | None:
        """How much of all is used, from 0 to 1; ``None``: nobody knows."""
        return None if self.most is None else self.used / self.most
