"""What describes a location: itself and its custom fields. Source: the OpenAPI files."""

from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid, unknown
from crmhub_rest.simulators.gohighlevel.fields import MODELS, TYPES, CustomField, key_of
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.times import iso

_FIELD: Final[Shape] = {
    "name": "string!",
    "placeholder": "string",
    "acceptedFormat": "strings",
    "isMultipleFile": "boolean",
    "maxNumberOfFiles": "number",
    "textBoxListOptions": "array",
    "options": "strings",
    "position": "number",
    "model": "|".join(MODELS),
}
_CREATE_FIELD: Final[Shape] = {**_FIELD, "dataType": f"{'|'.join(TYPES)}!"}


def location_json(location: Location) -> Row:
    """A location (GetLocationByIdSchema)."""
    return {
        "id": location.id,
        "companyId": location.company_id,
        "name": location.name,
        "country": "US",
        "timezone": "UTC",
        "settings": {"allowDuplicateContact": False, "allowDuplicateOpportunity": True},
    }


def get_location(call: Call) -> Response:
    """`GET /locations/{locationId}`."""
    shown = location_json(call.location())
    shown["settings"] = {
        "allowDuplicateContact": call.settings.allow_duplicates,
        "allowDuplicateOpportunity": True,
    }
    return traced(call, {"location": shown})


def custom_fields(call: Call) -> Response:
    """`GET /locations/{locationId}/customFields`: those of contacts unless `model` says otherwise."""
    location, model = call.location(), text_of(call.query, "model", "contact")
    found = [one for one in location.fields.values() if model in {"all", one.model}]
    return traced(call, {"customFields": [_field(location, one) for one in found]})


def get_custom_field(call: Call) -> Response:
    """`GET /locations/{locationId}/customFields/{id}`."""
    location = call.location()
    return traced(call, {"customField": _field(location, _found_field(call, location))})


def create_custom_field(call: Call) -> Response:
    """`POST /locations/{locationId}/customFields`."""
    location, body = call.location(), call.body
    name, model = text_of(body, "name"), text_of(body, "model", "contact")
    key = key_of(name)
    if any(one.model == model and one.key == key for one in location.fields.values()):
        raise GhlError(400, f"{model}.{key} already exists")
    made = CustomField(
        location.new_id("fields"),
        name,
        key,
        text_of(body, "dataType"),
        model,
        whole_of(body, "position", len(location.fields)),
        _options(body),
        text_of(body, "placeholder"),
        location.now(),
        location.now(),
    )
    location.fields[made.id] = made
    return traced(call, {"customField": _field(location, made)}, 201)


def update_custom_field(call: Call) -> Response:
    """`PUT /locations/{locationId}/customFields/{id}`; the key stays."""
    location = call.location()
    found = _found_field(call, location)
    found.name, found.updated = text_of(call.body, "name"), location.now()
    found.placeholder = text_of(call.body, "placeholder", found.placeholder)
    found.position = whole_of(call.body, "position", found.position)
    found.options = _options(call.body) or found.options
    return traced(call, {"customField": _field(location, found)})


def delete_custom_field(call: Call) -> Response:
    """`DELETE /locations/{locationId}/customFields/{id}`."""
    location = call.location()
    del location.fields[_found_field(call, location).id]
    return traced(call, {"succeded": True})


def fields_of_object(call: Call) -> Response:
    """`GET /custom-fields/object-key/{objectKey}`."""
    location, key = call.location(), call.path["objectKey"]
    found = [one for one in location.fields.values() if one.model == key]
    return traced(call, {"fields": [_object_field(location, one) for one in found], "folders": []})


def _found_field(call: Call, location: Location) -> CustomField:
    found = location.fields.get(call.path["id"])
    if found is None:
        raise unknown("Custom field", call.path["id"])
    return found


def _options(body: Mapping[str, object]) -> list[str]:
    options: list[str] = []
    given = cast("list[object]", body.get("options") or body.get("textBoxListOptions") or [])
    for place, option in enumerate(given):
        label = cast("dict[str, object]", option).get("label") if isinstance(option, dict) else option
        if not isinstance(label, str):
            raise invalid(f"textBoxListOptions.{place} must be a string or have a label")
        options.append(label)
    return options


def _field(location: Location, one: CustomField) -> Row:
    return {
        "id": one.id,
        "name": one.name,
        "fieldKey": one.field_key,
        "placeholder": one.placeholder,
        "dataType": one.type,
        "position": one.position,
        "picklistOptions": one.options,
        "picklistImageOptions": [],
        "isAllowedCustomOption": False,
        "isMultiFileAllowed": False,
        "maxFileLimit": 1,
        "locationId": location.id,
        "model": one.model,
    }


def _object_field(location: Location, one: CustomField) -> Row:
    shown: Row = {
        "id": one.id,
        "locationId": location.id,
        "name": one.name,
        "placeholder": one.placeholder,
        "showInForms": True,
        "options": [{"key": key_of(option), "label": option} for option in one.options],
        "objectKey": one.model,
        "dataType": one.type,
        "parentId": "",
        "fieldKey": one.field_key,
        "dateAdded": iso(one.added),
        "dateUpdated": iso(one.updated),
    }
    return shown


_AT = "/locations/{locationId}"
_FIELDS = "locations/customFields"
ENDPOINTS = (
    Endpoint("GET", _AT, get_location, "locations.readonly", audience="both"),
    Endpoint(
        "GET",
        f"{_AT}/customFields",
        custom_fields,
        f"{_FIELDS}.readonly",
        {"model": "contact|opportunity|all"},
    ),
    Endpoint("POST", f"{_AT}/customFields", create_custom_field, f"{_FIELDS}.write", body=_CREATE_FIELD),
    Endpoint("GET", f"{_AT}/customFields/{{id}}", get_custom_field, f"{_FIELDS}.readonly"),
    Endpoint("PUT", f"{_AT}/customFields/{{id}}", update_custom_field, f"{_FIELDS}.write", body=_FIELD),
    Endpoint("DELETE", f"{_AT}/customFields/{{id}}", delete_custom_field, f"{_FIELDS}.write"),
    Endpoint(
        "GET",
        "/custom-fields/object-key/{objectKey}",
        fields_of_object,
        f"{_FIELDS}.readonly",
        {"locationId": "string!"},
    ),
)
