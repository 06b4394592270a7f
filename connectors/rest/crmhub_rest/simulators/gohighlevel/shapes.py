"""Which values a body or a query may have, and how GoHighLevel words what is wrong with them.

The vendor's service validates with NestJS and class-validator: all that is wrong is told at once, and what
the documentation does not name "should not exist". A part is written as its kind, with `!` when it must be
there: `string!`, `number`, `boolean`, `strings`, `array`, `objects`, `object`, `any`, or `one|of|these`.
Where a part may be missing, null counts as missing.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, cast

from crmhub_rest.simulators.gohighlevel.errors import invalid

_HIGHEST: Final = 10**15
Shape = Mapping[str, str]
Values = Mapping[str, object]


def check(values: Values, shape: Shape) -> None:
    """Raise GhlError (422) with all that is wrong."""
    problems = [f"property {name} should not exist" for name in values if name not in shape]
    for name, part in shape.items():
        problems.extend(_problems(name, part, values.get(name)))
    if problems:
        raise invalid(*problems)


def check_query(params: Mapping[str, str], shape: Shape) -> dict[str, object]:
    """The values of a query by their kinds; raises GhlError (422)."""
    values: dict[str, object] = {name: _read(text, shape.get(name, "any")) for name, text in params.items()}
    check(values, shape)
    return values


def named(values: Values, prefix: str) -> dict[str, object]:
    """The values with `prefix` before their names, as in messages about a part of a whole."""
    return {f"{prefix}.{name}": value for name, value in values.items()}


def text_of(values: Values, name: str, default: str = "") -> str:
    """A text of a checked body or query."""
    value = values.get(name)
    return value if isinstance(value, str) else default


def whole_of(values: Values, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """A whole number of a checked body or query; raises GhlError (422) beyond its bounds."""
    value = values.get(name)
    if value is None:
        return default
    number = cast("int | float | Decimal", value)
    highest = _HIGHEST if most is None else most
    if number < least:
        raise invalid(f"{name} must not be less than {least}")
    if number > highest:
        raise invalid(f"{name} must not be greater than {highest}")
    return int(number)


def _read(text: str, part: str) -> object:
    match part.rstrip("!"):
        case "number":
            try:
                return int(text) if text.lstrip("-").isdigit() else _finite(text)
            except ValueError:
                return text
        case "boolean" if text in {"true", "false"}:
            return text == "true"
        case _:
            return text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _problems(name: str, part: str, value: object) -> Iterable[str]:
    kind, needed = part.rstrip("!"), part.endswith("!")
    if value is None and not needed:
        return
    if kind in _TESTS:
        test, message = _TESTS[kind]
        if not test(value):
            yield f"{name} {message}"
    elif kind != "any" and value not in kind.split("|"):
        yield f"{name} must be one of the following values: {', '.join(kind.split('|'))}"
    if needed and value in ("", None):
        yield f"{name} should not be empty"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in cast("list[object]", value))


def _is_number(value: object) -> bool:
    return not isinstance(value, (bool, str, list, dict)) and value is not None


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in cast("list[object]", value))


_TESTS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "must be a string"),
    "number": (_is_number, "must be a number conforming to the specified constraints"),
    "boolean": (lambda value: isinstance(value, bool), "must be a boolean value"),
    "array": (lambda value: isinstance(value, list), "must be an array"),
    "strings": (_is_texts, "must be an array of strings"),
    "object": (lambda value: isinstance(value, dict), "must be an object"),
    "objects": (_is_objects, "must be an array of objects"),
}
