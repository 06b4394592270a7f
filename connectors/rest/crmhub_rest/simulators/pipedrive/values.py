"""Whether values of a body are what the schema wants. v2 is strict: no text for a number, no 1 for true."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, cast

from crmhub_rest.simulators.pipedrive.errors import invalid
from crmhub_rest.simulators.pipedrive.fields import ADDRESS_PARTS

Rule = Callable[[str, object], object]
"""Gives the value as it is kept; raises ApiError saying what is wrong at which path."""

MOST_NUMBER: Final = 2**53
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DURATION = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?")


def nullable(rule: Rule) -> Rule:
    """The rule, or null."""
    return lambda path, value: None if value is None else rule(path, value)


def text(most: int = 65_535, *, filled: bool = False) -> Rule:
    """A text of at most so many characters."""

    def check(path: str, value: object) -> object:
        if not isinstance(value, str):
            raise invalid(path, "must be string")
        if filled and not value.strip():
            raise invalid(path, "must NOT have fewer than 1 characters")
        if len(value) > most:
            raise invalid(path, f"must NOT have more than {most} characters")
        return value

    return check


def whole(path: str, value: object) -> object:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_NUMBER:
        raise invalid(path, "must be integer")
    return value


def number(path: str, value: object) -> object:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(path, "must be number")
    return value


def flag(path: str, value: object) -> object:
    """True or false, nothing else."""
    if not isinstance(value, bool):
        raise invalid(path, "must be boolean")
    return value


def one_of(*allowed: object) -> Rule:
    """One of some values."""

    def check(path: str, value: object) -> object:
        if value not in allowed or isinstance(value, bool):
            told = ", ".join(str(one) for one in allowed)
            raise invalid(path, f"must be equal to one of the allowed values: {told}")
        return value

    return check


def day(path: str, value: object) -> object:
    """A date, YYYY-MM-DD."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise invalid(path, f"{value} is not a valid date")


def moment(path: str, value: object) -> object:
    """A time, RFC 3339 or `YYYY-MM-DD HH:MM:SS` (UTC); kept as v2 writes times, in whole seconds."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            parsed = datetime.fromisoformat(value.replace(" ", "T"))
        except ValueError:
            pass
        else:
            instant = parsed if parsed.tzinfo else datetime.fromisoformat(f"{value.replace(' ', 'T')}+00:00")
            return datetime.fromtimestamp(instant.timestamp(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise invalid(path, f"{value} is not a valid datetime")


def clock_time(path: str, value: object) -> object:
    """A time of day, HH:MM or HH:MM:SS, kept with seconds."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise invalid(path, f"{value} is not a valid time")
    return value if len(value) == len("HH:MM:SS") else f"{value}:00"


def span(path: str, value: object) -> object:
    """A duration, HH:MM or HH:MM:SS, kept with seconds."""
    if not isinstance(value, str) or _DURATION.fullmatch(value) is None:
        raise invalid(path, f"{value} is not a valid duration")
    return value if value.count(":") == 2 else f"{value}:00"


def uuid(path: str, value: object) -> object:
    """A UUID, in lower case."""
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise invalid(path, "must match format uuid")
    return value.lower()


def list_of(rule: Rule) -> Rule:
    """A list whose members follow the rule."""

    def check(path: str, value: object) -> object:
        if not isinstance(value, list):
            raise invalid(path, "must be array")
        items = cast("list[object]", value)
        return [rule(f"{path}[{place}]", item) for place, item in enumerate(items)]

    return check


def shape(rules: Mapping[str, Rule], *required: str) -> Rule:
    """An object with these properties and no others."""

    def check(path: str, value: object) -> object:
        given = as_object(path, value)
        for name in required:
            if name not in given:
                raise invalid(f"{path}.{name}".lstrip("."), "is required")
        return checked(rules, given, path)

    return check


def checked(rules: Mapping[str, Rule], given: Mapping[str, object], path: str = "") -> dict[str, object]:
    """The values of an object, each by its rule; raises ApiError for a property that there is not."""
    kept: dict[str, object] = {}
    for name, value in given.items():
        rule = rules.get(name)
        where = f"{path}.{name}" if path else name
        if rule is None:
            raise invalid(where, "is not allowed (must NOT have additional properties)")
        kept[name] = rule(where, value)
    return kept


def as_object(path: str, value: object) -> dict[str, object]:
    """The value, an object."""
    if not isinstance(value, dict):
        raise invalid(path, "must be object")
    return cast("dict[str, object]", value)


def address(path: str, value: object) -> object:
    """An address: `value` is needed, and parts that are not given are null."""
    rules: dict[str, Rule] = dict.fromkeys((*ADDRESS_PARTS, "formatted_address"), nullable(text(255)))
    given = shape({"value": text(1_000), **rules}, "value")(path, value)
    return {"value": None, **dict.fromkeys(ADDRESS_PARTS), **cast("dict[str, object]", given)}


def channels(path: str, value: object) -> object:
    """E-mail addresses, telephone numbers or accounts; the first is primary unless another is said to be."""
    rules: dict[str, Rule] = {"value": text(255), "primary": flag, "label": nullable(text(50))}
    items = cast("list[dict[str, object]]", list_of(shape(rules, "value"))(path, value))
    primaries = sum(item.get("primary") is True for item in items)
    if primaries > 1:
        raise invalid(path, "only one value can be primary")
    return [
        {
            "value": item["value"],
            "primary": item.get("primary", False) if primaries else place == 0,
            "label": item.get("label") or "work",
        }
        for place, item in enumerate(items)
    ]
