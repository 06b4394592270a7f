"""Values of custom fields: nested under their hash in v2, flat with suffixes in v1.

Source: Pipedrive, "API v2 migration guide", section "Custom fields".
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid
from crmhub_rest.simulators.pipedrive.fields import Field, FieldBook
from crmhub_rest.simulators.pipedrive.values import Rule

MOST_ASKED: Final = 15
_DEEPEST: Final = 2
_ZONE: Final[Mapping[str, Rule]] = {
    "timezone_id": values.nullable(values.whole),
    "timezone_name": values.nullable(values.text(64)),
}
_PLAIN: Final[Mapping[str, Rule]] = {
    "varchar": values.text(255),
    "varchar_auto": values.text(255),
    "text": values.text(),
    "phone": values.text(255),
    "double": values.number,
    "date": values.day,
    "daterange": values.shape({"value": values.day, "until": values.nullable(values.day)}, "value"),
    "time": values.shape({"value": values.clock_time, **_ZONE}, "value"),
    "timerange": values.shape(
        {"value": values.clock_time, "until": values.nullable(values.clock_time), **_ZONE}, "value"
    ),
    "address": values.address,
}


def read_custom(company: Company, kind: str, given: object) -> dict[str, object]:
    """The values of `custom_fields` in a body, by hash; null clears one. Raises ApiError."""
    book = company.fields[kind]
    sent = values.as_object("custom_fields", given)
    if any(_depth(value) > _DEEPEST for value in sent.values()):
        # Seen on the live API: values that are nested too deeply are not refused but break it.
        raise ApiError(500, "Internal server error", "ERR_UNKNOWN")
    kept: dict[str, object] = {}
    for code, value in sent.items():
        field = book.custom_field(code)
        if field is None:
            raise invalid(f"custom_fields.{code}", "is not allowed (must NOT have additional properties)")
        kept[code] = None if value is None else _rule(company, field)(f"custom_fields.{code}", value)
    return kept


def _rule(company: Company, field: Field) -> Rule:
    match field.type:
        case "enum":
            return lambda path, value: _option(field, path, value)
        case "set":
            return lambda path, value: _options(field, path, value)
        case "monetary":
            return values.shape(
                {"value": values.number, "currency": values.one_of(*company.currencies)}, "value", "currency"
            )
        case "user":
            return lambda path, value: _linked(path, values.whole(path, value), company.user)
        case "people":
            return lambda path, value: _linked(path, values.whole(path, value), _record(company, "person"))
        case "org":
            return lambda path, value: _linked(
                path, values.whole(path, value), _record(company, "organization")
            )
        case _:
            return _PLAIN[field.type]


def _record(company: Company, kind: str) -> Callable[[object], object]:
    return lambda ident: company.live(kind, ident)


def _linked(path: str, value: object, find: Callable[[object], object]) -> object:
    if find(value) is None:
        raise invalid(path, f"{value} does not exist")
    return value


def _option(field: Field, path: str, value: object) -> object:
    values.whole(path, value)
    if field.option(value) is None:
        raise invalid(path, f"{value} is not an option of the field")
    return value


def _options(field: Field, path: str, value: object) -> object:
    items = cast("list[object]", values.list_of(values.whole)(path, value))
    if not items:
        raise invalid(path, "must NOT have fewer than 1 items")
    for place, item in enumerate(items):
        _option(field, f"{path}[{place}]", item)
    return items


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(one) for one in cast("dict[str, object]", value).values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(one) for one in cast("list[object]", value)), default=0)
    return 0


def show_custom(
    book: FieldBook, kept: Mapping[str, object], *, only: tuple[str, ...] = (), labels: bool = False
) -> dict[str, object]:
    """What v2 shows: every custom field (or those asked for), null where there is no value."""
    return {
        field.code: _labelled(field, kept.get(field.code)) if labels else kept.get(field.code)
        for field in book.custom
        if not only or field.code in only
    }


def _labelled(field: Field, value: object) -> object:
    if field.type == "set" and isinstance(value, list):
        return [_labelled_one(field, one) for one in cast("list[object]", value)]
    return _labelled_one(field, value) if field.type == "enum" and value is not None else value


def _labelled_one(field: Field, ident: object) -> object:
    option = field.option(ident)
    return {"id": ident, "label": option.label if option else None}


def flatten(field: Field, value: object) -> dict[str, object]:
    """What v1 shows of a value: the hash, and what goes with it under the hash and a suffix."""
    code = field.code
    if value is None:
        return {code: None}
    match field.type:
        case "enum":
            return {code: str(value)}
        case "set":
            return {code: ",".join(str(one) for one in cast("list[object]", value))}
        case "monetary" | "daterange" | "timerange" | "time" | "address":
            parts = cast("dict[str, object]", value)
            also = {f"{code}_{name}": part for name, part in parts.items() if name != "value"}
            return {code: parts.get("value"), **also}
        case _:
            return {code: value}


def unflatten(company: Company, kind: str, given: Mapping[str, object]) -> dict[str, object]:
    """The values that a v1 body gives flat, by hash, in v2's form; raises ApiError."""
    book = company.fields[kind]
    nested: dict[str, object] = {}
    for key, value in given.items():
        code, joint, part = key.partition("_")
        field = book.custom_field(code)
        if field is None:
            raise ApiError(400, f'"{key}" is not allowed')
        if joint:
            held = nested.setdefault(code, {})
            if isinstance(held, dict):
                cast("dict[str, object]", held)[part] = value
        elif field.type in {"monetary", "daterange", "timerange", "time", "address"} and value is not None:
            held = nested.setdefault(code, {})
            if isinstance(held, dict):
                cast("dict[str, object]", held)["value"] = value
        else:
            nested[code] = _loose(field, value)
    return read_custom(company, kind, nested)


def _loose(field: Field, value: object) -> object:
    """v1 takes the ids of options as texts too, several of them with commas."""
    if field.type == "enum" and isinstance(value, str) and value.isdigit():
        return int(value)
    if field.type == "set" and isinstance(value, str):
        return [int(part) if part.strip().isdigit() else part for part in value.split(",")]
    return value
