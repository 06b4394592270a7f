"""Instants as HubSpot writes them: ISO 8601 with milliseconds in UTC."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

_DAY = 86_400_000
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d|$)")
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH_DAY + day).isoformat()


def iso(instant: int) -> str:
    """Epoch milliseconds as text."""
    day, rest = divmod(instant, _DAY)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, milliseconds = divmod(rest, 1_000)
    return f"{_date(day)}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"


def milliseconds(text: str) -> int | None:
    """Epoch milliseconds of a text: a number of them, or ISO 8601 (UTC without a zone); None if neither."""
    bare = text.removeprefix("-")
    if bare.isascii() and bare.isdigit() and len(bare) < 15:
        return int(text)
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * _DAY + delta.seconds * 1_000 + delta.microseconds // 1_000


def is_midnight(instant: int) -> bool:
    """Whether it is the beginning of a day in UTC."""
    return instant % _DAY == 0
