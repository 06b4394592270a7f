"""Dates and times as Salesforce writes and reads them.

Instants are kept as the text that goes out (`2024-01-01T00:00:00.000+0000`, always UTC, whole seconds), so
that they compare as texts; dates are kept as `2024-01-31`.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:(Z)|([+-])(\d{2}):?(\d{2}))",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


@lru_cache(maxsize=8192)
def stamp(seconds: int) -> str:
    """Epoch seconds as an instant."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def epoch(instant: str) -> int:
    """An instant (as kept) in epoch seconds."""
    return int(datetime.strptime(instant[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())


def read_instant(text: str) -> str | None:
    """An ISO 8601 instant with a zone, as kept; fractions of seconds are dropped. None if it is not one."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    offset = timedelta(0)
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
    try:
        zone = timezone(-offset if match[8] == "-" else offset)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if moment.year >= 1000 else None


def read_date(text: str) -> str | None:
    """A date `2024-01-31` (or the date of an instant); None if it is neither."""
    match = _DATE.fullmatch(text)
    if match is None:
        instant = read_instant(text)
        return None if instant is None else instant[:10]
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def as_double(number: Decimal) -> Decimal:
    """A number as a double is shown: always with a point, without needless zeros, no digit lost."""
    text = f"{number:f}"
    whole, _, fraction = text.partition(".")
    return Decimal(f"{whole}.{fraction.rstrip('0') or '0'}")
