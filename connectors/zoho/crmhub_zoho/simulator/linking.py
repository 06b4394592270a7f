"""Linking records through related lists, and single records and notes of a related list.

Source: Zoho CRM API v8, "Update Related Records", "Delink Records" and "Notes of a Record". A related
record is linked by the field through which the list finds it; a note belongs to its record, so delinking
one deletes it.
"""

from collections.abc import Mapping
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_id, required_param
from crmhub_zoho.simulator.fields import ANY_MODULE
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import SE_MODULE
from crmhub_zoho.simulator.related import parent_of, places_of
from crmhub_zoho.simulator.rendering import full_record
from crmhub_zoho.simulator.writing import answer, items_of

_NOTE = "Notes"


def get_related(call: Call) -> Response:
    """`GET /{module}/{id}/{related}/{record}`."""
    parent, related, parent_id = parent_of(call)
    module = call.org.modules[related.module]
    place = module.table.place_of(call.path["record"])
    if place is None or place not in places_of(parent, related, module, parent_id):
        return nothing()
    return reply({"data": [full_record(call.org, module, module.table.row(place))]})


def link_many(call: Call) -> Response:
    """`PUT /{module}/{id}/{related}`."""
    items = items_of(call.body)
    return answer(items, lambda item, _: _linked(call, item), 200)


def link_one(call: Call) -> Response:
    """`PUT /{module}/{id}/{related}/{record}`."""
    items = items_of(call.body, most=1) if call.raw_body.strip() else []
    given = cast("Row", items[0]) if items and isinstance(items[0], dict) else {}
    return answer([{**given, "id": call.path["record"]}], lambda item, _: _linked(call, item), 200)


def unlink_many(call: Call) -> Response:
    """`DELETE /{module}/{id}/{related}?ids=`."""
    ids = [one for one in call.params.get("ids", "").split(",") if one]
    if not ids:
        raise required_param("ids")
    return answer(list[object](ids), lambda one, _: _unlinked(call, str(one)), 200)


def unlink_one(call: Call) -> Response:
    """`DELETE /{module}/{id}/{related}/{record}`."""
    return answer([call.path["record"]], lambda one, _: _unlinked(call, str(one)), 200)


def _linked(call: Call, item: object) -> Details:
    parent, related, parent_id = parent_of(call)
    module = call.org.modules[related.module]
    given = cast("Mapping[str, object]", item if isinstance(item, Mapping) else {})
    record_id = as_record_id(given.get("id")) or ""
    place = module.table.place_of(record_id)
    if place is None:
        raise invalid_id(record_id)
    if related.module == _NOTE:
        if place not in places_of(parent, related, module, parent_id):
            raise invalid_id(record_id)
        changed = {name: value for name, value in given.items() if name != "id"}
        details = call.records.update(module, {**changed, "id": record_id}, "$.data[0]", call.user.id)
        return _success("record updated", details)
    values: Row = {related.through: parent_id}
    if module.fields[related.through].target == ANY_MODULE:
        values[SE_MODULE] = parent.name
    call.records.change(module, place, values, call.user.id)
    return _success("relation updated", {"id": record_id})


def _unlinked(call: Call, record_id: str) -> Details:
    parent, related, parent_id = parent_of(call)
    module = call.org.modules[related.module]
    place = module.table.place_of(record_id)
    if place is None or place not in places_of(parent, related, module, parent_id):
        raise invalid_id(record_id)
    if related.module == _NOTE:
        return _success("record deleted", call.records.delete(module, record_id, call.user.id))
    if module.fields[related.through].mandatory:
        details: Details = {"api_name": related.through}
        raise ZohoError(400, "CANNOT_PERFORM_ACTION", "the relation cannot be removed", details)
    call.records.change(module, place, {related.through: None}, call.user.id)
    return _success("relation removed", {"id": record_id})


def _success(message: str, details: Details) -> Details:
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


_LIST = "/{module}/{id}/{related}"
_ONE = f"{_LIST}/{{record}}"
LAST_ENDPOINTS = (
    Endpoint("PUT", _LIST, link_many, ("modules.{module}.UPDATE",)),
    Endpoint("DELETE", _LIST, unlink_many, ("modules.{module}.DELETE",)),
    Endpoint("GET", _ONE, get_related, ("modules.{module}.READ",)),
    Endpoint("PUT", _ONE, link_one, ("modules.{module}.UPDATE",)),
    Endpoint("DELETE", _ONE, unlink_one, ("modules.{module}.DELETE",)),
)
