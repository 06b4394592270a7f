"""Instants, kept in milliseconds since the epoch, and their texts."""

import re
from datetime import UTC, datetime

_DAY = re.compile(r"(\d{4})[-/._](\d{2})[-/._](\d{2})|(\d{2})[-/._](\d{2})[-/._](\d{4})")


def iso(instant: int) -> str:
    """Milliseconds since the epoch as `2021-07-02T05:18:26.704Z`."""
    moment = datetime.fromtimestamp(instant // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03}Z"


def parse_instant(text: str) -> int | None:
    """Milliseconds since the epoch from an ISO 8601 text (in UTC if it names no zone); None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return round(moment.timestamp() * 1000) if moment.year < 9999 else None


def parse_us_day(text: str) -> int | None:
    """The first millisecond of a day written mm-dd-yyyy; None if it is none."""
    match = re.fullmatch(r"(\d{2})-(\d{2})-(\d{4})", text)
    return parse_instant(f"{match[3]}-{match[1]}-{match[2]}") if match else None


def parse_birth_date(text: str) -> int | None:
    """The first millisecond of a day in one of the eight ways in which a date of birth may be written, or an
    ISO 8601 instant; None if it is none.
    """
    match = _DAY.fullmatch(text)
    if match is None:
        return parse_instant(text)
    year, month, day = match.group(1, 2, 3) if match[1] else match.group(6, 4, 5)
    return parse_instant(f"{year}-{month}-{day}")
