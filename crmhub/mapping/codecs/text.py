"""Texts: plain, trimmed, e-mail addresses, prefixes, constants, lists in one text, JSON in a text."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import msgspec

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import no_parameters, text_option
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["TEXTS", "TEXTUAL"]

TEXTUAL: frozenset[FieldType] = frozenset(
    {"text", "html", "email", "phone", "url", "enum", "ref", "time", "computed"}
)
"""Types of native field that hold a text."""

_TEXT: frozenset[Kind] = frozenset({"text"})


def _text(value: object) -> str:
    if isinstance(value, str):
        return value if type(value) is str else str(value)
    raise CodecError("needs a text")


def _spelled(value: object) -> str:
    """A text, or the spelling of a number: what a number codec behind this one in a chain writes."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    return _text(value)


class TextCodec:
    """A text as it is; numbers and booleans become their spelling."""

    gives: frozenset[Kind] = _TEXT
    takes: frozenset[FieldType] | None = TEXTUAL.union(("int", "decimal", "bool"))
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> str | None:
        """The text; ``None`` for an empty one."""
        if isinstance(value, str):
            return value or None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, Decimal)):
            return str(value)
        raise CodecError("needs a text")

    def encode(self, value: object) -> Value:
        """The text itself."""
        return _spelled(value)


class TrimCodec:
    """A text without the blanks around it."""

    gives: frozenset[Kind] = _TEXT
    takes: frozenset[FieldType] | None = TEXTUAL
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> str | None:
        """The trimmed text; ``None`` if nothing is left."""
        return _text(value).strip() or None

    def encode(self, value: object) -> Value:
        """The trimmed text."""
        return _spelled(value).strip()


class EmailCodec:
    """An e-mail address in the one spelling by which addresses are compared: trimmed, lower case."""

    gives: frozenset[Kind] = _TEXT
    takes: frozenset[FieldType] | None = TEXTUAL
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> str | None:
        """The address; ``None`` for a blank one."""
        return _text(value).strip().lower() or None

    def encode(self, value: object) -> Value:
        """The address in the same spelling."""
        return _text(value).strip().lower()


class PrefixCodec:
    """A text that carries a fixed prefix in the CRM and none in the model."""

    gives: frozenset[Kind] = frozenset({"text", "ref"})
    takes: frozenset[FieldType] | None = TEXTUAL
    encodes: bool = True
    lossy: bool = False

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def decode(self, value: Value) -> str | None:
        """What follows the prefix; a text without it is an error."""
        text = _text(value)
        if not text:
            return None
        if not text.startswith(self._prefix):
            raise CodecError(f"needs a text that begins with {self._prefix!r}")
        return text[len(self._prefix) :] or None

    def encode(self, value: object) -> Value:
        """The text with the prefix before it."""
        return self._prefix + _spelled(value)


class ConstCodec:
    """One fixed value, whatever is there. It reads nothing and writes nothing else, so it is lossy."""

    takes: frozenset[FieldType] | None = None
    encodes: bool = True
    lossy: bool = True

    def __init__(self, constant: str | int | Decimal, gives: frozenset[Kind]) -> None:
        self._constant = constant
        self.gives: frozenset[Kind] = gives

    def decode(self, value: Value) -> object:  # noqa: ARG002 - a constant looks at nothing
        """The constant."""
        return self._constant

    def encode(self, value: object) -> Value:  # noqa: ARG002 - a constant looks at nothing
        """The constant."""
        return self._constant


