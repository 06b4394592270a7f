"""Durations: counts of a unit, or a clock's reading such as ``05:30``."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from operator import mul

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.numbers import EXACT, exact
from crmhub.mapping.codecs.parameters import one_of
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["DURATIONS"]

_DURATION: frozenset[Kind] = frozenset({"duration"})
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
}
_CLOCKS = {
    "mm:ss": (60, 1),
    "hh:mm": (3600, 60),
    "hh:mm:ss": (3600, 60, 1),
}
"""Seconds of each place."""
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta) and value >= timedelta():
        return value
    raise CodecError("needs a timedelta that is not negative")


class CountDurationCodec:
    """A duration as a number of units. Fractions are read; whole units are written, finer parts dropped."""

    gives: frozenset[Kind] = _DURATION
    takes: frozenset[FieldType] | None = frozenset({"duration", "int", "decimal", "text", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, unit: timedelta) -> None:
        self._unit = unit
        self._microseconds = Decimal(unit // _MICROSECOND)
        self.grain: timedelta = unit
        """The finest difference that a written value can hold."""

    def decode(self, value: Value) -> timedelta | None:
        """The duration to the microsecond; ``None`` for a blank text."""
        number = exact(value)
        if number is None:
            return None
        if number < 0:
            raise CodecError("needs a duration that is not negative")
        try:
            if isinstance(value, int):  # the usual case, and several times as fast
                return value * self._unit
            microseconds = EXACT.multiply(number, self._microseconds).to_integral_value()
            return timedelta(microseconds=int(microseconds))
        except OverflowError:
            raise CodecError("needs a duration below a billion days") from None

    def encode(self, value: object) -> Value:
        """The whole units as an int."""
        return _span(value) // self._unit


class ClockDurationCodec:
    """A duration as a clock's reading: ``05:30`` is five and a half minutes in the form ``mm:ss``.

    The first place may grow beyond its usual end (``125:00``), the others go to 59.
    """

    gives: frozenset[Kind] = _DURATION
    takes: frozenset[FieldType] | None = frozenset({"duration", "text", "time", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, form: str) -> None:
        self._form = form
        self._units = _CLOCKS[form]
        self.grain: timedelta = timedelta(seconds=self._units[-1])
        """The finest difference that a written value can hold; what is finer is dropped."""

    def decode(self, value: Value) -> timedelta | None:
        """The duration; ``None`` for a blank text."""
        if not isinstance(value, str):
            raise CodecError(f"needs a duration as text in the form {self._form}")
        text = value.strip()
        if not text:
            return None
        places = text.split(":")
        if len(places) != len(self._units) or not all(_is_place(place) for place in places):
            raise CodecError(f"needs a duration in the form {self._form}")
        numbers = [int(place) for place in places]
        if any(number > 59 for number in numbers[1:]):
            raise CodecError(f"needs a duration in the form {self._form}, no place but the first above 59")
        return timedelta(seconds=sum(map(mul, numbers, self._units)))

    def encode(self, value: object) -> Value:
        """The reading, two digits a place."""
        rest = _span(value) // _SECOND
        places: list[str] = []
        for unit in self._units:
            number, rest = divmod(rest, unit)
            places.append(f"{number:02}")
        return ":".join(places)


def _is_place(place: str) -> bool:
    # Nine digits of hours stay within what a timedelta holds.
    return 1 <= len(place) <= 9 and place.isascii() and place.isdigit()


def _duration(parameters: Parameters) -> Codec:
    if parameters is None:
        return CountDurationCodec(_UNITS["seconds"])
    form = one_of("duration", "its form", parameters, (*_UNITS, *_CLOCKS))
    return CountDurationCodec(_UNITS[form]) if form in _UNITS else ClockDurationCodec(form)


DURATIONS: dict[str, Factory] = {"duration": _duration}
"""``duration`` (seconds), ``{duration: minutes}``, ``{duration: "mm:ss"}``."""
