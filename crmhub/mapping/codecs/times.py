"""Instants: ISO 8601 texts with an offset, local times of a named zone, seconds and milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.numbers import exact, whole
from crmhub.mapping.codecs.parameters import no_parameters, one_of, options, time_zone
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["TIMES", "DatetimeCodec", "EpochCodec", "instant"]

_GRAINS = {
    "iso": timedelta(microseconds=1),
    "offset": timedelta(seconds=1),
    "millis": timedelta(milliseconds=1),
    "z": timedelta(seconds=1),
    "local": timedelta(seconds=1),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = len("2026-01-31T14:30")
_DAY = len("2026-01-31")


def instant(value: object) -> datetime:
    """A canonical instant, for encoding: aware, in UTC. Raises :class:`CodecError`."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise CodecError("needs a datetime with a time zone")
    return value if value.tzinfo is UTC else _utc(value)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise CodecError("needs a time between the years 1 and 9999 in UTC") from None


class DatetimeCodec:
    """An instant as ISO 8601 text. Read in every usual form; ``out`` is the form that is written:

    - ``iso``: ``2026-01-31T14:30:00+00:00``, with the microseconds if there are any
    - ``offset``: the same in whole seconds (Zoho CRM API v8)
    - ``millis``: ``2026-01-31T14:30:00.000+0000`` (Salesforce REST API)
    - ``z``: ``2026-01-31T14:30:00Z``
    - ``local``: ``2026-01-31T15:30:00``, the wall clock of ``tz``

    What is finer than ``grain`` is dropped in writing, as the CRM itself would. A time without an
    offset is read only if ``tz`` says whose wall clock it is; where that clock is turned back the
    earlier of the two is meant, so ``local`` is lossy unless the zone is UTC. With ``days`` a day alone
    is its beginning by that clock, which is lossy too.
    """

    gives: frozenset[Kind] = frozenset({"datetime"})
    takes: frozenset[FieldType] | None = frozenset({"datetime", "text", "computed"})
    encodes: bool = True

    def __init__(self, out: str, zone: tzinfo | None, *, days: bool = False) -> None:
        self._out = out
        self._zone = zone
        self._days = days
        self.lossy: bool = days or (out == "local" and zone is not UTC)
        self.grain: timedelta = _GRAINS[out]
        """The finest difference that a written value can hold."""

    def decode(self, value: Value) -> datetime | None:
        """The instant, in UTC; ``None`` for a blank text."""
        if not isinstance(value, str):
            raise CodecError("needs a date and time as text; for numbers use epoch_s or epoch_ms")
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:  # its message holds the value, so no error of ours is raised while it is at hand
            moment = None
        if moment is None:
            return self._decode_padded(value)
        is_day = len(value) == _DAY
        if not (is_day and self._days) and (len(value) < _SHORTEST or value[10] not in "T t"):
            raise CodecError("needs a date and time such as 2026-01-31T14:30:00+00:00")
        zone = moment.tzinfo
        if zone is UTC:
            return moment
        if zone is None:
            if self._zone is None:
                raise CodecError(
                    "has no offset: say whose clock it is, as in {datetime: {tz: Europe/Berlin}}"
                )
            moment = moment.replace(tzinfo=self._zone)
        return _utc(moment)

    def _decode_padded(self, value: str) -> datetime | None:
        text = value.strip()
        if not text:
            return None
        if text != value:
            return self.decode(text)
        raise CodecError("needs a date and time such as 2026-01-31T14:30:00+00:00")

    def encode(self, value: object) -> Value:
        """The instant in the form of ``out``."""
        moment = instant(value)
        match self._out:
            case "iso":
                return moment.isoformat()
            case "offset":
                return moment.isoformat(timespec="seconds")
            case "millis":
                return moment.isoformat(timespec="milliseconds")[:-6] + "+0000"
            case "z":
                return moment.isoformat(timespec="seconds")[:-6] + "Z"
            case _:
                return self._wall_clock(moment)

    def _wall_clock(self, moment: datetime) -> str:
        try:
            local = moment.astimezone(self._zone)
        except OverflowError:
            raise CodecError("needs a time between the years 1 and 9999 in its zone") from None
        return local.replace(tzinfo=None).isoformat(timespec="seconds")


class EpochCodec:
    """An instant as a count of units since 1970-01-01T00:00:00Z."""

    gives: frozenset[Kind] = frozenset({"datetime"})
    takes: frozenset[FieldType] | None = frozenset({"datetime", "date", "int", "decimal", "text", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, unit: timedelta) -> None:
        self._unit = unit
        self.grain: timedelta = unit
        """The finest difference that a written value can hold; what is finer is dropped."""

    def decode(self, value: Value) -> datetime | None:
        """The instant, in UTC; ``None`` for a blank text. The count is a whole number."""
        if not isinstance(value, int) or isinstance(value, bool):
            number = exact(value)
            if number is None:
                return None
            value = whole(number)
        try:
            return _EPOCH + value * self._unit
        except OverflowError:
            raise CodecError("needs a time between the years 1 and 9999; seconds or milliseconds?") from None

    def encode(self, value: object) -> Value:
        """The count as an int."""
        return (instant(value) - _EPOCH) // self._unit


def _datetime(parameters: Parameters) -> Codec:
    given = options("datetime", parameters, ("tz", "out", "days"))
    zone = time_zone("datetime", given["tz"]) if "tz" in given else None
    # Who says whose clock it is has a CRM that holds wall-clock times, and writes it the same way.
    out = one_of("datetime", "out", given.get("out", "local" if zone else "iso"), _GRAINS)
    if out == "local" and zone is None:
        raise CodecError("datetime: out: local needs tz, the zone whose clock it is")
    days = given.get("days", False)
    if not isinstance(days, bool):
        raise CodecError("datetime: days is true or false")
    if days and zone is None:
        raise CodecError("datetime: days: true needs tz, the zone whose days they are")
    return DatetimeCodec(out, zone, days=days)


def _epoch_s(parameters: Parameters) -> Codec:
    no_parameters("epoch_s", parameters)
    return EpochCodec(timedelta(seconds=1))


def _epoch_ms(parameters: Parameters) -> Codec:
    no_parameters("epoch_ms", parameters)
    return EpochCodec(timedelta(milliseconds=1))


TIMES: dict[str, Factory] = {"datetime": _datetime, "epoch_s": _epoch_s, "epoch_ms": _epoch_ms}
"""``datetime``, ``{datetime: {out: millis}}``, ``{datetime: {tz: Europe/Berlin}}``, ``epoch_ms``."""
