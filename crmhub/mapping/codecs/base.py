"""What a codec is: a pair of inverse functions between a native value and a canonical one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["Codec", "CodecError", "Kind", "Parameters", "WideCodec", "codec_table"]

Kind: TypeAlias = Literal[
    "text", "enum", "int", "decimal", "ratio", "money", "bool", "date", "datetime", "duration",
    "texts", "ref", "user", "json",
]  # fmt: skip
"""The kind of a canonical field: what its model's annotation comes down to."""

Parameters: TypeAlias = Value
"""What stands behind a codec's name in YAML: ``None`` for a bare name."""


class CodecError(ValueError):
    """A value or a parameter that a codec cannot take. The message never contains the value."""


class Codec(Protocol):
    """Converts one native value and back. ``None`` never reaches it: empty stays empty.

    The law, checked by ``crmhub mapping prove``: ``decode(encode(x)) == x`` for every canonical ``x``
    that the codec takes, unless it is ``lossy`` or has no way back (``encodes`` is false).
    """

    gives: frozenset[Kind]
    """Kinds of canonical field that it can fill."""
    takes: frozenset[FieldType] | None
    """Types of native field that it reads; ``None`` for any."""
    encodes: bool
    """Whether there is a way back."""
    lossy: bool
    """Whether the way there or back loses something."""

    def decode(self, value: Value) -> object:
        """The canonical value; ``None`` for one that means empty. Raises :class:`CodecError`."""
        ...

    def encode(self, value: object) -> Value:
        """The native value. Raises :class:`CodecError`."""
        ...


class WideCodec(Protocol):
    """A codec over several native fields at once: those of ``to``, then its ``extra`` ones."""

    gives: frozenset[Kind]
    takes: frozenset[FieldType] | None
    encodes: bool
    lossy: bool
    extra: tuple[str, ...]
    """Native fields it needs besides those that the rule names."""

    def decode_all(self, values: tuple[Value, ...]) -> object:
        """The canonical value of the native values (each may be ``None``)."""
        ...

    def encode_all(self, value: object, base: tuple[Value, ...]) -> tuple[Value, ...]:
        """The native values, given the present ones (``None`` where unknown), left alone if they fit."""
        ...


Factory: TypeAlias = Callable[[Parameters], "Codec | WideCodec"]


def codec_table(*tables: Mapping[str, Factory]) -> dict[str, Factory]:
    """One table of codec factories by name; a name given twice is an error, never a silent choice."""
    merged: dict[str, Factory] = {}
    for table in tables:
        for name, factory in table.items():
            if name in merged:
                raise CodecError(f"codec {name!r} is declared twice")
            merged[name] = factory
    return merged
