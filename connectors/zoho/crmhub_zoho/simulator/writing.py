"""Create, update, upsert and delete: the calls around `records`.

Source: Zoho CRM API v8, "Insert Records", "Update Records", "Upsert Records", "Delete Records". Replies
have one item per record in the order of the input; HTTP 201 (create) or 200 when all went well, 207 when
some, 400 when none did.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.errors import (
    Details,
    ZohoError,
    invalid_related_id,
    not_supported,
    over_limit,
    required_param,
)
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.modules import ACTIVITIES
from crmhub_zoho.simulator.org import Module

MAX_RECORDS = 100
_HEAVY_FROM = 11
_PER_CREDIT = 10
_TRIGGERS = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
Item = Mapping[str, object]


def create(call: Call) -> Response:
    """`POST /{module}`."""
    return create_in(call, call.module(), {})


def create_in(call: Call, module: Module, fixed: Item) -> Response:
    """Create the records of the body in `module`, each with the values `fixed`."""
    items = items_of(call.body)
    _check_options(call.body)

    def one(item: object, path: str) -> Details:
        record = {**_item(item, path), **fixed}
        return _success(call.records.insert(module, record, path, call.user.id), "record added")

    return answer(items, one, 201)


def update(call: Call) -> Response:
    """`PUT /{module}`."""
    module = call.module()
    items = items_of(call.body)
    _check_options(call.body)
    return answer(items, _updater(call, module), 200)


def update_one(call: Call) -> Response:
    """`PUT /{module}/{id}`."""
    module = call.module()
    if as_record_id(call.path["id"]) is None:
        raise invalid_related_id()
    items = items_of(call.body, most=1)
    _check_options(call.body)
    named = [{**_item(item, "$.data[0]"), "id": call.path["id"]} for item in items]
    return answer(named, _updater(call, module), 200)


def upsert(call: Call) -> Response:
    """`POST /{module}/upsert`."""
    module = call.module()
    if module.name in ACTIVITIES or module.spec.check_field is None:
        raise not_supported(resource_path_index=0)
    items = items_of(call.body)
    _check_options(call.body)
    checks = _check_fields(call.body, module)

    def one(item: object, path: str) -> Details:
        action, field, details = call.records.upsert(module, _item(item, path), path, call.user.id, checks)
        message = "record added" if action == "insert" else "record updated"
        return {**_success(details, message), "action": action, "duplicate_field": field}

    return answer(items, one, 200)


def delete(call: Call) -> Response:
    """`DELETE /{module}?ids=`."""
    module = call.module()
    ids = [one.strip() for one in call.params.get("ids", "").split(",") if one.strip()]
    if not ids:
        raise required_param("ids")
    if len(ids) > MAX_RECORDS:
        raise over_limit(MAX_RECORDS, param_name="ids")
    call.flag("wf_trigger", default=True)
    return answer(ids, lambda record_id, _: _deleted(call, module, record_id), 200)


def delete_one(call: Call) -> Response:
    """`DELETE /{module}/{id}`."""
    module = call.module()
    call.flag("wf_trigger", default=True)
    return answer([call.path["id"]], lambda record_id, _: _deleted(call, module, record_id), 200)


def _deleted(call: Call, module: Module, record_id: object) -> Details:
    return _success(call.records.delete(module, str(record_id), call.user.id), "record deleted")


def _updater(call: Call, module: Module) -> Callable[[object, str], Details]:
    since = call.instant_header("If-Unmodified-Since")

    def one(item: object, path: str) -> Details:
        record = _item(item, path)
        details = call.records.update(module, record, path, call.user.id, unmodified_since=since)
        return _success(details, "record updated")

    return one


def _success(details: Details, message: str) -> Details:
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def answer(
    items: Sequence[object],
    handle: Callable[[object, str], Details],
    good: int,
    *,
    key: str = "data",
    more: Item | None = None,
) -> Response:
    """Handle the items one by one and answer with what became of each, in their order, under `key`."""
    results: list[Details] = []
    failures: list[int] = []
    for number, item in enumerate(items):
        try:
            results.append(handle(item, f"$.{key}[{number}]"))
        except ZohoError as refusal:
            results.append(refusal.envelope())
            failures.append(refusal.status)
    if not failures:
        status = good
    elif len(failures) < len(results):
        status = 207
    else:
        status = 412 if set(failures) == {412} else 400
    return reply({key: results, **(more or {})}, status)


def _item(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        details = {"expected_data_type": "jsonobject", "json_path": path}
        raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    return cast("dict[str, object]", value)


def items_of(body: Item, most: int = MAX_RECORDS, key: str = "data") -> list[object]:
    """The list under `key` in a body; raises ZohoError."""
    place: Details = {"api_name": key, "json_path": f"$.{key}"}
    data = body.get(key)
    if data is None:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(data, list):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place})
    items = cast("list[object]", data)
    if not items:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"minimum_length": 1, **place})
    if len(items) > most:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": most, **place})
    return items


def _check_options(body: Item) -> None:
    trigger = body.get("trigger")
    if trigger is None:
        return
    place: Details = {"api_name": "trigger", "json_path": "$.trigger"}
    if not isinstance(trigger, list):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place})
    for number, name in enumerate(cast("list[object]", trigger)):
        if name not in _TRIGGERS:
            details = {"supported_values": list(_TRIGGERS), **place, "json_path": f"$.trigger[{number}]"}
            raise ZohoError(400, "INVALID_DATA", "invalid data", details)


def _check_fields(body: Item, module: Module) -> list[str]:
    system = module.spec.check_field
    unique = module.unique_fields
    given = body.get("duplicate_check_fields")
    if given is None:
        return list(dict.fromkeys([*([system] if system else []), *unique]))
    place: Details = {"api_name": "duplicate_check_fields", "json_path": "$.duplicate_check_fields"}
    if not isinstance(given, list):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place})
    names = cast("list[object]", given)
    for number, name in enumerate(names):
        if name != system and name not in unique:
            details = {**place, "json_path": f"$.duplicate_check_fields[{number}]"}
            raise ZohoError(400, "INVALID_DATA", "the field is not a duplicate check field", details)
    return list(dict.fromkeys([*cast("list[str]", names), *unique]))


def _count(call: Call) -> int:
    try:
        data = call.body.get("data")
    except ZohoError:
        return 1
    return len(cast("list[object]", data)) if isinstance(data, list) else 1


def _price(call: Call) -> int:
    return max(1, -(-_count(call) // _PER_CREDIT))


def _heavy(call: Call) -> bool:
    return _count(call) >= _HEAVY_FROM


ENDPOINTS = (
    Endpoint(
        "POST",
        "/{module}/upsert",
        upsert,
        ("modules.{module}.CREATE", "modules.{module}.UPDATE"),
        _price,
        _heavy,
    ),
)
LAST_ENDPOINTS = (
    Endpoint("POST", "/{module}", create, ("modules.{module}.CREATE",), _price, _heavy),
    Endpoint("PUT", "/{module}", update, ("modules.{module}.UPDATE",), _price, _heavy),
    Endpoint("DELETE", "/{module}", delete, ("modules.{module}.DELETE",)),
    Endpoint("PUT", "/{module}/{id}", update_one, ("modules.{module}.UPDATE",)),
    Endpoint("DELETE", "/{module}/{id}", delete_one, ("modules.{module}.DELETE",)),
)
