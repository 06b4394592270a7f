"""Numbers: int, decimal, percent, ratio and fixed unit factors. Exact: a binary float is refused."""

from __future__ import annotations

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from fractions import Fraction

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import no_parameters, options
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["EXACT", "NUMBERS", "NUMERIC", "compact", "exact", "whole"]

NUMERIC: frozenset[FieldType] = frozenset(
    {"int", "decimal", "money", "percent", "duration", "text", "enum", "computed"}
)
"""Types of native field that hold, or may spell, a number."""

EXACT = Context(prec=500, traps=[Inexact, InvalidOperation, Overflow])
"""Arithmetic that raises rather than round: wide enough for every number that :func:`exact` lets in."""

_QUOTIENT = Context(prec=28)
_MAX_MAGNITUDE = 100
"""Powers of ten either way. Beyond, one short text could stand for gigabytes of digits."""
_MAX_TEXT = 220
_PLAIN = 10**_MAX_MAGNITUDE


def exact(value: Value) -> Decimal | None:
    """The exact decimal of a native number or of a text that spells one; ``None`` for a blank text.

    Digits with a point and an exponent are read, thousands separators are not: whether ``1,234`` is
    a thousand or one and a bit depends on who wrote it. Raises :class:`CodecError`.
    """
    if type(value) is int and -_PLAIN < value < _PLAIN:
        return Decimal(value)
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        number = _spelled(text)
    elif isinstance(value, bool):
        raise CodecError("needs a number, got true or false")
    elif isinstance(value, int):
        number = Decimal(value)
    elif isinstance(value, float):
        raise CodecError("needs an exact number, got a binary float: decode JSON numbers as Decimal")
    else:
        raise CodecError("needs a number")
    if not number.is_finite():
        raise CodecError("needs a finite number")
    if not -_MAX_MAGNITUDE <= number.adjusted() <= _MAX_MAGNITUDE:
        if number:
            raise CodecError(f"needs a number between 1e-{_MAX_MAGNITUDE} and 1e{_MAX_MAGNITUDE}")
        return Decimal(0)
    return number


def _spelled(text: str) -> Decimal:
    # Decimal() also reads underscores and the digits of other scripts, which no CRM means as numbers.
    if len(text) > _MAX_TEXT or not text.isascii() or "_" in text:
        raise CodecError("needs a number such as 1234.5")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CodecError("needs a number such as 1234.5 (no thousands separator, no currency sign)") from None


def whole(number: Decimal) -> int:
    """The integer that the number is; raises :class:`CodecError` if it has a fraction."""
    if number != number.to_integral_value():
        raise CodecError("needs a whole number")
    return int(number)


def compact(number: Decimal) -> int | Decimal:
    """The number as an int where it is whole, as CRMs write percentages and quantities."""
    return int(number) if number == number.to_integral_value() else number


def _decimal(value: object) -> Decimal:
    """A canonical number, for encoding."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        number = exact(value)
        if number is not None:
            return number
    raise CodecError("needs a Decimal")


class IntCodec:
    """A whole number."""

    gives: frozenset[Kind] = frozenset({"int"})
    takes: frozenset[FieldType] | None = NUMERIC
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> int | None:
        """The int of an int, of a decimal without fraction, or of a text that spells one."""
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        number = exact(value)
        return None if number is None else whole(number)

    def encode(self, value: object) -> Value:
        """The int itself; another CRM's decimal, where it is a whole number."""
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, Decimal):
            return whole(_decimal(value))
        raise CodecError("needs an int")


class DecimalCodec:
    """A number with a fraction, exact."""

    gives: frozenset[Kind] = frozenset({"decimal"})
    takes: frozenset[FieldType] | None = NUMERIC
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> Decimal | None:
        """The exact decimal."""
        return exact(value)

    def encode(self, value: object) -> Value:
        """The decimal itself."""
        return _decimal(value)


class RatioCodec:
    """A share from 0 to 1, held natively with the point moved: 40 for 0.4 with ``shift`` 2."""

    gives: frozenset[Kind] = frozenset({"ratio", "decimal"})
    takes: frozenset[FieldType] | None = NUMERIC
    encodes: bool = True
    lossy: bool = False

    def __init__(self, shift: int) -> None:
        self._shift = shift

    def decode(self, value: Value) -> Decimal | None:
        """The share; a percent sign after the number is read over where the native unit is percent."""
        if self._shift and isinstance(value, str):
            value = value.strip().removesuffix("%")
        number = exact(value)
        return None if number is None else self._share(EXACT.scaleb(number, -self._shift))

    def encode(self, value: object) -> Value:
        """The native number: an int where it is whole, else a decimal."""
        return compact(EXACT.scaleb(self._share(_decimal(value)), self._shift))

    def _share(self, number: Decimal) -> Decimal:
        if not 0 <= number <= 1:
            raise CodecError(f"needs a share from 0 to {10**self._shift} in the CRM, 0 to 1 in the model")
        return number


class UnitCodec:
    """A number counted natively in units of ``scale``: 1.5 for 1500000 with a scale of a million.

    Lossy where dividing by the scale does not end (3, 60): such quotients are written with 28 digits.
    """

    gives: frozenset[Kind] = frozenset({"decimal"})
    takes: frozenset[FieldType] | None = NUMERIC
    encodes: bool = True

    def __init__(self, scale: Decimal) -> None:
        self._scale = scale
        self.lossy: bool = not _ends(scale)
        self._division = _QUOTIENT if self.lossy else EXACT

    def decode(self, value: Value) -> Decimal | None:
        """The native number times the scale."""
        number = exact(value)
        return None if number is None else EXACT.multiply(number, self._scale)

    def encode(self, value: object) -> Value:
        """The canonical number divided by the scale: an int where it is whole, else a decimal."""
        try:
            return compact(self._division.divide(_decimal(value), self._scale))
        except DecimalException:
            raise CodecError("has too many digits to be divided exactly") from None


def _ends(scale: Decimal) -> bool:
    """Whether every decimal divided by the scale is again a decimal that ends."""
    divisor = Fraction(scale).numerator
    for prime in (2, 5):
        while divisor % prime == 0:
            divisor //= prime
    return divisor == 1


def _int(parameters: Parameters) -> Codec:
    no_parameters("int", parameters)
    return IntCodec()


def _decimal_codec(parameters: Parameters) -> Codec:
    no_parameters("decimal", parameters)
    return DecimalCodec()


def _percent(parameters: Parameters) -> Codec:
    no_parameters("percent", parameters)
    return RatioCodec(shift=2)


def _ratio(parameters: Parameters) -> Codec:
    no_parameters("ratio", parameters)
    return RatioCodec(shift=0)


def _unit(parameters: Parameters) -> Codec:
    scale = options("unit", parameters, ("scale",)).get("scale")
    accepted = "unit: scale is a number above zero, such as {unit: {scale: 1000000}}"
    if isinstance(scale, float):  # YAML reads 0.001 so; its shortest spelling is what was written
        scale = str(scale)
    try:
        number = exact(scale)
    except CodecError:
        raise CodecError(accepted) from None
    if number is None or number <= 0:
        raise CodecError(accepted)
    return UnitCodec(number)


NUMBERS: dict[str, Factory] = {
    "int": _int,
    "decimal": _decimal_codec,
    "percent": _percent,
    "ratio": _ratio,
    "unit": _unit,
}
"""``percent`` is for CRMs that say 40, ``ratio`` for those that say 0.4; the model always says 0.4."""
