"""Seeded values of custom fields, by their types."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from crmhub_rest.simulators.pipedrive.company import stamp
from crmhub_rest.simulators.pipedrive.fields import ADDRESS_PARTS, Field
from crmhub_rest.simulators.world import STREETS, pick


def custom_values(
    fields: Iterable[Field], number: int, place: int, counts: Mapping[str, int], users: Sequence[int]
) -> dict[str, object]:
    """The values of a record's custom fields, made from a mixed number; about a quarter have none."""
    return {
        field.code: value
        for spot, field in enumerate(fields)
        if (number >> 32 + spot) & 3
        and (value := _value(field, number >> spot, place, counts, users)) is not None
    }


def _value(field: Field, number: int, place: int, counts: Mapping[str, int], users: Sequence[int]) -> object:
    simple = _SIMPLE.get(field.type)
    if simple is not None:
        return simple(number)
    match field.type:
        case "enum":
            return pick(field.options, number).id if field.options else None
        case "set":
            return [one.id for spot, one in enumerate(field.options) if spot in {0, number % 3}] or None
        case "address":
            return {"value": f"{pick(STREETS, number)} {place}", **dict.fromkeys(ADDRESS_PARTS)}
        case "user":
            return pick(users, number)
        case "people" | "org":
            count = counts["person" if field.type == "people" else "organization"]
            return number % count + 1 if count else None
        case _:
            return f"{field.name} {place + 1}"


def _day(number: int) -> str:
    return stamp(1_700_000_000 + number % 700 * 86_400)[:10]


_ZONE = {"timezone_id": 1, "timezone_name": "Etc/UTC"}
_SIMPLE: dict[str, Callable[[int], object]] = {
    "monetary": lambda number: {"value": number % 10_000, "currency": "USD"},
    "double": lambda number: number % 10_000,
    "date": _day,
    "daterange": lambda number: {"value": _day(number % 700), "until": _day(min(number % 700 + 30, 699))},
    "time": lambda _: {"value": "09:00:00", **_ZONE},
    "timerange": lambda _: {"value": "09:00:00", "until": "17:00:00", **_ZONE},
    "phone": lambda number: f"+1 617 555 {number % 10_000:04}",
}
