"""Who calls: an agent, and the person for whom it acts where that is known."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Agent"]


@dataclass(frozen=True, slots=True)
class Agent:
    """One who was authenticated. ``name`` is that of the agents file; its policy is looked up there."""

    name: str
    subject: str | None = None
    """The person for whom it acts, as the issuer of its token says; ``None``: nobody is named."""
