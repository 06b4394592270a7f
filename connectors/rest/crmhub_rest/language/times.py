"""Instants as a CRM writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from crmhub.document import suggest
from crmhub.native import Value
from crmhub_rest.language.word import Word

__all__ = ["PARTS", "TimeForm"]

_WORDS = ("iso", "iso_seconds", "epoch_ms", "epoch_s", "parts")
PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeForm(Word):
    """``iso``, ``iso_seconds``, ``epoch_ms``, ``epoch_s``, or a form like ``%Y-%m-%d %H:%M:%S`` (in UTC).

    ``parts`` is a table of numbers: ``${since.year}``, ``${since.month}``, … ``${since.microsecond}``.
    """

    __slots__ = ()

    form = rf"^({'|'.join(_WORDS)})$|%"

    def __init__(self, text: str) -> None:
        if text not in _WORDS and "%" not in text:
            raise ValueError(f"{text!r} is no form of time; {suggest(text, _WORDS)}, or a form with %")
        super().__init__(text)

    def read(self, value: Value) -> datetime | None:
        """The instant in UTC, or ``None`` for what is none. Numbers and ISO are read in every form."""
        if isinstance(value, bool) or value is None:
            return None
        try:
            if isinstance(value, int | Decimal) or (isinstance(value, str) and value.isdigit()):
                return _from_number(int(value), seconds=self.text == "epoch_s")
            if isinstance(value, str):
                return self._from_text(value)
        except (ValueError, OverflowError):
            return None
        return None

    def write(self, at: datetime) -> Value:
        """The instant as it is sent; never later than it is."""
        at = at.astimezone(UTC)
        whole = at.replace(microsecond=0)
        match self.text:
            case "iso":
                return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            case "iso_seconds":
                return whole.isoformat().replace("+00:00", "Z")
            case "epoch_ms":
                return (at - _EPOCH) // timedelta(milliseconds=1)
            case "parts":
                return {name: getattr(at, name) for name in PARTS}
            case "epoch_s":
                return (at - _EPOCH) // timedelta(seconds=1)
            case _:
                return at.strftime(self.text)

    def _from_text(self, text: str) -> datetime:
        if "%" in self.text:
            try:
                return datetime.strptime(text, self.text).replace(tzinfo=UTC)
            except ValueError:
                pass  # some CRMs write their times in more than one way; ISO is tried next
        found = datetime.fromisoformat(text.removesuffix("GMT").strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _from_number(number: int, *, seconds: bool) -> datetime:
    return _EPOCH + (timedelta(seconds=number) if seconds else timedelta(milliseconds=number))
