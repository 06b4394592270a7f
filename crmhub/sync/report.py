"""What a sync run did, as data and as words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SyncReport"]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The outcome of a run.

    ``models`` counts read, created, updated, unchanged, rejected, waiting and unlinked records by
    model, and ``defaulted:<path>`` the values that were filled in because the target demands them.
    ``notes`` counts assumptions, ``calls`` HTTP calls by connection, ``tiers`` the operations that each
    tier served (a read of many pages is one) for connections that have tiers, ``letters`` the open dead
    letters by reason, ``seconds`` the time it took.
    """

    run: str
    job: str
    state: str
    models: Mapping[str, Mapping[str, int]]
    notes: Mapping[str, int]
    calls: Mapping[str, int]
    tiers: Mapping[str, Mapping[str, int]]
    letters: Mapping[str, int]
    unshared: tuple[str, ...]
    """Fields that the source has and the target has no place for."""
    seconds: float

    @property
    def totals(self) -> Mapping[str, int]:
        """The counts of all models together."""
        total: Counter[str] = Counter()
        for counts in self.models.values():
            total.update(counts)
        return total

    @property
    def writes(self) -> int:
        """How many records of the target were created or changed."""
        return self.totals.get("created", 0) + self.totals.get("updated", 0)

    @property
    def defaulted(self) -> Mapping[str, int]:
        """How often each path was filled by ``default_on_create``."""
        return {
            name.removeprefix("defaulted:"): count
            for name, count in self.totals.items()
            if name.startswith("defaulted:")
        }
