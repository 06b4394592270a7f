"""Property values: what is accepted, and how it is kept.

Source: HubSpot "CRM API | Properties", "Understanding the CRM"; the changelog on validations of properties
that are no strings (no space around values). Every value is kept as text; "" clears.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from crmhub_rest.simulators.hubspot.catalog.properties import Property
from crmhub_rest.simulators.hubspot.errors import HubSpotError, bad_json
from crmhub_rest.simulators.hubspot.times import is_midnight, iso, milliseconds

Values = dict[str, str | None]
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s.,;<>\"]+(\.[^@\s.,;<>\"]+)+")
_LONGEST = 65_536


@dataclass(frozen=True)
class Problem:
    """What is wrong with the value of one property."""

    name: str
    code: str
    message: str

    def told(self) -> dict[str, object]:
        """As the message of the error tells it."""
        return {
            "isValid": False,
            "message": self.message,
            "error": self.code,
            "name": self.name,
            "localizedErrorMessage": self.message,
        }


def refused(problems: Sequence[Problem]) -> HubSpotError:
    """The error about wrong values."""
    told = json.dumps([one.told() for one in problems], separators=(",", ":"), ensure_ascii=False)
    return HubSpotError(
        400,
        "VALIDATION_ERROR",
        f"Property values were not valid: {told}",
        errors=[
            {"message": one.message, "code": one.code, "context": {"propertyName": [one.name]}}
            for one in problems
        ],
    )


Choices = Callable[[Property], Mapping[str, str] | None]
"""The present choices of an enumeration kept elsewhere, value to label; None if there are no such ones."""


def checked(
    properties: Mapping[str, Property],
    given: Mapping[str, object],
    choices: Choices,
    current: Mapping[str, object] | None = None,
) -> Values:
    """The values in the form in which they are kept, None where one is cleared; raises HubSpotError.

    Where several options are held, those after a leading semicolon are added to the `current` ones.
    """
    problems: list[Problem] = []
    values: Values = {}
    for name, value in given.items():
        one = properties.get(name.lower())
        if one is None or one.archived:
            message = f'Property "{name}" does not exist'
            problems.append(Problem(name, "PROPERTY_DOESNT_EXIST", message))
            continue
        if one.read_only or one.calculated:
            message = f'"{one.name}" is a read only property; its value cannot be set.'
            problems.append(Problem(one.name, "READ_ONLY_VALUE", message))
            continue
        text = _text(value)
        if not text:
            values[one.name] = None
            continue
        if one.many and text.startswith(";"):
            text = f"{(current or {}).get(one.name, '')}{text}"
        kept = _kept(one, text, choices)
        if isinstance(kept, Problem):
            problems.append(kept)
        else:
            values[one.name] = kept
    if problems:
        raise refused(problems)
    return values


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise bad_json("Cannot deserialize value of type `java.lang.String` from Object or Array value")


def _kept(one: Property, text: str, choices: Choices) -> str | Problem:
    match one.type:
        case "number":
            return _number(one, text)
        case "datetime":
            instant = milliseconds(text)
            return (
                iso(instant)
                if instant is not None
                else Problem(one.name, "INVALID_LONG", f"{text} was not a valid long.")
            )
        case "date":
            return _date(one, text)
        case "enumeration" | "bool":
            return _choice(one, text, choices)
        case _:
            return _string(one, text)


def _number(one: Property, text: str) -> str | Problem:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or text != text.strip() or "_" in text:
        return Problem(one.name, "INVALID_NUMBER", f"{text} was not a valid number.")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _date(one: Property, text: str) -> str | Problem:
    instant = milliseconds(text)
    if instant is None:
        return Problem(one.name, "INVALID_DATE", f"{text} was not a valid date.")
    if not is_midnight(instant):
        at = iso(instant)[11:23]
        return Problem(one.name, "INVALID_DATE", f"{text} is at {at} UTC, not midnight!")
    return iso(instant)[:10]


def _choice(one: Property, text: str, choices: Choices) -> str | Problem:
    known = choices(one) if one.external else {option.value: option.label for option in one.options}
    if known is None:
        return text
    parts = [part for part in text.split(";") if part] if one.many else [text]
    wrong = next((part for part in parts if part not in known), None)
    if wrong is None:
        return ";".join(dict.fromkeys(parts)) if one.many else text
    if one.name.endswith("owner_id"):
        return Problem(one.name, "INVALID_OWNER_ID", f"Owner ID {wrong} is invalid")
    message = f"{wrong} was not one of the allowed options: [{', '.join(known)}]"
    return Problem(one.name, "INVALID_OPTION", message)


def _string(one: Property, text: str) -> str | Problem:
    if len(text) > _LONGEST:
        return Problem(
            one.name, "PROPERTY_VALUE_TOO_LONG", f"{one.name} is longer than {_LONGEST} characters."
        )
    if one.name == "email":
        address = text.strip().lower()
        if not _EMAIL.fullmatch(address):
            return Problem(one.name, "INVALID_EMAIL", f"Email address {text} is invalid")
        return address
    if one.name == "domain":
        return text.strip().lower()
    return text