class SplitCodec:
    """A list of texts, held as one text with a separator or as a JSON list.

    Entries are trimmed and empty ones dropped; a list with nothing in it is empty, so ``None``.
    """

    gives: frozenset[Kind] = frozenset({"texts"})
    takes: frozenset[FieldType] | None = frozenset({"multi_enum", "text", "enum", "json", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self, separator: str, *, joined: bool) -> None:
        self._separator = separator
        self._joined = joined

    def decode(self, value: Value) -> list[str] | None:
        """The entries; both a text and a list are read."""
        entries = (
            cast("list[object]", value) if isinstance(value, list) else _text(value).split(self._separator)
        )
        return [kept for entry in entries if (kept := _text(entry).strip())] or None

    def encode(self, value: object) -> Value:
        """The entries as one text, or as a list; an entry must not contain the separator."""
        if not isinstance(value, (list, tuple)):
            raise CodecError("needs a list of texts")
        entries = [_text(entry) for entry in cast("list[object]", value)]
        if not entries:
            return None
        if not self._joined:
            return list[Value](entries)
        if any(self._separator in entry for entry in entries):
            raise CodecError(f"needs entries without the separator {self._separator!r}")
        return self._separator.join(entries)


class JsonCodec:
    """Structured data, held as one text of JSON or as it is. Numbers stay exact."""

    gives: frozenset[Kind] = frozenset({"json"})
    takes: frozenset[FieldType] | None = frozenset({"text", "json", "address", "geo", "computed"})
    encodes: bool = True
    lossy: bool = False

    def __init__(self) -> None:
        self._reader = msgspec.json.Decoder(float_hook=Decimal)
        self._writer = msgspec.json.Encoder(decimal_format="number", order="deterministic")

    def decode(self, value: Value) -> object:
        """The data that the text spells; data that is none already is returned as it is."""
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return cast("object", self._reader.decode(value))
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            raise CodecError("needs a text of well-formed JSON") from None

    def encode(self, value: object) -> Value:
        """The data as compact JSON, keys in order."""
        try:
            _check_exact(value)
            return self._writer.encode(value).decode()
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise CodecError(
                "needs JSON data: texts, ints, finite Decimals, booleans, lists, dicts"
            ) from None


def _check_exact(value: object) -> None:
    """Raises ``ValueError`` for numbers that JSON cannot hold or that would not come back the same."""
    if isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
        raise ValueError("not an exact number")
    if isinstance(value, dict):
        for entry in cast("dict[object, object]", value).values():
            _check_exact(entry)
    elif isinstance(value, list):
        for entry in cast("list[object]", value):
            _check_exact(entry)


def _text_codec(parameters: Parameters) -> Codec:
    no_parameters("text", parameters)
    return TextCodec()


def _trim(parameters: Parameters) -> Codec:
    no_parameters("trim", parameters)
    return TrimCodec()


def _email(parameters: Parameters) -> Codec:
    no_parameters("email_lower", parameters)
    return EmailCodec()


def _prefix(parameters: Parameters) -> Codec:
    return PrefixCodec(text_option("prefix", "its parameter", parameters))


def _const(parameters: Parameters) -> Codec:
    if isinstance(parameters, bool):
        return ConstCodec(parameters, frozenset({"bool"}))
    if isinstance(parameters, int):
        return ConstCodec(parameters, frozenset({"int"}))
    if isinstance(parameters, float):  # YAML reads 0.5 so; its shortest spelling is what was written
        return ConstCodec(Decimal(str(parameters)), frozenset({"decimal", "ratio"}))
    if isinstance(parameters, Decimal):
        return ConstCodec(parameters, frozenset({"decimal", "ratio"}))
    if isinstance(parameters, str) and parameters:
        return ConstCodec(parameters, frozenset({"text", "enum"}))
    raise CodecError("const: its parameter is the constant: a text, a number, true or false")


def _split(parameters: Parameters) -> Codec:
    if parameters is None:
        return SplitCodec(";", joined=False)
    return SplitCodec(text_option("split", "its parameter, the separator,", parameters), joined=True)


def _json(parameters: Parameters) -> Codec:
    no_parameters("json", parameters)
    return JsonCodec()


TEXTS: dict[str, Factory] = {
    "text": _text_codec,
    "trim": _trim,
    "email_lower": _email,
    "prefix": _prefix,
    "const": _const,
    "split": _split,
    "json": _json,
}
"""``{split: ";"}`` writes one text (``a;b``), bare ``split`` writes a JSON list; both read either."""
