"""The clock that a double asks whenever it needs the time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from crmhub.testing.simulator.errors import SimulatorError


class SimClock:
    """Seconds since the epoch, from `now`, plus an offset that can be moved.

    `now` gives epoch seconds; without it the clock starts from the machine's wall time.
    """

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or time.time
        self._offset = 0.0

    @classmethod
    def starting(cls, start: datetime, ticks: Callable[[], float]) -> "SimClock":
        """A clock that shows `start` now and moves as `ticks` (any monotonic seconds) moves."""
        base = start.timestamp() - ticks()
        return cls(lambda: base + ticks())

    def now(self) -> float:
        """The present instant, in seconds since the epoch."""
        return self._now() + self._offset

    def seconds(self) -> int:
        """The present instant in whole seconds since the epoch, rounded down."""
        return int(self.now())

    def moment(self, zone: tzinfo = UTC) -> datetime:
        """The present instant as an aware datetime in `zone`."""
        return datetime.fromtimestamp(self.now(), zone)

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds` (negative moves it back)."""
        self._offset += seconds

    def set(self, instant: datetime) -> None:
        """Make the clock show `instant`, from where it goes on ticking; raises SimulatorError if it is
        naive.
        """
        if instant.tzinfo is None:
            raise SimulatorError(
                f"{instant.isoformat()}: the clock needs an instant with a zone, e.g. 2026-01-31T09:00:00Z"
            )
        self._offset += instant.timestamp() - self.now()


def iso_seconds(instant: float, zone: tzinfo = UTC) -> str:
    """`instant` (epoch seconds) as ISO 8601 with offset and whole seconds, e.g.
    `2026-01-31T14:30:00+05:30`.
    """
    return datetime.fromtimestamp(int(instant), zone).isoformat()


def fixed_offset(text: str) -> tzinfo:
    """The zone named by an offset such as `+05:30` or `-08:00`; raises SimulatorError for anything else."""
    try:
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{text}").tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise SimulatorError(f"{text!r} is not an offset from UTC: write it like +05:30 or -08:00")
    return zone


def days(count: float) -> float:
    """`count` days in seconds."""
    return timedelta(days=count).total_seconds()
