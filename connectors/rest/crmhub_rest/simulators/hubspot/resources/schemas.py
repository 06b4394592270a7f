"""Definitions of objects: those of the portal's own are made and removed here.

Source: HubSpot "CRM API | Custom objects" (schemas).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

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
from crmhub_rest.simulators.hubspot.catalog.associations import USER_DEFINED, Kind
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


def update_schema(call: Call) -> Response:
    """`PATCH /schemas/{type}`: labels, and what its properties are for."""
    call.require(_WRITE)
    store, body = _own(call), call.body
    labels, chosen = (
        as_object(body.get("labels") or {}),
        {
            name: as_texts(body[name], name)
            for name in ("requiredProperties", "searchableProperties", "secondaryDisplayProperties")
            if body.get(name) is not None
        },
    )
    primary = text_or_none(body, "primaryDisplayProperty") or store.primary
    for one in (primary, *chain.from_iterable(chosen.values())):
        if one not in store.properties:
            raise invalid(f"Property {one} is not defined", propertyName=[one])
    singular, plural = store.labels or ("", "")
    store.labels = (text_or_none(labels, "singular") or singular, text_or_none(labels, "plural") or plural)
    store.primary = primary
    store.secondary = tuple(chosen.get("secondaryDisplayProperties", store.secondary))
    store.type = replace(
        store.type,
        required=tuple(chosen.get("requiredProperties", store.type.required)),
        searched=tuple(chosen.get("searchableProperties", store.type.searched)),
    )
    store.version += 1
    told = _shown(call, store)
    return reply({name: told[name] for name in told if name not in {"properties", "associations"}})


def create_association(call: Call) -> Response:
    """`POST /schemas/{type}/associations`: with another type, or another way with one."""
    call.require(_WRITE)
    store = _store(call)
    start = call.portal.store(required_text(call.body, "fromObjectTypeId"))
    other = call.portal.store(required_text(call.body, "toObjectTypeId"))
    if start is not store or other is None:
        raise invalid(f"Associations of {store.name} are made from it to a type that there is")
    pair, name = (store.name, other.name), text_or_none(call.body, "name")
    links = call.portal.links
    if pair in links.kinds:
        made = links.define(pair, name or f"{store.name}_to_{other.name}", name or "", None)[0]
    else:
        links.connect(*pair)
        made = links.kinds_of(pair)[0]
    return reply(_link(store, other, made), 201)


def delete_association(call: Call) -> Response:
    """`DELETE /schemas/{type}/associations/{link}`: by its number or its name."""
    call.require(_WRITE)
    store, wanted = _store(call), call.path["link"]
    links = call.portal.links
    for pair, kinds in list(links.kinds.items()):
        for kind in kinds if pair[0] == store.name else ():
            if wanted in {str(kind.number), kind.name} and kind.category == USER_DEFINED:
                links.forget(pair, kind)
                return nothing()
    raise not_found(f"There is no association {wanted} of {store.name}")


def delete_schema(call: Call) -> Response:
    """`DELETE /schemas/{type}`: not while there are records."""
    call.require(_WRITE)
    store = _own(call)
    if len(store.table):
        raise invalid(f"{store.name} has records and cannot be deleted", objectTypeId=[store.type.type_id])
    call.portal.drop(store)
    return nothing()


def _store(call: Call) -> Store:
    store = call.portal.store(call.path["type"])
    if store is None:
        raise not_found(f"There is no object type {call.path['type']}")
    return store


def _own(call: Call) -> Store:
    store = _store(call)
    if not store.custom:
        raise invalid(f"{store.name} is defined by HubSpot and cannot be changed or deleted")
    return store


def _link(store: Store, other: Store, kind: Kind) -> Body:
    return {
        "id": str(kind.number),
        "name": kind.name,
        "fromObjectTypeId": store.type.type_id,
        "toObjectTypeId": other.type.type_id,
    }


def _shown(call: Call, store: Store) -> Body:
    one = store.type
    singular, plural = store.labels or (one.singular.capitalize(), one.name.capitalize())
    links = [
        _link(store, call.portal.stores[other], kind)
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
        "secondaryDisplayProperties": list(store.secondary),
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
        yield Endpoint("PATCH", f"{prefix}/{{type}}", version, update_schema)
        yield Endpoint("DELETE", f"{prefix}/{{type}}", version, delete_schema)
        yield Endpoint("POST", f"{prefix}/{{type}}/associations", version, create_association)
        yield Endpoint("DELETE", f"{prefix}/{{type}}/associations/{{link}}", version, delete_association)
