"""The field endpoints of v1, with its own names for the same: fields go by number, choices as a whole."""

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import WITH_FIELDS
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.field_api import SCOPES, WRITE
from crmhub_rest.simulators.pipedrive.fields import CUSTOM_TYPES, Field, Option
from crmhub_rest.simulators.pipedrive.standard import NOTE_FIELDS
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1
from crmhub_rest.simulators.pipedrive.values import Rule

_CHOICE: Final = values.shape(
    {"label": values.text(255, filled=True), "id": values.whole, "color": values.nullable(values.text(30))},
    "label",
)
_CHANGE: Final[Mapping[str, Rule]] = {
    "name": values.text(255, filled=True),
    "options": values.list_of(_CHOICE),
    "add_visible_flag": values.flag,
}
_CREATE: Final[Mapping[str, Rule]] = {**_CHANGE, "field_type": values.one_of(*CUSTOM_TYPES)}


def list_v1(kind: str, call: Call) -> Response:
    """`GET /v1/dealFields` and the like; leads have the custom fields of deals."""
    fields = [field.shown_v1() for field in call.company.fields[kind]]
    return page_v1(call, fields, lambda field: field)


def get_v1(kind: str, call: Call) -> Response:
    """`GET /v1/dealFields/{id}` and the like: by number."""
    field = call.company.fields[kind].by_number(call.id(what="Field"))
    if field is None:
        raise not_found("Field")
    return done(field.shown_v1())


def list_note_fields(call: Call) -> Response:
    """`GET /v1/noteFields`."""
    numbers = count(1)
    yes_no = [{"id": 1, "label": "Yes"}, {"id": 0, "label": "No"}]
    fields: list[dict[str, object]] = [
        {
            "id": next(numbers),
            "key": code,
            "name": name,
            "field_type": kind,
            "active_flag": True,
            "edit_flag": editable,
            "bulk_edit_allowed": True,
            "mandatory_flag": True,
            **({"options": yes_no} if kind == "enum" else {}),
        }
        for code, name, kind, editable in NOTE_FIELDS
    ]
    return page_v1(call, fields, lambda field: field)


def create_v1(kind: str, call: Call) -> Response:
    """`POST /v1/dealFields` and the like."""
    given = values.checked(_CREATE, call.body)
    for name in ("name", "field_type"):
        if name not in given:
            raise ApiError(400, f"{name} is required")
    labels = [str(one["label"]) for one in cast("list[Row]", given.get("options", []))]
    if (given["field_type"] in {"enum", "set"}) != bool(labels):
        raise ApiError(400, "options are given for fields of type enum and set, and for no others")
    book = call.company.fields[kind]
    made = book.add(str(given["name"]), str(given["field_type"]), labels, added=call.company.now_text())
    return done(made.shown_v1())


def update_v1(kind: str, call: Call) -> Response:
    """`PUT /v1/dealFields/{id}` and the like: choices left out are gone, those without id new."""
    field = _custom(kind, call.id(what="Field"), call)
    given = values.checked(_CHANGE, call.body)
    field.name = str(given.get("name", field.name))
    if "options" in given:
        if not field.has_options:
            raise ApiError(400, "The field has no options")
        field.options = [_kept(kind, field, one, call) for one in cast("list[Row]", given["options"])]
    return done(field.shown_v1())


def delete_v1(kind: str, call: Call) -> Response:
    """`DELETE /v1/dealFields/{id}` and the like."""
    field = _custom(kind, call.id(what="Field"), call)
    call.company.fields[kind].remove(field.code)
    return done({"id": field.number})


def delete_some_v1(kind: str, call: Call) -> Response:
    """`DELETE /v1/dealFields?ids=` and the like."""
    fields = [_custom(kind, ident, call) for ident in call.ids() or []]
    if not fields:
        raise ApiError(400, "ids is required")
    for field in fields:
        call.company.fields[kind].remove(field.code)
    return done({"id": [field.number for field in fields]})


def _kept(kind: str, field: Field, given: Row, call: Call) -> Option:
    if "id" not in given:
        return call.company.fields[kind].make_options([str(given["label"])])[0]
    option = field.option(given["id"])
    if option is None:
        raise ApiError(400, f"Option {given['id']} does not exist")
    option.label = str(given["label"])
    return option


def _custom(kind: str, number: int, call: Call) -> Field:
    field = call.company.fields[kind].by_number(number)
    if field is None:
        raise not_found("Field")
    if not field.custom:
        raise ApiError(403, "Only custom fields can be changed")
    return field


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    leads = ("leads:read", "leads:full", "admin")
    found = [
        Endpoint("v1", "GET", "/noteFields", list_note_fields, 20, SCOPES["note"]),
        Endpoint("v1", "GET", "/leadFields", partial(list_v1, "deal"), 20, leads),
    ]
    for kind in WITH_FIELDS:
        many, read, write = f"/{kind}Fields", SCOPES[kind], ("admin", WRITE.get(kind, "admin"))
        one = f"{many}/{{id}}"
        found += [
            Endpoint("v1", "GET", many, partial(list_v1, kind), 20, read),
            Endpoint("v1", "GET", one, partial(get_v1, kind), 2, read),
        ]
        if kind == "activity":
            continue
        found += [
            Endpoint("v1", "POST", many, partial(create_v1, kind), 10, write),
            Endpoint("v1", "PUT", one, partial(update_v1, kind), 10, write),
            Endpoint("v1", "DELETE", one, partial(delete_v1, kind), 6, write),
            Endpoint("v1", "DELETE", many, partial(delete_some_v1, kind), 10, write),
        ]
    return found
