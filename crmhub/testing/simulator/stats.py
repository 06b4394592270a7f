"""What a double was asked: counted by route and status."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager


class Stats:
    """Counters since the beginning (or the last `reset`); `spent` is what the calls cost where they cost
    something, such as Zoho's credits.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set all counters to zero; calls in progress stay counted as such."""
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.tokens_issued = 0
        self.spent = 0
        self.in_progress = getattr(self, "in_progress", 0)
        self.peak = self.in_progress

    @contextmanager
    def in_flight(self) -> Generator[None]:
        """Count one call as being in progress."""
        self.in_progress += 1
        self.peak = max(self.peak, self.in_progress)
        try:
            yield
        finally:
            self.in_progress -= 1

    def count(self, method: str, pattern: str, outcome: str) -> None:
        """Count a finished call: `outcome` is the status, or the name of the fault that ended it."""
        self.calls[f"{method} {pattern}"] += 1
        self.statuses[outcome] += 1

    def as_dict(self) -> dict[str, object]:
        """The counters as plain values."""
        return {
            "calls": dict(self.calls),
            "total_calls": self.calls.total(),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "tokens_issued": self.tokens_issued,
            "spent": self.spent,
            "in_progress": self.in_progress,
            "peak_concurrency": self.peak,
        }
