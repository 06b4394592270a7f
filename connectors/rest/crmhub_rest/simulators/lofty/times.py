"""Times as Lofty writes them: milliseconds, ISO 8601 with an offset (or `GMT`), naive texts in UTC, and days
in words.
"""

import re
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BIRTHDAY = re.compile(r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4})", re.ASCII)


def naive(instant: float) -> str:
    """Epoch seconds as `yyyy-MM-dd HH:mm:ss` in UTC, without saying so."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(instant: float) -> str:
    """Epoch seconds as `2026-01-31T09:00:00Z`."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zoned(instant: float, zone: tzinfo) -> str:
    """Epoch seconds with the zone's offset; in UTC with `GMT` for an offset, as Lofty does."""
    moment = datetime.fromtimestamp(int(instant), zone)
    if not moment.utcoffset():
        return moment.strftime("%Y-%m-%dT%H:%M:%SGMT")
    return moment.isoformat()


def read_instant(value: object) -> float | None:
    """Epoch seconds of ISO 8601 with an offset; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def read_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name, or None."""
    try:
        return UTC if name in {"UTC", "GMT", "Etc/UTC"} else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_birthday(text: str) -> date | None:
    """The day of `MMM d, yyyy`, or None."""
    match = _BIRTHDAY.fullmatch(text)
    if match is None or match["month"] not in _MONTHS:
        return None
    try:
        return date(int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]))
    except ValueError:
        return None


def birthday(day: date) -> str:
    """A day as `MMM d, yyyy`."""
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"
