"""JSON in the store's text columns; fractions are exact decimals both ways."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import msgspec

from crmhub.native import Checkpoint, Value

__all__ = ["decode_checkpoint", "decode_counts", "decode_names", "encode"]

_encoder = msgspec.json.Encoder(decimal_format="number")
_values = msgspec.json.Decoder(float_hook=Decimal)
_counts = msgspec.json.Decoder(dict[str, int])
_names = msgspec.json.Decoder(tuple[str, ...])


def encode(value: Value | Mapping[str, Value] | Mapping[str, int] | tuple[str, ...]) -> str:
    """The value as JSON text."""
    return _encoder.encode(value).decode()


def decode_checkpoint(text: str) -> Checkpoint:
    """A checkpoint back from its text."""
    return cast("Checkpoint", _values.decode(text))


def decode_counts(text: str) -> dict[str, int]:
    """A run's totals back from their text."""
    return _counts.decode(text)


def decode_names(text: str) -> tuple[str, ...]:
    """A list of names back from its text."""
    return _names.decode(text)
