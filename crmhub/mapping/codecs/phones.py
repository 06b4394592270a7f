"""Phone numbers in E.164, where that can be told for certain."""

from __future__ import annotations

from typing import NamedTuple

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import did_you_mean, options
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["PHONES", "PhoneCodec"]


class _Plan(NamedTuple):
    """How national numbers are written: country code, trunk prefix, digits without it."""

    code: str
    trunk: str
    lengths: frozenset[int]
    abroad: str = "00"


_PLANS = {
    "AT": _Plan("43", "0", frozenset(range(7, 14))),
    "AU": _Plan("61", "0", frozenset({9}), "0011"),
    "BE": _Plan("32", "0", frozenset({8, 9})),
    "CA": _Plan("1", "1", frozenset({10}), "011"),
    "CH": _Plan("41", "0", frozenset({9})),
    "DE": _Plan("49", "0", frozenset(range(6, 12))),
    "DK": _Plan("45", "", frozenset({8})),
    "ES": _Plan("34", "", frozenset({9})),
    "FR": _Plan("33", "0", frozenset({9})),
    "GB": _Plan("44", "0", frozenset({9, 10})),
    "IE": _Plan("353", "0", frozenset({7, 8, 9})),
    "IN": _Plan("91", "0", frozenset({10})),
    "MX": _Plan("52", "", frozenset({10})),
    "NL": _Plan("31", "0", frozenset({9})),
    "NO": _Plan("47", "", frozenset({8})),
    "NZ": _Plan("64", "0", frozenset({8, 9, 10})),
    "PL": _Plan("48", "", frozenset({9})),
    "PT": _Plan("351", "", frozenset({9})),
    "SE": _Plan("46", "0", frozenset(range(7, 10))),
    "SG": _Plan("65", "", frozenset({8})),
    "US": _Plan("1", "1", frozenset({10}), "011"),
    "ZA": _Plan("27", "0", frozenset({9})),
}
"""National plans by region, from ITU-T E.164 and the operational bulletin's numbering plans."""

_PUNCTUATION = str.maketrans("", "", " \t\u00a0\u202f-\u2010\u2011\u2012\u2013./()")
_KEEPS_ZERO = ("39", "378", "379")  # Italy and its enclaves: the zero belongs to the number


class PhoneCodec:
    """A phone number as ``+`` and at most 15 digits (ITU-T E.164).

    Numbers written with ``+`` are normalised; with a ``region`` also those in its national form.
    Whatever cannot be told for certain stays as it was written: extensions, words, local numbers.
    Lossy: how a normalised number was written is gone.
    """

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = frozenset({"phone", "text", "int", "computed"})
    encodes: bool = True
    lossy: bool = True

    def __init__(self, region: str | None) -> None:
        self._plan = None if region is None else _PLANS[region]

    def decode(self, value: Value) -> str | None:
        """The number in E.164, else the text as it was written; ``None`` for a blank one."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise CodecError("needs a phone number as text")
        text = value.strip()
        return (self._normal(text) or text) if text else None

    def encode(self, value: object) -> Value:
        """The number as it is."""
        if isinstance(value, str):
            return value
        raise CodecError("needs a phone number as text")

    def _normal(self, text: str) -> str | None:
        if text.startswith("+"):
            return _international(text, "+")
        digits = text.translate(_PUNCTUATION)
        plan = self._plan
        if plan is None or not (digits.isascii() and digits.isdigit()):
            return None
        if digits.startswith(plan.abroad):
            return _international(text, plan.abroad)
        national = digits.removeprefix(plan.trunk)
        # Without its trunk prefix a number of variable length may be one of the same town only.
        if plan.trunk == "0" and national == digits and len(plan.lengths) > 1:
            return None
        fits = len(national) in plan.lengths and not national.startswith("0")
        return f"+{plan.code}{national}" if fits else None


def _international(text: str, prefix: str) -> str | None:
    digits = text.translate(_PUNCTUATION).removeprefix(prefix)
    if "(0)" in text and not digits.startswith(_KEEPS_ZERO):  # +44 (0)20 …: not dialled from abroad
        digits = text.replace("(0)", "", 1).translate(_PUNCTUATION).removeprefix(prefix)
    if not (7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit() and digits[0] != "0"):
        return None
    return f"+{digits}"


def _phone(parameters: Parameters) -> Codec:
    region = options("phone_e164", parameters, ("region",)).get("region")
    if region is not None and (not isinstance(region, str) or region not in _PLANS):
        hint = did_you_mean(region, _PLANS) if isinstance(region, str) else ""
        raise CodecError(f"phone_e164: region is one of {', '.join(_PLANS)}{hint}")
    return PhoneCodec(region)


PHONES: dict[str, Factory] = {"phone_e164": _phone}
"""``phone_e164`` or ``{phone_e164: {region: US}}``."""
