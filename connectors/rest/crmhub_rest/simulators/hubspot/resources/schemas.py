"""Definitions of objects: those of the portal's own are made and removed here.

Source: HubSpot "CRM API | Custom objects" (schemas).
"""

import re
from collections.abc import Iterator

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_object,
    as_texts,
    nothing,
    objects_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.customs import Labels, add_custom
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, missing_fields, not_found
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.resources.properties import made_property, shown
from crmhub_rest.simulators.hubspot.times import iso

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_READ, _WRITE = "crm.schemas.custom.read", "crm.schemas.custom.write"


def list_schemas(call: Call) -> Response:
    """`GET /schemas`: the portal's own objects; there are no archived ones."""
    call.require(_READ, _WRITE)
    stores = [] if call.flag("archived") else [one for one in call.portal.stores.values() if one.custom]
    return reply({"results": [_shown(call, one) for one in stores]})


def get_schema(call: Call) -> Response:
    """`GET /schemas/{type}`, of HubSpot's objects too."""
    call.require(_READ, _WRITE)
    return reply(_shown(call, _store(call)))


def create_schema(call: Call) -> Response:
    """`POST /schemas`."""
    call.require(_WRITE)
    body = call.body
    name, labels = required_text(body, "name"), as_object(body.get("labels") or {})
    if not _NAME.fullmatch(name):
        raise invalid(f"Object name {name} must begin with a letter and hold letters, digits and underscores")
    if call.portal.store(name) is not None:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"An object named {name} already exists")
    given = objects_of(body, "properties")
    if not given:
        raise missing_fields("properties")
    others: list[str] = []
    for one in as_texts(body.get("associatedObjects"), "associatedObjects"):
        other = call.portal.store(one)
        if other is None:
            raise invalid(f"Unable to infer object type from: {one}")
        others.append(other.name)
    names = [required_text(item, "name") for item in given]
    required = as_texts(body.get("requiredProperties"), "requiredProperties")
    searched = as_texts(body.get("searchableProperties"), "searchableProperties")
    for one in (*required, *searched):
        if one not in names:
            raise invalid(f"Property {one} is not defined", propertyName=[one])
    plural = text_or_none(labels, "plural") or f"{name}s"
    kind = Labels(text_or_none(labels, "singular") or name, plural)
    group = f"{name.lower()}_information"
    definitions = [
        made_property(
            call, {"groupName": group, **{key: item[key] for key in item if item[key] is not None}}, group
        )
        for item in given
    ]
    store = add_custom(call.portal, name, kind, required=required, searched=searched, others=others)
    store.properties |= {one.name: one for one in definitions}
    store.primary = text_or_none(body, "primaryDisplayProperty") or names[0]
    store.created = call.portal.now()
    return reply(_shown(call, store), 201)


def delete_schema(call: Call) -> Response:
    """`DELETE /schemas/{type}`: not while there are records."""
    call.require(_WRITE)
    store = _store(call)
    if not store.custom:
        raise invalid(f"{store.name} is defined by HubSpot and cannot be deleted")
    if len(store.table):
        raise invalid(f"{store.name} has records and cannot be deleted", objectTypeId=[store.type.type_id])
    call.portal.drop(store)
    return nothing()


def _store(call: Call) -> Store:
    store = call.portal.store(call.path["type"])
    if store is None:
        raise not_found(f"There is no object type {call.path['type']}")
    return store


def _shown(call: Call, store: Store) -> Body:
    one = store.type
    singular, plural = store.labels or (one.singular.capitalize(), one.name.capitalize())
    links = [
        {
            "id": str(kind.number),
            "name": kind.name,
            "fromObjectTypeId": one.type_id,
            "toObjectTypeId": call.portal.stores[other].type.type_id,
        }
        for (start, other), kinds in call.portal.links.kinds.items()
        for kind in kinds
        if start == store.name and other in call.portal.stores
    ]
    return {
        "id": one.type_id.removeprefix("2-") if store.custom else one.type_id,
        "objectTypeId": one.type_id,
        "name": one.name,
        "fullyQualifiedName": f"p{call.portal.portal_id}_{one.name}"
        if store.custom
        else one.singular.upper(),
        "labels": {"singular": singular, "plural": plural},
        "primaryDisplayProperty": store.primary or one.searched[0],
        "secondaryDisplayProperties": [],
        "requiredProperties": list(one.required),
        "searchableProperties": list(one.searched),
        "properties": [shown(each, call, store) for each in store.properties.values() if not each.archived],
        "associations": links,
        "archived": False,
        "createdAt": iso(store.created),
        "updatedAt": iso(store.created),
    }


def endpoints() -> Iterator[Endpoint]:
    """The routes of all forms of paths."""
    for version, prefix in (
        ("v3", "/crm-object-schemas/v3/schemas"),
        ("v3", "/crm/v3/schemas"),
        ("dated", "/crm-object-schemas/{version}/schemas"),
    ):
        yield Endpoint("GET", prefix, version, list_schemas)
        yield Endpoint("POST", prefix, version, create_schema)
        yield Endpoint("GET", f"{prefix}/{{type}}", version, get_schema)
        yield Endpoint("DELETE", f"{prefix}/{{type}}", version, delete_schema)
