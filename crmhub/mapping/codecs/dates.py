"""Calendar days: ISO, in a written format, as the epoch count of their midnight, or of an instant."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import did_you_mean, options, time_zone
from crmhub.mapping.codecs.times import DatetimeCodec, EpochCodec
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["DATES"]

_DATE: frozenset[Kind] = frozenset({"date"})
_EPOCHS = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTH_BY_NAME = {
    name.casefold(): number for number, full in enumerate(_MONTHS, 1) for name in (full, full[:3])
}
_DIRECTIVES = {"Y": r"(?P<year>\d{4})", "m": r"(?P<month>\d{1,2})", "d": r"(?P<day>\d{1,2})"}
_NAMED_MONTH = r"(?P<name>[A-Za-z]{3,9})"
_ACCEPTED = (
    "date: its format is epoch_s, epoch_ms or written with %Y, %m (or %b, %B) and %d, such as '%m/%d/%Y'"
)


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise CodecError("needs a date")


class IsoDateCodec:
    """A day as ``2026-01-31``."""

    gives: frozenset[Kind] = _DATE
    takes: frozenset[FieldType] | None = frozenset({"date", "text", "computed"})
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> date | None:
        """The day; ``None`` for a blank text. A text with a time in it is an error: whose day would it be?"""
        if not isinstance(value, str):
            raise CodecError("needs a date as text such as 2026-01-31")
        text = value if len(value) == 10 else value.strip()
        if not text:
            return None
        if len(text) == 10 and text[4] == text[7] == "-":
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass  # the error below says it better, and without the value
        raise CodecError("needs a date such as 2026-01-31; for others see {date: '%m/%d/%Y'}")

    def encode(self, value: object) -> Value:
        """The day as ISO 8601 text."""
        return _day(value).isoformat()


class FormatDateCodec:
    """A day in a written format: ``%Y``, ``%m``, ``%d``, ``%b`` (Jan) and ``%B`` (January), in English.

    Reading takes numbers with or without a leading zero and month names long or short, in any case.
    """

    gives: frozenset[Kind] = _DATE
    takes: frozenset[FieldType] | None = frozenset({"date", "text", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, form: str) -> None:
        self._form = form
        self._pattern, self._parts = _compiled(form)

    def decode(self, value: Value) -> date | None:
        """The day; ``None`` for a blank text."""
        if not isinstance(value, str):
            raise CodecError(f"needs a date as text in the form {self._form}")
        text = value.strip()
        if not text:
            return None
        found = self._pattern.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            month = (
                int(parts["month"]) if "month" in parts else _MONTH_BY_NAME.get(parts["name"].casefold(), 0)
            )
            try:
                return date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:
                pass  # no such day: the error below says it without the value
        raise CodecError(f"needs a date in the form {self._form}")

    def encode(self, value: object) -> Value:
        """The day in the format, with leading zeros."""
        day = _day(value)
        written = {
            "Y": f"{day.year:04}",
            "m": f"{day.month:02}",
            "d": f"{day.day:02}",
            "b": _MONTHS[day.month - 1][:3],
            "B": _MONTHS[day.month - 1],
        }
        return "".join(written[part] if directive else part for directive, part in self._parts)


def _compiled(form: str) -> tuple[re.Pattern[str], list[tuple[bool, str]]]:
    """The format as a pattern to read by, and as (is a directive, letter or text) pairs to write by."""
    parts = [(piece.startswith("%"), piece.removeprefix("%")) for piece in re.findall(r"%.|[^%]+|%$", form)]
    letters = sorted("m" if letter in "bB" else letter for directive, letter in parts if directive)
    if letters != ["Y", "d", "m"]:
        raise CodecError(_ACCEPTED)
    pattern = ""
    for index, (directive, part) in enumerate(parts):
        if not directive:
            pattern += re.escape(part)
            continue
        piece = _NAMED_MONTH if part in "bB" else _DIRECTIVES[part]
        touches = (index > 0 and parts[index - 1][0]) or (index + 1 < len(parts) and parts[index + 1][0])
        # Without anything between them, one digit cannot be told from two: 2026111.
        pattern += piece.replace("{1,2}", "{2}") if touches else piece
    return re.compile(pattern, re.ASCII), parts


class EpochDateCodec:
    """A day as the epoch count of its midnight in UTC, as HubSpot's date properties hold it."""

    gives: frozenset[Kind] = _DATE
    takes: frozenset[FieldType] | None = frozenset({"date", "int", "decimal", "text", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, unit: timedelta) -> None:
        self._instants = EpochCodec(unit)

    def decode(self, value: Value) -> date | None:
        """The day; a count that is no midnight is an error: it is an instant, whose day needs a zone."""
        moment = self._instants.decode(value)
        if moment is None:
            return None
        if moment.timetz() != time(tzinfo=UTC):
            raise CodecError("needs a midnight in UTC; for an instant say {date: {in: epoch_ms, tz: UTC}}")
        return moment.date()

    def encode(self, value: object) -> Value:
        """The count as an int."""
        return self._instants.encode(datetime.combine(_day(value), time(), UTC))


class InstantDateCodec:
    """The day on which an instant falls in a zone. Lossy: what is written is the day's midnight there."""

    gives: frozenset[Kind] = _DATE
    encodes: bool = True
    lossy: bool = True

    def __init__(self, instants: DatetimeCodec | EpochCodec, zone: tzinfo) -> None:
        self._instants = instants
        self._zone = zone
        self.takes: frozenset[FieldType] | None = instants.takes

    def decode(self, value: Value) -> date | None:
        """The day; ``None`` for a blank text."""
        moment = self._instants.decode(value)
        try:
            return None if moment is None else moment.astimezone(self._zone).date()
        except OverflowError:
            raise CodecError("needs a time between the years 1 and 9999 in its zone") from None

    def encode(self, value: object) -> Value:
        """The instant at which the day begins in the zone."""
        return self._instants.encode(datetime.combine(_day(value), time(), self._zone))


def _date(parameters: Parameters) -> Codec:
    if parameters is None:
        return IsoDateCodec()
    given = options("date", parameters, ("in", "tz")) if isinstance(parameters, dict) else {"in": parameters}
    form = given.get("in", "iso")
    if not isinstance(form, str):
        raise CodecError(_ACCEPTED)
    if "tz" in given:
        return _instant_date(form, time_zone("date", given["tz"]))
    if form == "iso":
        return IsoDateCodec()
    if form in _EPOCHS:
        return EpochDateCodec(_EPOCHS[form])
    if "%" not in form:
        raise CodecError(_ACCEPTED + did_you_mean(form, _EPOCHS))
    return FormatDateCodec(form)


def _instant_date(form: str, zone: tzinfo) -> Codec:
    if form == "iso":
        return InstantDateCodec(DatetimeCodec("iso", zone), zone)
    if form in _EPOCHS:
        return InstantDateCodec(EpochCodec(_EPOCHS[form]), zone)
    hint = did_you_mean(form, ("iso", *_EPOCHS))
    raise CodecError(f"date: with tz, in is iso (a date and time), epoch_s or epoch_ms{hint}")


DATES: dict[str, Factory] = {"date": _date}
"""``date``, ``{date: "%m/%d/%Y"}``, ``{date: epoch_ms}``, ``{date: {in: epoch_ms, tz: Europe/Berlin}}``."""
