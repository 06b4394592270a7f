"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "TINY", "Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of records and rounds."""

    accounts: int
    """Accounts to pull; of which ``slow`` over a slow network."""
    slow: int
    latency_ms: int
    rounds: int
    synced: int
    """Records of each object to sync."""
    tiered: int
    """Accounts that each tier gets, lists and writes."""
    full: int
    """Accounts of a full sync over a slow network."""
    extracted: int
    """Accounts of a Salesforce to read by queries and by bulk jobs."""
    written: int
    """Accounts of a Salesforce to make by each way."""
    agent_calls: int
    """Calls of an agent, in a round."""
    listed: tuple[int, ...]
    """Accounts to list in a process of its own, from few to many."""


FULL = Sizes(
    accounts=50_000, slow=20_000, latency_ms=50, rounds=5, synced=1_000, tiered=1_000, full=5_000,
    extracted=100_000, written=10_000, agent_calls=200, listed=(5_000, 50_000, 200_000),
)  # fmt: skip
TINY = Sizes(
    accounts=60, slow=60, latency_ms=1, rounds=1, synced=10, tiered=20, full=30,
    extracted=60, written=30, agent_calls=5, listed=(10, 30),
)  # fmt: skip
"""For the test that every section runs."""
