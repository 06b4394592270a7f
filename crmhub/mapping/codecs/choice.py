"""Choices: booleans said in words, and enum tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import one_of, options
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["CHOICES", "BoolCodec", "EnumCodec"]

_CHOICE_TYPES: frozenset[FieldType] = frozenset({"bool", "enum", "text", "int", "computed"})
_TRUE: tuple[Value, ...] = (True, "yes", 1)
_FALSE: tuple[Value, ...] = (False, "no", 0)


def _word(value: object) -> str:
    """A choice's spelling: what YAML reads as true or 1 and what the CRM says as "true" or "1" are one."""
    if isinstance(value, str):
        return value if type(value) is str else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise CodecError("needs a text, a whole number, true or false")


class BoolCodec:
    """True or false, said by JSON booleans or by words. Case and blanks around a word do not matter.

    Lossy where several words of its own table mean the same: the first of them is written.
    """

    gives: frozenset[Kind] = frozenset({"bool"})
    takes: frozenset[FieldType] | None = _CHOICE_TYPES
    encodes: bool = True

    def __init__(self, true: tuple[Value, ...], false: tuple[Value, ...], *, lossy: bool) -> None:
        self._true, self._false = true[0], false[0]
        self._meanings = {_word(word).strip().casefold(): True for word in true}
        for word in false:
            if self._meanings.setdefault(_word(word).strip().casefold(), False):
                raise CodecError("bool: a word stands for both true and false")
        self.lossy: bool = lossy

    def decode(self, value: Value) -> bool | None:
        """Whether the word means true; ``None`` for a blank one."""
        word = _word(value)
        meaning = self._meanings.get(word)
        if meaning is not None:
            return meaning
        word = word.strip().casefold()
        if not word:
            return None
        meaning = self._meanings.get(word)
        if meaning is None:
            raise CodecError(f"needs one of {', '.join(self._meanings)}")
        return meaning

    def encode(self, value: object) -> Value:
        """The first word of its side."""
        if value is True:
            return self._true
        if value is False:
            return self._false
        raise CodecError("needs True or False")


class EnumCodec:
    """A table from the CRM's literals to the model's.

    A literal that is not in it is looked for without regard to case and blanks; then it stays as it
    is (``unknown: keep``) or is an error (``unknown: error``). Where several natives mean the same
    the first is written, the codec is lossy, and ``ambiguous`` names the canonical values.
    """

    gives: frozenset[Kind] = frozenset({"enum", "text"})
    takes: frozenset[FieldType] | None = _CHOICE_TYPES
    encodes: bool = True

    def __init__(self, table: Mapping[object, Value], *, keep: bool) -> None:
        self._keep = keep
        self._canonical: dict[str, str | None] = {}
        self._native: dict[str, Value] = {}
        doubled: dict[str, None] = {}
        for key, meaning in table.items():
            canonical = None if meaning is None else _meaning(meaning)
            self._canonical[_word(key)] = canonical
            if canonical is None:
                continue
            if canonical in self._native:
                doubled[canonical] = None
            else:
                self._native[canonical] = cast("Value", key)
        self._folded = _folded(self._canonical)
        self.ambiguous: tuple[str, ...] = tuple(doubled)
        """Canonical values that more than one native literal stands for."""
        self.lossy: bool = bool(doubled)

    @property
    def keeps(self) -> bool:
        """Whether literals that the table lacks stay as they are, rather than being an error."""
        return self._keep

    @property
    def natives(self) -> tuple[str, ...]:
        """The CRM's literals that the table has, as texts."""
        return tuple(self._canonical)

    @property
    def canonicals(self) -> tuple[str, ...]:
        """The model's values that the table can give."""
        return tuple(self._native)

    def decode(self, value: Value) -> str | None:
        """The model's value."""
        word = _word(value)
        if word in self._canonical:
            return self._canonical[word]
        folded = word.strip().casefold()
        if not folded:
            return None
        if folded in self._folded:
            return self._folded[folded]
        if self._keep:
            return word
        raise CodecError(f"needs a value of the enum table: {_listed(self._canonical)}")

    def encode(self, value: object) -> Value:
        """The CRM's literal."""
        word = _word(value)
        native = self._native.get(word)
        if native is not None:
            return native
        if self._keep:
            return word
        raise CodecError(f"needs a value of the enum table: {_listed(self._native)}")


def _meaning(value: Value) -> str:
    if isinstance(value, (str, int)) and value != "":
        return _word(value)
    raise CodecError("enum: the table is {CRM's literal: model's value}; null means empty")


def _folded(table: Mapping[str, str | None]) -> dict[str, str | None]:
    """The table without regard to case, less what would then be ambiguous."""
    folded: dict[str, str | None] = {}
    unclear: set[str] = set()
    for word, meaning in table.items():
        key = word.strip().casefold()
        if folded.setdefault(key, meaning) != meaning:
            unclear.add(key)
    return {key: meaning for key, meaning in folded.items() if key not in unclear}


def _listed(words: Iterable[str]) -> str:
    known = list(words)
    return ", ".join(known[:12]) + (", …" if len(known) > 12 else "")


def _bool(parameters: Parameters) -> Codec:
    if parameters is None:
        return BoolCodec(_TRUE, _FALSE, lossy=False)
    accepted = "bool: words are given as {bool: {true: [Yes], false: [No]}}"
    if not isinstance(parameters, dict):
        raise CodecError(accepted)
    # YAML reads the keys true and false as booleans.
    sides = {_word(key).casefold(): words for key, words in cast("dict[object, Value]", parameters).items()}
    if set(sides) != {"true", "false"}:
        raise CodecError(accepted)
    true, false = (_words(sides[side], accepted) for side in ("true", "false"))
    return BoolCodec(true, false, lossy=len(true) > 1 or len(false) > 1)


def _words(given: Value, accepted: str) -> tuple[Value, ...]:
    words = given if isinstance(given, list) else [given]
    if not words or not all(isinstance(word, (str, int)) and word != "" for word in words):
        raise CodecError(accepted)
    return tuple(words)


def _enum(parameters: Parameters) -> Codec:
    accepted = "enum: the table is {CRM's literal: model's value}"
    if not isinstance(parameters, dict):
        raise CodecError(accepted)
    table, keep = parameters, True
    if isinstance(parameters.get("table"), dict):  # the long form, with what to do about unknown literals
        given = options("enum", parameters, ("table", "unknown"))
        table = cast("dict[str, Value]", given["table"])
        keep = one_of("enum", "unknown", given.get("unknown", "keep"), ("keep", "error")) == "keep"
    if not table:
        raise CodecError(accepted)
    return EnumCodec(cast("Mapping[object, Value]", table), keep=keep)


CHOICES: dict[str, Factory] = {"bool": _bool, "enum": _enum}
"""``{enum: {Open: open}}``, or ``{enum: {table: {Open: open}, unknown: error}}``."""
