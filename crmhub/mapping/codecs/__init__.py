"""The codec library: pairs of inverse functions between native and canonical values, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from crmhub.mapping.codecs.base import (
    Codec,
    CodecError,
    Factory,
    Kind,
    Parameters,
    WideCodec,
    codec_table,
)
from crmhub.mapping.codecs.chains import chained, is_wide
from crmhub.mapping.codecs.choice import CHOICES
from crmhub.mapping.codecs.countries import COUNTRIES
from crmhub.mapping.codecs.dates import DATES
from crmhub.mapping.codecs.durations import DURATIONS
from crmhub.mapping.codecs.markup import MARKUP
from crmhub.mapping.codecs.money import MONEY
from crmhub.mapping.codecs.names import NAMES
from crmhub.mapping.codecs.numbers import NUMBERS
from crmhub.mapping.codecs.parameters import did_you_mean
from crmhub.mapping.codecs.phones import PHONES
from crmhub.mapping.codecs.text import TEXTS
from crmhub.mapping.codecs.times import TIMES
from crmhub.native import Value

__all__ = [
    "CODECS",
    "Codec",
    "CodecError",
    "Factory",
    "Kind",
    "Parameters",
    "WideCodec",
    "codec_table",
    "is_wide",
    "make",
]

CODECS: dict[str, Factory] = codec_table(
    NUMBERS, TEXTS, MARKUP, CHOICES, TIMES, DATES, DURATIONS, MONEY, NAMES, PHONES, COUNTRIES
)
"""The codecs that crmhub brings, by the name that a mapping's ``as`` says."""

_NONE: Mapping[str, Factory] = MappingProxyType({})


def make(spec: Value, extra: Mapping[str, Factory] = _NONE) -> Codec | WideCodec:
    """The codec that a mapping's ``as`` describes.

    ``spec`` is a name (``date``), a name with parameters (``{date: "%m/%d/%Y"}``), or a list of
    these, applied in order when reading and in reverse when writing. ``extra`` are the codecs of
    plugins; it may hold our own too, but none of theirs under one of our names. Raises
    :class:`CodecError` for an unknown name or parameters that the codec cannot take.
    """
    if isinstance(spec, list):
        if not spec:
            raise CodecError("a chain needs at least one codec")
        codecs = tuple(_one(entry, extra) for entry in spec)
        return codecs[0] if len(codecs) == 1 else chained(codecs)
    return _one(spec, extra)


def _one(spec: Value, extra: Mapping[str, Factory]) -> Codec | WideCodec:
    name, parameters = _named(spec)
    own, other = CODECS.get(name), extra.get(name)
    factory = own or other
    if factory is None:
        known = sorted({*CODECS, *extra})
        raise CodecError(f"codec {name!r} unknown; codecs: {', '.join(known)}{did_you_mean(name, known)}")
    if other is not None and other is not factory:
        raise CodecError(f"codec {name!r} is declared twice: a plugin's codec needs a name of its own")
    return factory(parameters)


def _named(spec: Value) -> tuple[str, Parameters]:
    if isinstance(spec, str):
        return spec, None
    if isinstance(spec, dict) and len(spec) == 1:
        ((name, parameters),) = spec.items()
        return str(name), parameters
    raise CodecError("a codec is written as its name, {name: parameters}, or a list of these")
