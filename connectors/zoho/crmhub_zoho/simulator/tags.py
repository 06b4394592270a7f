"""Tags: those of a module, and those on records.

Source: Zoho CRM API v8, "Tags" and "Add Tags to Records": at most 500 records a call; the values
`success_count` and `locked_count` are texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import (
    Details,
    ZohoError,
    invalid_id,
    invalid_related_id,
    over_limit,
    required_param,
)
from crmhub_zoho.simulator.guards import locked
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Module
from crmhub_zoho.simulator.tag_book import LONGEST_NAME, MOST_TAGS, Tag
from crmhub_zoho.simulator.writing import answer

MOST_RECORDS = 500
_COLORS = frozenset(
    {
        *("#57B1FD", "#879BFC", "#658BA8", "#FD87BD", "#969696", "#F48435", "#1DB9B4"),
        *("#E7A826", "#63C57E", "#F17574", "#D297EE", "#A8C026", "#B88562"),
    }
)


def list_tags(call: Call) -> Response:
    """`GET /settings/tags?module=`."""
    module = call.named_module()
    tags = call.org.tags.of(module.name)
    if not tags:
        return nothing()
    info = {"count": len(tags), "allowed_count": MOST_TAGS - len(tags)}
    return reply({"tags": [_tag_json(call, tag) for tag in tags], "info": info})


def create_tags(call: Call) -> Response:
    """`POST /settings/tags?module=`."""
    module = call.named_module()

    def one(item: object, path: str) -> Details:
        name, color = _name(item, path), _color(item, path)
        known = call.org.tags.named(module.name, name)
        if known is not None:
            details = {"id": known.id, "api_name": "name"}
            raise ZohoError(400, "DUPLICATE_DATA", "duplicate data", details)
        if len(call.org.tags.of(module.name)) >= MOST_TAGS:
            raise over_limit(MOST_TAGS, api_name="tags")
        tag = call.org.tags.make(module.name, name, call.user.id, call.org.clock.now(), color)
        return _success(call, tag, "tags created successfully")

    return answer(_items(call.body), one, 201, key="tags")


def update_tag(call: Call) -> Response:
    """`PUT /settings/tags/{id}?module=`."""
    module, tag = _tag(call)

    def one(item: object, path: str) -> Details:
        name = _name(item, path)
        other = call.org.tags.named(module.name, name)
        if other is not None and other is not tag:
            details = {"id": other.id, "api_name": "name"}
            raise ZohoError(400, "DUPLICATE_DATA", "duplicate data", details)
        call.org.tags.rename(module.name, tag, name)
        tag.color = _color(item, path) or tag.color
        tag.modified_at, tag.modified_by = call.org.clock.now(), call.user.id
        _replace_everywhere(call, module, tag.id, tag)
        return _success(call, tag, "tags updated successfully")

    return answer(_items(call.body, most=1), one, 200, key="tags")


def delete_tag(call: Call) -> Response:
    """`DELETE /settings/tags/{id}`."""
    module, tag = _tag(call)
    call.org.tags.drop(module.name, tag)
    _replace_everywhere(call, module, tag.id, None)
    return reply({"tags": [_success(call, tag, "tags deleted successfully")]})


def count_tagged(call: Call) -> Response:
    """`GET /settings/tags/{id}/actions/records_count?module=`."""
    call.named_module()
    module, tag = _tag(call)
    return reply({"count": str(sum(1 for _ in _holders(module, tag.id)))})


def add_tags(call: Call) -> Response:
    """`POST /{module}/actions/add_tags` and `POST /{module}/{id}/actions/add_tags`."""
    over_write = call.body.get("over_write") is True

    def mixed(present: list[Row], given: list[Row]) -> list[Row]:
        before = (
            [] if over_write else [tag for tag in present if tag["id"] not in {one["id"] for one in given}]
        )
        return [*before, *given]

    return _change_tags(call, mixed, make=True)


def remove_tags(call: Call) -> Response:
    """`POST /{module}/actions/remove_tags` and `POST /{module}/{id}/actions/remove_tags`."""

    def without(present: list[Row], given: list[Row]) -> list[Row]:
        return [tag for tag in present if tag["id"] not in {one["id"] for one in given}]

    return _change_tags(call, without, make=False)


def _change_tags(call: Call, change: Callable[[list[Row], list[Row]], list[Row]], *, make: bool) -> Response:
    module = call.module()
    if "Tag" not in module.fields:
        raise ZohoError(400, "INVALID_MODULE", "the given module is not supported for this api", {})
    ids = _record_ids(call)
    if "id" in call.path and module.table.place_of(call.path["id"]) is None:
        raise invalid_related_id()
    tags = _given(call, module, make=make)

    def one(record_id: object, _: str) -> Details:
        place = module.table.place_of(str(record_id))
        if place is None:
            raise invalid_id(str(record_id))
        if str(record_id) in call.org.locked:
            raise locked({"id": record_id})
        present = cast("list[Row]", module.table.row(place).get("Tag") or [])
        kept = change(present, tags)
        call.records.change(module, place, {"Tag": kept or None}, call.user.id)
        details: Details = {"id": record_id, "tags": kept}
        done = {"code": "SUCCESS", "message": "tags updated successfully", "status": "success"}
        return {**done, "details": details}

    live = [str(one_id) for one_id in ids if module.table.place_of(str(one_id)) is not None]
    shut = len([one_id for one_id in live if one_id in call.org.locked])
    counts = {"success_count": str(len(live) - shut), "locked_count": str(shut)}
    more: Details = {"wf_scheduler": False, **counts}
    return answer(ids, one, 200, more=more)


def _record_ids(call: Call) -> list[object]:
    if "id" in call.path:
        return [call.path["id"]]
    given = call.body.get("ids")
    texts: list[object] = [one for one in call.params.get("ids", "").split(",") if one]
    ids = cast("list[object]", given) if isinstance(given, list) else texts
    if not ids:
        raise required_param("ids")
    if len(ids) > MOST_RECORDS:
        details: Details = {"maximum_length": MOST_RECORDS, "api_name": "ids", "json_path": "$.ids"}
        raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    return [as_record_id(one) or str(one) for one in ids]


def _given(call: Call, module: Module, *, make: bool) -> list[Row]:
    book, found = call.org.tags, list[Row]()
    for number, item in enumerate(_items(call.body)):
        path = f"$.tags[{number}]"
        named = cast("Row", item if isinstance(item, Mapping) else {})
        tag_id = named.get("id")
        if tag_id is not None:
            known = book.by_id(as_record_id(tag_id) or "")
            if known is None or known[0] != module.name:
                details = {"api_name": "id", "json_path": f"{path}.id"}
                raise ZohoError(400, "INVALID_DATA", "invalid tag id", details)
            found.append(known[1].on_record())
            continue
        name = _name(named, path)
        tag = book.named(module.name, name)
        if tag is None and make:
            tag = book.make(module.name, name, call.user.id, call.org.clock.now())
        if tag is not None:
            found.append(tag.on_record())
    return found


def _holders(module: Module, tag_id: str) -> Sequence[int]:
    return [
        place
        for place in module.table.places()
        if any(tag["id"] == tag_id for tag in cast("list[Row]", module.table.row(place).get("Tag") or []))
    ]


def _replace_everywhere(call: Call, module: Module, tag_id: str, tag: Tag | None) -> None:
    for place in _holders(module, tag_id):
        present = cast("list[Row]", module.table.row(place)["Tag"])
        others = [one if one["id"] != tag_id else tag.on_record() if tag else None for one in present]
        kept = [one for one in others if one is not None]
        call.records.change(module, place, {"Tag": kept or None}, call.user.id)


def _tag(call: Call) -> tuple[Module, Tag]:
    found = call.org.tags.by_id(call.path["id"])
    if found is None:
        raise ZohoError(400, "INVALID_DATA", "tags not found", {"id": call.path["id"]})
    return call.org.modules[found[0]], found[1]


def _items(body: Mapping[str, object], most: int = MOST_TAGS) -> list[object]:
    place: Details = {"api_name": "tags", "json_path": "$.tags"}
    given = body.get("tags")
    if given is None:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(given, list):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place})
    items = cast("list[object]", given)
    if not 1 <= len(items) <= most:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": most, **place})
    return items


def _name(item: object, path: str) -> str:
    name = cast("Row", item).get("name") if isinstance(item, Mapping) else None
    place: Details = {"api_name": "name", "json_path": f"{path}.name"}
    if name is None or name == "":
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(name, str):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "text", **place})
    if len(name) > LONGEST_NAME:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": LONGEST_NAME, **place})
    return name


def _color(item: object, path: str) -> str | None:
    color = cast("Row", item).get("color_code")
    if color is None:
        return None
    if color not in _COLORS:
        details: Details = {"api_name": "color_code", "json_path": f"{path}.color_code"}
        raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    return str(color)


def _tag_json(call: Call, tag: Tag) -> Details:
    return {**tag.on_record(), **_stamps(call, tag)}


def _stamps(call: Call, tag: Tag) -> Details:
    users = call.org.users
    return {
        "created_time": call.org.stamp(tag.created_at),
        "modified_time": call.org.stamp(tag.modified_at),
        "modified_by": users[tag.modified_by].short_reference(),
        "created_by": users[tag.created_by].short_reference(),
    }


def _success(call: Call, tag: Tag, message: str) -> Details:
    details: Details = {**_stamps(call, tag), "id": tag.id, "color_code": tag.color}
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


ENDPOINTS = (
    Endpoint("GET", "/settings/tags", list_tags, ("settings.tags.READ",)),
    Endpoint("POST", "/settings/tags", create_tags, ("settings.tags.CREATE",)),
    Endpoint("PUT", "/settings/tags/{id}", update_tag, ("settings.tags.UPDATE",)),
    Endpoint("DELETE", "/settings/tags/{id}", delete_tag, ("settings.tags.DELETE",)),
    Endpoint("GET", "/settings/tags/{id}/actions/records_count", count_tagged, ("settings.tags.READ",)),
    Endpoint("POST", "/{module}/actions/add_tags", add_tags, ("modules.{module}.UPDATE",)),
    Endpoint("POST", "/{module}/actions/remove_tags", remove_tags, ("modules.{module}.UPDATE",)),
    Endpoint("POST", "/{module}/{id}/actions/add_tags", add_tags, ("modules.{module}.UPDATE",)),
    Endpoint("POST", "/{module}/{id}/actions/remove_tags", remove_tags, ("modules.{module}.UPDATE",)),
)
