"""Comparing canonical values: a plain, exact form that can be hashed, stored and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias, cast

import msgspec

from crmhub.mapping.compiled import CompiledMap, Values
from crmhub.mapping.rules import Compare, Rule, TypedId
from crmhub.models import Money

__all__ = ["Comparable", "Comparison", "comparable_form", "digest", "plain", "pointed"]

Comparable: TypeAlias = dict[str, object]
"""Values by path in a form that is equal exactly when the values mean the same."""

_encode = msgspec.json.Encoder().encode
_encode_in_order = msgspec.json.Encoder(order="deterministic").encode


def _decimal(value: Decimal) -> str:
    if not value:
        return "0"
    text = format(value, "f")  # not normalize(): it rounds to the digits of the context
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(value: object) -> str | int | bool | list[str] | None:
    """One canonical value in its comparable form: 1.50 and 1.5 are the same, so are equal instants."""
    if value is None or value.__class__ in {str, int, bool}:
        return cast("str | int | bool | None", value)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, Money):
        return f"{_decimal(value.amount)} {value.currency or ''}"
    if isinstance(value, datetime):
        return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _decimal(Decimal(value // timedelta(microseconds=1)) / 1_000_000)
    if isinstance(value, list):
        return [str(plain(item)) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        return _encode_in_order({key: plain(part) for key, part in parts.items()}).decode()
    return str(value)


def _as_reference(value: object) -> object:
    return pointed(value, value.object) if isinstance(value, TypedId) else plain(value)


def pointed(id: object, object: str | None) -> str:
    """A reference in its comparable form: records of two objects may have the same id."""
    return f"{object}/{id}" if object else str(id)


def _as_set(value: object) -> object:
    form = plain(value)
    return sorted(set(form)) if isinstance(form, list) else form


def _as_text(value: object) -> object:
    form = plain(value)
    return " ".join(form.split()).casefold() if isinstance(form, str) else form


def comparable_form(mode: Compare) -> Callable[[object], object]:
    """The function that brings a value into the form in which ``compare: <mode>`` compares it."""
    return _FORMS.get(mode, plain)


_FORMS: dict[str, Callable[[object], object]] = {"exact": plain, "set": _as_set, "text": _as_text}


class Comparison:
    """Which paths matter between two maps, and how each is compared.

    A path matters when the source can read it and the target can write it; ``compare: ignore`` on
    either side takes it out.
    """

    def __init__(self, source: CompiledMap, target: CompiledMap) -> None:
        self.paths: tuple[str, ...] = tuple(
            path
            for path, rule in target.by_path.items()
            if rule.writes and _read_by(source, path) and rule.compare != "ignore"
        )
        self.unshared: tuple[str, ...] = tuple(
            path
            for path, rule in source.by_path.items()
            if rule.reads and path != "id" and not _is_written(rule, target.by_path.get(path))
        )
        """Paths that the source has and the target has no place for, or only reads what people write here."""
        self._forms = [(path, _form(source.by_path[path], target.by_path[path])) for path in self.paths]

    def comparable(self, values: Values) -> Comparable:
        """The values that matter, in comparable form; paths that were not read are left out."""
        return {path: form(values[path]) for path, form in self._forms if path in values}


def _is_written(rule: Rule, there: Rule | None) -> bool:
    return there is not None and (there.writes or not rule.writes)


def _read_by(source: CompiledMap, path: str) -> bool:
    rule = source.by_path.get(path)
    return rule is not None and rule.reads and rule.compare != "ignore"


def _form(source: Rule, target: Rule) -> Callable[[object], object]:
    if source.type:
        return _as_reference
    loosest = next((mode for mode in ("text", "set") if mode in {source.compare, target.compare}), "exact")
    return _FORMS[loosest]


def digest(comparable: Comparable) -> bytes:
    """16 bytes that change when a value does."""
    return hashlib.blake2b(_encode(comparable), digest_size=16).digest()
