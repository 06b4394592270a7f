"""Property definitions.

Source: HubSpot "CRM API | Properties".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    nothing,
    objects_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.catalog.properties import Property, PropertyOption
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, missing_scopes, not_found
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.resources.batches import batch
from crmhub_rest.simulators.hubspot.scopes import schema_scopes
from crmhub_rest.simulators.hubspot.times import iso

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_FIELD_TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "phonenumber", "file", "html"}),
    "number": frozenset({"number", "calculation_equation"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox"}),
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
}


def shown(one: Property, call: Call, store: Store) -> Body:
    """A definition as the API shows it."""
    created = one.created_at if one.created_at is not None else 0
    told: Body = {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "fieldType": one.field_type,
        "description": one.description,
        "groupName": one.group,
        "options": [option.shown(place) for place, option in enumerate(one.options)],
        "displayOrder": one.display_order,
        "calculated": one.calculated,
        "externalOptions": one.external,
        "archived": one.archived,
        "hasUniqueValue": one.unique,
        "hidden": one.hidden,
        "hubspotDefined": not one.custom,
        "formField": one.form_field,
        "modificationMetadata": {
            "archivable": one.custom,
            "readOnlyDefinition": not one.custom,
            "readOnlyOptions": not one.custom or one.external,
            "readOnlyValue": one.read_only or one.calculated,
        },
        "createdAt": iso(created),
        "updatedAt": iso(one.updated_at if one.updated_at is not None else created),
    }
    if one.name.endswith("owner_id"):
        told["referencedObjectType"] = "OWNER"
        told["options"] = [
            PropertyOption(owner.id, f"{owner.first_name} {owner.last_name}").shown(place)
            for place, owner in enumerate(call.portal.owners.values())
            if not owner.archived
        ]
    elif one.external:
        choices = call.portal.choices(store)(one) or {}
        told["options"] = [
            PropertyOption(value, label).shown(place) for place, (value, label) in enumerate(choices.items())
        ]
    if one.archived_at is not None:
        told["archivedAt"] = iso(one.archived_at)
    return told


def store_of(call: Call, *, write: bool = False) -> Store:
    """The type whose definitions a call is about; raises HubSpotError, also if the token may not see them."""
    store = call.portal.store(call.path["type"])
    if store is None:
        raise invalid(f"Unable to infer object type from: {call.path['type']}")
    wanted = schema_scopes(store.name, "write" if write else "read")
    if not call.scopes.intersection(wanted):
        raise missing_scopes(*wanted)
    return store


def list_properties(call: Call) -> Response:
    """`GET /properties/{type}`."""
    store, archived = store_of(call), call.flag("archived")
    return reply(
        {
            "results": [
                shown(one, call, store) for one in store.properties.values() if one.archived == archived
            ]
        }
    )


def get_property(call: Call) -> Response:
    """`GET /properties/{type}/{name}`."""
    store = store_of(call)
    return reply(shown(_property(call, store), call, store))


def create_property(call: Call) -> Response:
    """`POST /properties/{type}`."""
    store = store_of(call, write=True)
    made = _made(call, store, call.body)
    store.properties[made.name] = made
    return reply(shown(made, call, store), 201)


def update_property(call: Call) -> Response:
    """`PATCH /properties/{type}/{name}`."""
    store = store_of(call, write=True)
    one = _property(call, store)
    if not one.custom:
        raise invalid(f"Property {one.name} is defined by HubSpot and cannot be changed")
    body = call.body
    changed = replace(
        one,
        label=text_or_none(body, "label") or one.label,
        description=text_or_none(body, "description") or one.description,
        group=text_or_none(body, "groupName") or one.group,
        field_type=text_or_none(body, "fieldType") or one.field_type,
        options=_options(body) if "options" in body else one.options,
        updated_at=call.portal.now(),
    )
    store.properties[one.name] = changed
    return reply(shown(changed, call, store))


def archive_property(call: Call) -> Response:
    """`DELETE /properties/{type}/{name}`: records do not show it any more."""
    store = store_of(call, write=True)
    _archive(call, store, _property(call, store))
    return nothing()


def read_batch(call: Call) -> Response:
    """`POST /properties/{type}/batch/read`."""
    store = store_of(call)
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs():
        name = required_text(item, "name")
        one = store.properties.get(name)
        if one is None or one.archived is not (call.body.get("archived") is True):
            errors.append(not_found(f"Property {name} does not exist", name=[name]))
        else:
            results.append(shown(one, call, store))
    return reply(batch(call, results, errors), 207 if errors else 200)


def create_batch(call: Call) -> Response:
    """`POST /properties/{type}/batch/create`."""
    store = store_of(call, write=True)
    made = [_made(call, store, item) for item in call.inputs()]
    store.properties |= {one.name: one for one in made}
    return reply(batch(call, [shown(one, call, store) for one in made]), 201)


def archive_batch(call: Call) -> Response:
    """`POST /properties/{type}/batch/archive`."""
    store = store_of(call, write=True)
    for item in call.inputs():
        one = store.properties.get(required_text(item, "name"))
        if one is not None and not one.archived:
            _archive(call, store, one)
    return nothing()


def _property(call: Call, store: Store) -> Property:
    name = call.path["name"]
    one = store.properties.get(name)
    if one is None or one.archived is not call.flag("archived"):
        raise not_found(f"Property {name} does not exist", propertyName=[name])
    return one


def _archive(call: Call, store: Store, one: Property) -> None:
    if not one.custom:
        raise invalid(f"Property {one.name} is defined by HubSpot and cannot be archived")
    store.properties[one.name] = replace(one, archived_at=call.portal.now())
    store.version += 1


def _made(call: Call, store: Store, body: Body) -> Property:
    name = required_text(body, "name")
    known = store.properties.get(name)
    if known is not None and not known.archived:
        message = f"A property named '{name}' already exists."
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", message, context={"propertyName": [name]})
    return made_property(call, body, *store.groups)


def made_property(call: Call, body: Body, *groups: str) -> Property:
    """The definition that a body describes, in one of `groups`; raises HubSpotError."""
    name, label, kind, field_type, group = (
        required_text(body, key) for key in ("name", "label", "type", "fieldType", "groupName")
    )
    if not _NAME.fullmatch(name):
        raise invalid(f"Property name {name} must be lower case letters, digits and underscores")
    if field_type not in _FIELD_TYPES.get(kind, ()):
        raise invalid(f"Invalid combination of type {kind} and fieldType {field_type}")
    if group not in groups:
        raise invalid(f"Property group {group} does not exist", groupName=[group])
    options = _options(body)
    if kind == "bool" and not options:
        options = (PropertyOption("true", "True"), PropertyOption("false", "False"))
    now = call.portal.now()
    return Property(
        name,
        label,
        kind,
        field_type,
        group,
        options,
        unique=body.get("hasUniqueValue") is True,
        custom=True,
        description=text_or_none(body, "description") or "",
        hidden=body.get("hidden") is True,
        form_field=body.get("formField") is True,
        created_at=now,
        updated_at=now,
    )


def _options(body: Body) -> tuple[PropertyOption, ...]:
    made = tuple(
        PropertyOption(
            required_text(item, "value"),
            required_text(item, "label"),
            item.get("hidden") is True,
            text_or_none(item, "description") or "",
        )
        for item in objects_of(body, "options")
    )
    values = [one.value for one in made]
    if len(set(values)) < len(values):
        raise invalid("Options must have different values")
    return made


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    for version, prefix in (("v3", "/crm/v3/properties"), ("dated", "/crm/properties/{version}")):
        one = f"{prefix}/{{type}}"
        yield Endpoint("POST", f"{one}/batch/read", version, read_batch)
        yield Endpoint("POST", f"{one}/batch/create", version, create_batch)
        yield Endpoint("POST", f"{one}/batch/archive", version, archive_batch)
        yield Endpoint("GET", one, version, list_properties)
        yield Endpoint("POST", one, version, create_property)
        yield Endpoint("GET", f"{one}/{{name}}", version, get_property)
        yield Endpoint("PATCH", f"{one}/{{name}}", version, update_property)
        yield Endpoint("DELETE", f"{one}/{{name}}", version, archive_property)
