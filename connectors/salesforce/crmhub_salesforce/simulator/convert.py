"""From JSON values to what a field keeps; refusals in the API's words.

Empty text means null, text is trimmed, numbers keep all their digits (Salesforce Help 000387302: only the web
pages round to a field's decimals).
"""

import re
from base64 import b64decode
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext

from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.errors import ApiError, wrong_id
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.values import as_double, read_date, read_instant

Locate = Callable[[str], str]
"""Where in the request body a key's value stands, as `line:1, column:2`."""

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
)
_DEGREES = {"Latitude": 90, "Longitude": 180}
_INT_LIMIT = 2**31
_MOST_DECIMALS = 24


def convert(field: Field, value: object, locate: Locate) -> object:
    """The value to keep for a JSON value, None for null; raises ApiError."""
    if value is None:
        return _boolean(field, value, locate) if field.type == "boolean" else None
    match field.type:
        case "boolean":
            return _boolean(field, value, locate)
        case "int":
            return _int(field, value, locate)
        case "double" | "currency" | "percent":
            return _double(field, value, locate)
        case "date" | "datetime":
            return _moment(field, value, locate)
        case "base64":
            return _base64(field, value, locate)
        case _:
            text = _text(field, value, locate)
            return _checked_text(field, text) if text else None


def _refused(field: Field, value: object, locate: Locate) -> ApiError:
    token, shown = _token(value)
    message = (
        f"Cannot deserialize instance of {field.type} from {token} value {shown} "
        f"or request may be missing a required field at [{locate(field.name)}]"
    )
    return ApiError("JSON_PARSER_ERROR", message)


def _token(value: object) -> tuple[str, str]:
    match value:
        case None:
            return "VALUE_NULL", "null"
        case bool():
            return ("VALUE_TRUE", "true") if value else ("VALUE_FALSE", "false")
        case int():
            return "VALUE_NUMBER_INT", str(value)
        case Decimal():
            return "VALUE_NUMBER_FLOAT", str(value)
        case str():
            return "VALUE_STRING", value
        case list():
            return "START_ARRAY", "["
        case _:
            return "START_OBJECT", "{"


def _boolean(field: Field, value: object, locate: Locate) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False, "1": True, "0": False}
    found = words.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise _refused(field, value, locate)
    return found


def _number(field: Field, value: object, locate: Locate) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _refused(field, value, locate)
    try:
        found = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise _refused(field, value, locate) from None
    if not found.is_finite():
        raise _refused(field, value, locate)
    return found


def _int(field: Field, value: object, locate: Locate) -> int | None:
    if value == "":
        return None
    found = _number(field, value, locate)
    if found != found.to_integral_value():
        raise _refused(field, value, locate)
    if abs(found) >= min(10**field.digits, _INT_LIMIT):
        raise _out_of_range(field, found)
    return int(found)


def _double(field: Field, value: object, locate: Locate) -> Decimal | None:
    if value == "":
        return None
    found = _number(field, value, locate)
    limit = next((limit for word, limit in _DEGREES.items() if field.name.endswith(word)), None)
    if limit is not None and abs(found) > limit:
        raise _out_of_range(field, found)
    if abs(found) >= Decimal(10) ** (field.precision - field.scale):
        raise _out_of_range(field, found)
    exponent = found.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_MOST_DECIMALS:
        with localcontext(prec=64):
            found = found.quantize(Decimal(1).scaleb(-_MOST_DECIMALS))
    return as_double(found)


def _out_of_range(field: Field, value: Decimal) -> ApiError:
    message = f"{field.label}: value outside of valid range on numeric field: {value}"
    return ApiError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=[field.name])


def _moment(field: Field, value: object, locate: Locate) -> str | None:
    if not isinstance(value, str):
        raise _refused(field, value, locate)
    if not value:
        return None
    found = read_date(value) if field.type == "date" else read_instant(value)
    if found is None:
        raise _refused(field, value, locate)
    return found


def _base64(field: Field, value: object, locate: Locate) -> str | None:
    try:
        decoded = b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        decoded = None
    if decoded is None:
        raise _refused(field, value, locate)
    return str(value) or None


def _text(field: Field, value: object, locate: Locate) -> str:
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case int() | Decimal() if field.type not in {"reference", "id"}:
            return str(value)
        case _:
            raise _refused(field, value, locate)


def _checked_text(field: Field, text: str) -> str:
    if field.type in {"reference", "id"}:
        found = normal_id(text)
        if found is None:
            raise wrong_id(field.label, text, field.name)
        return found
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise ApiError("STRING_TOO_LONG", message, fields=[field.name])
    if field.type == "email" and _EMAIL.fullmatch(text) is None:
        message = f"{field.label}: invalid email address: {text}"
        raise ApiError("INVALID_EMAIL_ADDRESS", message, fields=[field.name])
    if field.type in {"picklist", "multipicklist"} and field.choices:
        return _chosen(field, text)
    return text


def _chosen(field: Field, text: str) -> str:
    """The value with the case in which it is declared; refused if the pick list is restricted to others."""
    declared = {choice.value.casefold(): choice.value for choice in field.choices}
    parts = text.split(";") if field.type == "multipicklist" else [text]
    for part in parts:
        if field.restricted and part.strip().casefold() not in declared:
            message = f"{field.label}: bad value for restricted picklist field: {part.strip()}"
            raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=[field.name])
    return ";".join(declared.get(part.strip().casefold(), part.strip()) for part in parts if part.strip())
