"""Values that callers send, checked and brought into the form in which they are kept.

Source: Zoho CRM API v8, "Fields and Data Types" (formats and lengths) and "Insert Records" (error details).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from crmhub_zoho.simulator.fields import ANY_MODULE, USER_TYPES, Field
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import SE_MODULE, Org

_EMAIL = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_DURATION = re.compile(r"\d{1,5}:[0-5]\d")
_DIGITS_BEFORE, _DIGITS_AFTER = 16, 9


class BadValue(Exception):
    """A value that the field cannot take; `details` go into the error, `message` if it is not "invalid
    data".
    """

    def __init__(self, details: Mapping[str, object], message: str = "invalid data", below: str = "") -> None:
        super().__init__(message)
        self.details = dict(details)
        self.message = message
        self.below = below


def stored(org: Org, one: Field, value: object, record: Mapping[str, object]) -> object:
    """`value` as it is kept in the field; None clears. `record` is what was sent along. Raises BadValue."""
    if value is None or value == "":
        return None
    special = _SPECIAL.get(one.api_name)
    if special is not None:
        return special(one, value)
    if one.data_type in USER_TYPES:
        return _user(org, value)
    if one.data_type == "lookup":
        return _lookup(org, one, value, record)
    if one.data_type == "tags":
        return _tags(value)
    return (
        _BY_TYPE.get(one.data_type, _text)(one, value)
        if one.data_type != "datetime"
        else _datetime(org, value)
    )


def instant(org: Org, text: str) -> str | None:
    """A date-time with offset in the organisation's zone; None if it is not written as Zoho wants it."""
    if _DATETIME.fullmatch(text) is None:
        return None
    try:
        return org.stamp(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def plain_date(text: str) -> str | None:
    """A date written yyyy-MM-dd; None if it is not one."""
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _expected(kind: str) -> BadValue:
    return BadValue({"expected_data_type": kind})


def _text(one: Field, value: object) -> object:
    if not isinstance(value, str):
        raise _expected("text")
    if len(value) > one.max_length:
        raise BadValue({"maximum_length": one.max_length})
    return value


def _email(one: Field, value: object) -> object:
    if not isinstance(value, str) or _EMAIL.fullmatch(value) is None:
        raise _expected("email")
    return _text(one, value)


def _picklist(one: Field, value: object) -> object:
    if not isinstance(value, str):
        raise _expected("text")
    if value == "-None-":
        return None
    if value not in one.allowed:
        raise _expected("picklist")
    return value


def _multiselect(one: Field, value: object) -> object:
    items = cast("list[object]", value) if isinstance(value, list) else None
    if items is None:
        raise _expected("jsonarray")
    for item in items:
        if not isinstance(item, str) or item not in one.allowed:
            raise _expected("picklist")
    return list(dict.fromkeys(cast("list[str]", items))) or None


def _boolean(one: Field, value: object) -> object:
    if not isinstance(value, bool):
        raise _expected(one.data_type)
    return value


def _integer(one: Field, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _expected("integer")
    if len(str(abs(value))) > one.max_length:
        raise BadValue({"maximum_length": one.max_length})
    return value


def _bigint(one: Field, value: object) -> object:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"-?\d+", text):
        raise _expected("bigint")
    if len(text.lstrip("-")) > one.max_length:
        raise BadValue({"maximum_length": one.max_length})
    return str(int(text))


def _number(one: Field, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _expected(one.data_type if one.data_type != "percent" else "double")
    exact = Decimal(value)
    exponent = exact.as_tuple().exponent
    after = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    if abs(exact) >= 10**_DIGITS_BEFORE or after > _DIGITS_AFTER:
        raise BadValue({"maximum_length": _DIGITS_BEFORE})
    return value


def _date(one: Field, value: object) -> object:
    found = plain_date(value) if isinstance(value, str) else None
    if found is None:
        raise _expected(one.data_type)
    return found


def _datetime(org: Org, value: object) -> object:
    found = instant(org, value) if isinstance(value, str) else None
    if found is None:
        raise _expected("datetime")
    return found


def _duration(one: Field, value: object) -> object:
    if not isinstance(value, str) or _DURATION.fullmatch(value) is None:
        raise _expected(one.data_type)
    return value


def _reference(value: object) -> str:
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        if "id" not in inner:
            raise _expected("jsonobject")
        found, below = as_record_id(inner["id"]), ".id"
    else:
        found, below = as_record_id(value), ""
        if found is None:
            raise _expected("jsonobject")
    if found is None:
        raise BadValue({"expected_data_type": "bigint"}, below=below)
    return found


def _user(org: Org, value: object) -> object:
    user = org.users.get(_reference(value))
    if user is None or not user.active:
        raise BadValue({}, "the id given seems to be invalid", ".id")
    return user.id


def _lookup(org: Org, one: Field, value: object, record: Mapping[str, object]) -> object:
    target_id = _reference(value)
    se_module = record.get(SE_MODULE)
    context = {SE_MODULE: se_module} if isinstance(se_module, str) else {}
    modules = org.targets(one, context)
    if one.target == ANY_MODULE and not modules:
        raise BadValue({"expected_data_type": "module"}, "the module name given seems to be invalid")
    if not any(module.table.get(target_id) for module in modules):
        raise BadValue({"id": target_id}, "the id given seems to be invalid", ".id")
    return target_id


def _tags(value: object) -> object:
    if not isinstance(value, list):
        raise _expected("jsonarray")
    tags: list[dict[str, object]] = []
    for item in cast("list[object]", value):
        name = cast("Mapping[str, object]", item).get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str) or not name:
            raise _expected("jsonobject")
        tags.append({"name": name})
    return tags or None


_BY_TYPE: Mapping[str, Callable[[Field, object], object]] = {
    "email": _email,
    "picklist": _picklist,
    "multiselectpicklist": _multiselect,
    "boolean": _boolean,
    "integer": _integer,
    "bigint": _bigint,
    "currency": _number,
    "double": _number,
    "percent": _number,
    "date": _date,
}
_SPECIAL: Mapping[str, Callable[[Field, object], object]] = {"Call_Duration": _duration}
