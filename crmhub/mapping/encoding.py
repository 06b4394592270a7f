"""Writing one rule: the native fields for a canonical value, in the light of what stands there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, cast

from crmhub.mapping.codecs.base import CodecError, WideCodec
from crmhub.mapping.decoding import decoder
from crmhub.mapping.rules import Rule
from crmhub.native import Native, Value

__all__ = ["Pointer", "demanded", "encode", "held", "is_present", "plain_value", "put", "reads_as"]

_FROM_TODAY = re.compile(r"today(?:([+-]\d{1,4})d)?")
_UNKNOWN: Final = object()


class Pointer(NamedTuple):
    """The record that a reference points to, in the connection that is written to."""

    id: str
    object: str | None = None


def encode(
    rule: Rule, value: object, base: Native | None, compounds: Collection[str]
) -> Sequence[tuple[str, Value]]:
    """The native fields that hold a canonical value, by dotted name.

    Nothing where ``base`` says the same already. ``compounds`` are native fields that several rules
    write parts of: clearing one part leaves the others alone. Raises :class:`CodecError`.
    """
    wide = rule.wide
    if wide is not None:
        return _encode_wide(rule.to, wide, value, base)
    if base is not None and rule.reads and _stands(rule, value, base):
        return ()
    if value is None:
        return [(_cleared(name, compounds), None) for name in rule.to]
    narrow = rule.narrow
    if isinstance(value, Pointer):
        kind = [(rule.type, value.object)] if rule.type and value.object else []
        return [(rule.to[0], narrow.encode(value.id) if narrow else value.id), *kind]
    return [(rule.to[0], narrow.encode(value) if narrow else plain_value(value))]


def demanded(rule: Rule, today: date | None) -> Value:
    """A rule's ``default_on_create`` as it is sent: in a date or time, ``today+30d`` becomes that day.

    Raises :class:`CodecError` where it counts from a day that nobody gave.
    """
    value = rule.default_on_create
    match = _FROM_TODAY.fullmatch(value) if isinstance(value, str) else None
    if match is None or rule.kind not in {"date", "datetime"}:
        return value
    if today is None:
        raise CodecError("its default counts from today, so it needs to know the day")
    day = today + timedelta(days=int(match[1] or 0))
    moment = day if rule.kind == "date" else datetime.combine(day, time(), UTC)
    return rule.narrow.encode(moment) if rule.narrow else moment.isoformat()


def put(native: Native, name: str, value: Value) -> None:
    """Set a field by dotted name; parts of one compound field come together."""
    *heads, leaf = name.split(".")
    holder = native
    for head in heads:
        inner = holder.get(head)
        if not isinstance(inner, dict):
            inner = {}
            holder[head] = inner
        holder = inner
    holder[leaf] = value


def held(record: Native, name: str, unknown: object = _UNKNOWN) -> object:
    """The native value by dotted name; ``unknown`` where the record does not say."""
    head, _, rest = name.partition(".")
    value: object = record.get(head, unknown)
    for step in rest.split(".") if rest else ():
        value = cast("dict[str, object]", value).get(step) if isinstance(value, dict) else value
        if value is None or value is unknown:
            return value
    return value


def reads_as(decode: Callable[[Value], object], standing: object, value: object) -> bool:
    """Whether a native value that stands there means the canonical one (for a pointer: its record)."""
    if standing is None:
        return value is None
    try:
        meaning = decode(cast("Value", standing))
    except Exception:  # noqa: BLE001 - what cannot be read is replaced, whatever the codec makes of it
        return False
    return meaning == (value.id if isinstance(value, Pointer) else value)


def is_present(rule: Rule, base: Native) -> bool:
    """Whether something stands in the rule's field."""
    return held(base, rule.to[0]) not in (_UNKNOWN, None, "")


def _encode_wide(
    to: tuple[str, ...], wide: WideCodec, value: object, base: Native | None
) -> Sequence[tuple[str, Value]]:
    names = (*to, *wide.extra)
    there = [held(base or {}, name) for name in names]
    present = tuple(None if each is _UNKNOWN else cast("Value", each) for each in there)
    if base is not None and any(each is not _UNKNOWN for each in there) and _means(wide, present, value):
        return ()
    encoded = wide.encode_all(value, present) if value is not None else (None,) * len(to)
    return [
        (name, part)
        for name, part, present_part in zip(names, encoded, there, strict=False)
        # An extra field (the currency beside an amount) serves other rules too: it is set, never cleared.
        if (part is not None or name in to) and (base is None or part != present_part)
    ]


def _means(wide: WideCodec, present: tuple[Value, ...], value: object) -> bool:
    try:
        return wide.decode_all(present) == value
    except Exception:  # noqa: BLE001 - what cannot be read is replaced, whatever the codec makes of it
        return False


def _stands(rule: Rule, value: object, base: Native) -> bool:
    """Whether the base reads as the value already."""
    standing: object = _UNKNOWN
    for name in rule.to:
        standing = held(base, name)
        if standing is not _UNKNOWN and standing is not None:
            break
    if standing is _UNKNOWN or not reads_as(decoder(rule), standing, value):
        return False
    if isinstance(value, Pointer) and rule.type and value.object:
        return held(base, rule.type) == value.object
    return True


def _cleared(name: str, compounds: Collection[str]) -> str:
    head = name.partition(".")[0]
    return name if head in compounds else head


def plain_value(value: object) -> Value:
    """A canonical value without a codec, as JSON: an enum's literal, a date's ISO form."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | int | Decimal) or value is None:
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, list):
        return [plain_value(item) for item in cast("list[object]", value)]
    raise CodecError(f"a {type(value).__name__} needs a codec")
