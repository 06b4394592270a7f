"""What is used of what an account may use."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Usage"]


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
