"""The field endpoints of v2: codes, options and cursors."""

from collections.abc import Mapping
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import WITH_FIELDS
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid, not_found
from crmhub_rest.simulators.pipedrive.fields import CUSTOM_TYPES, Field, Option
from crmhub_rest.simulators.pipedrive.listing import simple_page
from crmhub_rest.simulators.pipedrive.values import Rule

_PARTS: Final = ("ui_visibility", "important_fields", "required_fields")
_COMMON: Final[Mapping[str, Rule]] = {
    "field_name": values.text(255, filled=True),
    "description": values.nullable(values.text(1_000)),
    **dict.fromkeys(_PARTS, values.as_object),
}
_CREATE: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "field_type": values.one_of(*CUSTOM_TYPES),
    "options": values.list_of(values.shape({"label": values.text(255, filled=True)}, "label")),
}


def list_fields(kind: str, call: Call) -> Response:
    """`GET /dealFields` and the like."""
    include = call.some_of("include_fields", _PARTS)
    page = simple_page(call, [field.shown(include) for field in call.company.fields[kind]])
    return done(page.rows, {"next_cursor": page.next_cursor})


def get_field(kind: str, call: Call) -> Response:
    """`GET /dealFields/{field_code}` and the like."""
    return done(_field(kind, call).shown(call.some_of("include_fields", _PARTS)))


def create_field(kind: str, call: Call) -> Response:
    """`POST /dealFields` and the like: a custom field, which gets a hash."""
    given = values.shape(_CREATE, "field_name", "field_type")("", call.body)
    body = cast("Row", given)
    options = [str(one["label"]) for one in cast("list[Row]", body.get("options", []))]
    takes = body["field_type"] in {"enum", "set"}
    if takes != bool(options):
        raise invalid("options", "is required" if takes else "is not allowed for this field_type")
    book = call.company.fields[kind]
    moment = call.company.now_text()
    made = book.add(str(body["field_name"]), str(body["field_type"]), options, added=moment)
    made.description = cast("str | None", body.get("description"))
    return done(made.shown(_PARTS))


def update_field(kind: str, call: Call) -> Response:
    """`PATCH /dealFields/{field_code}` and the like."""
    field = _custom(kind, call)
    given = values.checked(_COMMON, call.body)
    field.name = str(given.get("field_name", field.name))
    if "description" in given:
        field.description = cast("str | None", given["description"])
    return done(field.shown(_PARTS))


def delete_field(kind: str, call: Call) -> Response:
    """`DELETE /dealFields/{field_code}` and the like; the values go with it."""
    field = _custom(kind, call)
    call.company.fields[kind].remove(field.code)
    return done(field.shown())


def add_options(kind: str, call: Call) -> Response:
    """`POST /dealFields/{field_code}/options` and the like."""
    field = _with_options(kind, call)
    rule = values.list_of(values.shape({"label": values.text(255, filled=True)}, "label"))
    sent = cast("list[Row]", rule("", call.json))
    made = call.company.fields[kind].make_options(str(one["label"]) for one in sent)
    field.options += made
    return done([one.shown() for one in made])


def rename_options(kind: str, call: Call) -> Response:
    """`PATCH /dealFields/{field_code}/options` and the like."""
    field = _with_options(kind, call)
    rules: Mapping[str, Rule] = {"id": values.whole, "label": values.text(255, filled=True)}
    sent = cast("list[Row]", values.list_of(values.shape(rules, "id", "label"))("", call.json))
    found = [_option(field, one["id"]) for one in sent]
    for option, one in zip(found, sent, strict=True):
        option.label = str(one["label"])
    return done([one.shown() for one in found])


def remove_options(kind: str, call: Call) -> Response:
    """`DELETE /dealFields/{field_code}/options` and the like."""
    field = _with_options(kind, call)
    sent = cast("list[Row]", values.list_of(values.shape({"id": values.whole}, "id"))("", call.json))
    found = [_option(field, one["id"]) for one in sent]
    field.options = [one for one in field.options if one not in found]
    return done([one.shown() for one in found])


def _field(kind: str, call: Call) -> Field:
    field = call.company.fields[kind].get(call.path["field_code"])
    if field is None:
        raise not_found("Field")
    return field


def _custom(kind: str, call: Call) -> Field:
    field = _field(kind, call)
    if not field.custom:
        raise ApiError(403, "Only custom fields can be changed", "ERR_FORBIDDEN")
    return field


def _with_options(kind: str, call: Call) -> Field:
    field = _custom(kind, call)
    if field.type not in {"enum", "set"}:
        raise ApiError(400, "The field has no options", "ERR_BAD_REQUEST")
    return field


def _option(field: Field, ident: object) -> Option:
    option = field.option(ident)
    if option is None:
        raise not_found("Option")
    return option


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    found: list[Endpoint] = []
    for kind in WITH_FIELDS:
        many, read, write = f"/{kind}Fields", SCOPES[kind], ("admin", WRITE.get(kind, "admin"))
        one = f"{many}/{{field_code}}"
        found += [
            Endpoint("v2", "GET", many, partial(list_fields, kind), 10, read),
            Endpoint("v2", "GET", one, partial(get_field, kind), 1, read),
        ]
        if kind == "activity":
            continue
        found += [
            Endpoint("v2", "POST", many, partial(create_field, kind), 5, write),
            Endpoint("v2", "PATCH", one, partial(update_field, kind), 5, write),
            Endpoint("v2", "DELETE", one, partial(delete_field, kind), 3, write),
            Endpoint("v2", "POST", f"{one}/options", partial(add_options, kind), 5, write),
            Endpoint("v2", "PATCH", f"{one}/options", partial(rename_options, kind), 5, write),
            Endpoint("v2", "DELETE", f"{one}/options", partial(remove_options, kind), 3, write),
        ]
    return found


WRITE: Final = {
    "deal": "deal-fields:full",
    "person": "contact-fields:full",
    "organization": "contact-fields:full",
}
_CONTACTS: Final = ("contacts:read", "contacts:full", "admin", "contact-fields:full")
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "deal": ("deals:read", "deals:full", "admin", "deal-fields:full"),
    "person": _CONTACTS,
    "organization": _CONTACTS,
    "activity": ("admin", "activities:read", "activities:full"),
    "note": ("deals:read", "deals:full", "contacts:read", "contacts:full"),
}
