"""Codecs one after the other: what one gives, the next takes."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeGuard, cast

from crmhub.mapping.codecs.base import Codec, CodecError, Kind, WideCodec
from crmhub.mapping.codecs.choice import EnumCodec
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["ChainCodec", "WideChainCodec", "chained", "is_wide"]

_NATIVE_TYPES: dict[Kind, frozenset[FieldType]] = {
    "text": frozenset({"text"}),
    "enum": frozenset({"enum", "text"}),
    "int": frozenset({"int"}),
    "decimal": frozenset({"decimal"}),
    "ratio": frozenset({"decimal"}),
    "bool": frozenset({"bool"}),
    "texts": frozenset({"multi_enum"}),
    "ref": frozenset({"ref", "text"}),
    "json": frozenset({"json"}),
}
"""The native types that a codec's result can stand for; dates, times and money are final."""


def is_wide(codec: Codec | WideCodec) -> TypeGuard[WideCodec]:
    """Whether the codec works on several native fields at once."""
    return hasattr(codec, "decode_all")


def _ambiguities(parts: tuple[Codec | WideCodec, ...]) -> tuple[str, ...]:
    return tuple(value for part in parts if isinstance(part, EnumCodec) for value in part.ambiguous)


class ChainCodec:
    """Codecs of one value: decodes from the first to the last, encodes from the last to the first."""

    def __init__(self, parts: tuple[Codec, ...]) -> None:
        self.parts: tuple[Codec, ...] = parts
        self.gives: frozenset[Kind] = parts[-1].gives
        self.takes: frozenset[FieldType] | None = parts[0].takes
        self.encodes: bool = all(part.encodes for part in parts)
        self.lossy: bool = any(part.lossy for part in parts)
        self.ambiguous: tuple[str, ...] = _ambiguities(parts)
        """Canonical values that more than one native literal of an enum table stands for."""

    def decode(self, value: Value) -> object:
        """What the last codec makes of it; ``None`` as soon as one finds it empty."""
        result: object = value
        for part in self.parts:
            if result is None:
                return None
            result = part.decode(cast("Value", result))
        return result

    def encode(self, value: object) -> Value:
        """The native value; ``None`` as soon as a codec finds it empty."""
        result = value
        for part in reversed(self.parts):
            if result is None:
                return None
            result = part.encode(result)
        return cast("Value", result)


class WideChainCodec:
    """A wide codec with codecs of one value before it (for each of the rule's fields) and after it."""

    def __init__(self, before: tuple[Codec, ...], wide: WideCodec, after: tuple[Codec, ...]) -> None:
        self.parts: tuple[Codec | WideCodec, ...] = (*before, wide, *after)
        self._before = ChainCodec(before) if before else None
        self._wide = wide
        self._after = ChainCodec(after) if after else None
        self.gives: frozenset[Kind] = self.parts[-1].gives
        self.takes: frozenset[FieldType] | None = self.parts[0].takes
        self.encodes: bool = all(part.encodes for part in self.parts)
        self.lossy: bool = any(part.lossy for part in self.parts)
        self.ambiguous: tuple[str, ...] = _ambiguities(self.parts)
        """Canonical values that more than one native literal of an enum table stands for."""
        self.extra: tuple[str, ...] = wide.extra

    def decode_all(self, values: tuple[Value, ...]) -> object:
        """The canonical value of the native values."""
        joined = self._wide.decode_all(self._inner(values))
        return joined if joined is None or self._after is None else self._after.decode(cast("Value", joined))

    def encode_all(self, value: object, base: tuple[Value, ...]) -> tuple[Value, ...]:
        """The native values; those that the wide codec leaves alone stay as they are in the base."""
        if value is not None and self._after is not None:
            value = self._after.encode(value)
        if self._before is None:
            return self._wide.encode_all(value, base)
        fields = len(base) - len(self.extra)
        try:
            inner_base = self._inner(base)
        except CodecError:  # what stands there now does not fit: it is replaced
            inner_base = base = (*(None,) * fields, *base[fields:])
        inner = self._wide.encode_all(value, inner_base)
        own = zip(inner[:fields], inner_base, base, strict=False)
        return (*(self._outer(new, old, present) for new, old, present in own), *inner[fields:])

    def _inner(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        if self._before is None:
            return values
        fields = len(values) - len(self.extra)
        decoded = [
            None if value is None else cast("Value", self._before.decode(value)) for value in values[:fields]
        ]
        return (*decoded, *values[fields:])

    def _outer(self, new: Value, old: Value, present: Value) -> Value:
        if new == old:
            return present
        return new if new is None or self._before is None else self._before.encode(new)


def chained(codecs: tuple[Codec | WideCodec, ...]) -> Codec | WideCodec:
    """The codecs as one. Raises :class:`CodecError` where one does not take what the one before gives."""
    for giver, taker in pairwise(codecs):
        given = frozenset[FieldType]().union(*(_NATIVE_TYPES.get(kind, frozenset()) for kind in giver.gives))
        if taker.takes is not None and not given & taker.takes:
            takes, gives = _listed(taker.takes), _listed(giver.gives)
            raise CodecError(f"a codec that takes {takes} cannot follow one that gives {gives}")
    wide = [position for position, codec in enumerate(codecs) if is_wide(codec)]
    if not wide:
        return ChainCodec(cast("tuple[Codec, ...]", codecs))
    if len(wide) > 1:
        raise CodecError("a chain holds at most one codec of several fields")
    (position,) = wide
    return WideChainCodec(
        cast("tuple[Codec, ...]", codecs[:position]),
        cast("WideCodec", codecs[position]),
        cast("tuple[Codec, ...]", codecs[position + 1 :]),
    )


def _listed(words: frozenset[FieldType] | frozenset[Kind]) -> str:
    return ", ".join(sorted(words))
