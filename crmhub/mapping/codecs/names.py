"""Several native text fields as one text, such as first and last name as the full name."""

from __future__ import annotations

from crmhub.mapping.codecs.base import CodecError, Factory, Kind, Parameters, WideCodec
from crmhub.mapping.codecs.parameters import text_option
from crmhub.mapping.codecs.text import TEXTUAL
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["NAMES", "JoinCodec"]


class JoinCodec:
    """The texts of several fields, in order, with a separator between those that are not empty.

    Lossy: where one field ended and the next began is not in the joined text. Writing takes that
    from the present values: an unchanged text leaves them as they are, and in a changed one the
    fields that still stand at its end or beginning keep theirs. The rest is divided so that each
    later field gets one word and the first all that remains: ``Ana Maria Silva`` is ``Ana Maria``
    and ``Silva``; a single word goes to the last field, as CRMs demand a last name. A day and a time of day
    are joined to an instant.
    """

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = TEXTUAL | frozenset[FieldType](("date",))
    encodes: bool = True
    lossy: bool = True
    extra: tuple[str, ...] = ()

    def __init__(self, separator: str) -> None:
        self._separator = separator

    def decode_all(self, values: tuple[Value, ...]) -> str | None:
        """The joined text; ``None`` if all fields are empty."""
        return self._separator.join(part for value in values if (part := _part(value))) or None

    def encode_all(self, value: object, base: tuple[Value, ...]) -> tuple[Value, ...]:
        """The fields' texts, ``None`` for those that get nothing."""
        if value is None:
            return (None,) * len(base)
        if not isinstance(value, str):
            raise CodecError("needs a text")
        if self.decode_all(base) == value:
            return base
        return self._divided(value.strip(), base)

    def _divided(self, text: str, base: tuple[Value, ...]) -> tuple[Value, ...]:
        fields: list[Value] = [None] * len(base)
        first, last = 0, len(base) - 1
        while first < last and (kept := _part(base[last])) and text.endswith(self._separator + kept):
            fields[last] = base[last]
            text = text[: -len(self._separator + kept)]
            last -= 1
        while first < last and (kept := _part(base[first])) and text.startswith(kept + self._separator):
            fields[first] = base[first]
            text = text[len(kept + self._separator) :]
            first += 1
        words = text.rsplit(self._separator, last - first)
        if last == len(base) - 1:  # also with fewer words than fields: the last field is the one demanded
            fields[last] = words.pop().strip() or None
        for position, word in enumerate(words, first):
            fields[position] = word.strip() or None
        return tuple(fields)


def _part(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    raise CodecError("needs texts")


def _join(parameters: Parameters) -> WideCodec:
    if parameters is None:
        return JoinCodec(" ")
    return JoinCodec(text_option("join", "its parameter, the separator,", parameters))


NAMES: dict[str, Factory] = {"join": _join}
"""``join`` (with a blank) or ``{join: ", "}``."""
