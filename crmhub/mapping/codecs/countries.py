"""Countries: a name, as people write it, to its ISO 3166-1 alpha-2 code and back."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.country_data import COUNTRIES as COUNTRY_DATA
from crmhub.mapping.codecs.parameters import one_of
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["COUNTRIES", "CountryCodec"]


class _Table(NamedTuple):
    names: dict[str, str]
    """The common name by code."""
    codes: dict[str, str]
    """The code by every spelling, as :func:`_plain` leaves it, and by the common names as they stand."""


@cache
def _table() -> _Table:
    """The data, read on first use."""
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    for line in COUNTRY_DATA.replace("\n  ", " ").splitlines():
        alpha2, alpha3, rest = line.split(" ", 2)
        spellings = rest.split("; ")
        names[alpha2] = spellings[0]
        for spelling in (alpha2, alpha3, *spellings):
            if codes.setdefault(_plain(spelling), alpha2) != alpha2:
                raise CodecError(f"country: {spelling!r} stands for two countries")
        codes[alpha2] = codes[spellings[0]] = alpha2
    return _Table(names, codes)


def _plain(name: str) -> str:
    """The name without what people write differently: case, accents, points, "the", "St", "&"."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    # Points and apostrophes vanish (U.S.A., Cote d'Ivoire), all else that is no letter parts words.
    kept = "".join(
        c if c.isalnum() else "" if c in ".'’`" else " " for c in bare.casefold().replace("&", " and ")
    )
    words = ["saint" if word == "st" else word for word in kept.split() if word != "the"]
    return " ".join(words)


class CountryCodec:
    """A country, held by the CRM as its name or its code; the model has the ISO 3166-1 alpha-2 code.

    Names, alpha-2 and alpha-3 codes are all read. ``form`` is what is written: the common English
    name, or the code.
    """

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = frozenset({"text", "enum", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, form: str) -> None:
        self._names, self._codes = _table()
        self._named = form == "name"

    def decode(self, value: Value) -> str | None:
        """The alpha-2 code; ``None`` for a blank text. A name that is not known is an error."""
        if not isinstance(value, str):
            raise CodecError("needs a country as text")
        code = self._codes.get(value)
        if code is not None:
            return code
        if not value.strip():
            return None
        code = self._codes.get(_plain(value))
        if code is None:
            raise CodecError("needs a country's English name or its ISO 3166-1 code")
        return code

    def encode(self, value: object) -> Value:
        """The common name, or the code."""
        if not isinstance(value, str) or value not in self._names:
            raise CodecError("needs an ISO 3166-1 alpha-2 code such as DE")
        return self._names[value] if self._named else value


def _country(parameters: Parameters) -> Codec:
    if parameters is None:
        return CountryCodec("name")
    return CountryCodec(one_of("country", "its form in the CRM", parameters, ("name", "code")))


COUNTRIES: dict[str, Factory] = {"country": _country}
"""``country`` (the CRM writes names) or ``{country: code}``."""
