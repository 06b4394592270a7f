"""Named date literals (`TODAY`, `LAST_N_DAYS:7`) as spans of days, weeks beginning on Sunday."""

from collections.abc import Callable
from datetime import date, timedelta

Span = tuple[date, date]
"""First day, and the day after the last."""

_DAY = timedelta(days=1)


def _months(day: date, count: int) -> date:
    """The first of the month `count` months after that of `day`."""
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _days(day: date, first: int, last: int) -> Span:
    return day + first * _DAY, day + (last + 1) * _DAY


def _weeks(day: date, first: int, last: int) -> Span:
    sunday = day - (day.isoweekday() % 7) * _DAY
    return sunday + 7 * first * _DAY, sunday + 7 * (last + 1) * _DAY


def _of_months(length: int, begin: int = 1) -> Callable[[date, int, int], Span]:
    """Spans of so many months, of which one begins with the month `begin`."""

    def span(day: date, first: int, last: int) -> Span:
        start = _months(day, -((day.month - begin) % length))
        return _months(start, first * length), _months(start, (last + 1) * length)

    return span


_UNITS: dict[str, Callable[[date, int, int], Span]] = {
    "DAY": _days,
    "WEEK": _weeks,
    "MONTH": _of_months(1),
    "QUARTER": _of_months(3),
    "YEAR": _of_months(12),
    "FISCAL_QUARTER": _of_months(3),
    "FISCAL_YEAR": _of_months(12),
}
_FISCAL_MONTHS = {"FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}
_FIXED: dict[str, tuple[str, int, int]] = {
    "YESTERDAY": ("DAY", -1, -1),
    "TODAY": ("DAY", 0, 0),
    "TOMORROW": ("DAY", 1, 1),
    "LAST_90_DAYS": ("DAY", -90, 0),
    "NEXT_90_DAYS": ("DAY", 1, 90),
    **{f"LAST_{unit}": (unit, -1, -1) for unit in _UNITS if unit != "DAY"},
    **{f"THIS_{unit}": (unit, 0, 0) for unit in _UNITS if unit != "DAY"},
    **{f"NEXT_{unit}": (unit, 1, 1) for unit in _UNITS if unit != "DAY"},
}


def _counted(word: str, n: int) -> tuple[str, int, int] | None:
    for unit in _UNITS:
        # "Last n days" reaches to the end of today; the larger units end before the present one.
        if word == f"LAST_N_{unit}S":
            return unit, -n, 0 if unit == "DAY" else -1
        if word == f"NEXT_N_{unit}S":
            return unit, 1, n
        if word == f"N_{unit}S_AGO":
            return unit, -n, -n
    return None


def takes_number(word: str) -> bool:
    """Whether the literal is followed by `:n`."""
    return _counted(word, 1) is not None


def is_period(word: str) -> bool:
    """Whether `word` (upper case) is a named date literal."""
    return word in _FIXED or takes_number(word)


def period(word: str, n: int, today: date, fiscal_start: int = 1) -> Span:
    """The days that a literal means on `today`; far ends are cut at the calendar's.

    `fiscal_start` is the month in which the fiscal year begins.
    """
    unit, first, last = _FIXED.get(word) or _counted(word, n) or ("DAY", 0, 0)
    months = _FISCAL_MONTHS.get(unit)
    spans = _UNITS[unit] if months is None else _of_months(months, fiscal_start)
    try:
        return spans(today, first, last)
    except (OverflowError, ValueError):
        return (date.min, today) if first < 0 else (today, date.max)
