"""The recycle bin: list, count, restore, delete for good.

Source: Zoho CRM API v8, "Recycle Bin": deleted records of all modules, kept 60 days.
"""

from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from starlette.responses import Response

from crmhub.testing.simulator.jsons import load_json
from crmhub.testing.simulator.table import Deleted
from crmhub_zoho.simulator.call import MAX_PAGE, Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_param, over_limit
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Module
from crmhub_zoho.simulator.reading import sweep
from crmhub_zoho.simulator.writing import answer

MOST_RECORDS = 200
Entry = tuple[Module, Deleted]
_PARTS: Mapping[str, Callable[[Entry], str]] = {
    "module": lambda entry: entry[0].name,
    "display_name": lambda entry: entry[0].title(entry[1].row),
}


def list_bin(call: Call) -> Response:
    """`GET /settings/recycle_bin`, newest first."""
    wanted = set(call.params.get("ids", "").split(",")) - {""}
    test = _filter(call.params["filters"]) if call.params.get("filters") else None
    page = call.numbered()
    ascending = call.choice("sort_order", "desc", "asc", "desc") == "asc"
    entries = [
        entry
        for entry in _entries(call)
        if (not wanted or entry[1].row["id"] in wanted) and (test is None or test(entry))
    ]
    entries.sort(key=lambda entry: (entry[1].at, str(entry[1].row["id"])), reverse=not ascending)
    shown, info = page.of(entries)
    if not shown:
        return nothing()
    return reply({"recycle_bin": [_shown(call, entry) for entry in shown], "info": info})


def get_entry(call: Call) -> Response:
    """`GET /settings/recycle_bin/{id}`."""
    entry = _found(call, call.path["id"])
    if entry is None:
        return nothing()
    info = {"per_page": MAX_PAGE, "count": 1, "page": 1, "more_records": False}
    return reply({"recycle_bin": [_shown(call, entry)], "info": info})


def count_bin(call: Call) -> Response:
    """`GET /settings/recycle_bin/actions/count`."""
    return reply({"count": len(_entries(call))})


def restore(call: Call) -> Response:
    """`POST /settings/recycle_bin/actions/restore`: by ids, by filters, or all."""
    given = [name for name in ("ids", "filters", "restore_all_records") if call.body.get(name) is not None]
    if len(given) > 1:
        details = {"ambiguity_due_to": [{"api_name": name, "json_path": f"$.{name}"} for name in given]}
        raise ZohoError(400, "AMBIGUITY_DURING_PROCESSING", "Please use only one of the parameters", details)
    if not given:
        names = [{"api_name": "ids", "json_path": "$.ids"}]
        message = "One of the expected field is missing"
        raise ZohoError(400, "EXPECTED_FIELD_MISSING", message, {"expected_fields": names})
    if given == ["ids"]:
        ids = call.body["ids"]
        texts = cast("list[object]", ids) if isinstance(ids, list) else []
        if len(texts) > MOST_RECORDS:
            raise over_limit(MOST_RECORDS, api_name="ids")
        return _each(call, [as_record_id(one) or str(one) for one in texts], _restored)
    test = _tested(call.body["filters"], "filters") if given == ["filters"] else None
    wanted = [entry for entry in _entries(call) if test is None or test(entry)]
    return _each(call, [str(entry[1].row["id"]) for entry in wanted], _restored)


def restore_one(call: Call) -> Response:
    """`POST /settings/recycle_bin/{id}/actions/restore`."""
    return _each(call, [call.path["id"]], _restored)


def delete_entries(call: Call) -> Response:
    """`DELETE /settings/recycle_bin?ids=` or `?filters=`: for good."""
    ids = [one for one in call.params.get("ids", "").split(",") if one]
    if not ids and not call.params.get("filters"):
        names = {"param_names": ["ids", "filters"]}
        raise ZohoError(400, "EXPECTED_PARAM_MISSING", "One of the expected parameter is missing", names)
    if not ids:
        test = _filter(call.params["filters"])
        ids = [str(entry[1].row["id"]) for entry in _entries(call) if test(entry)]
    return _each(call, ids, _purged)


def delete_entry(call: Call) -> Response:
    """`DELETE /settings/recycle_bin/{id}`: for good."""
    return _each(call, [call.path["id"]], _purged)


def empty_bin(call: Call) -> Response:
    """`POST /settings/recycle_bin/actions/empty`."""
    for module, gone in _entries(call):
        module.purge(gone.place)
    message = "The recycle bin has been emptied"
    return reply({"code": "SUCCESS", "details": {}, "message": message, "status": "success"})


def _restored(call: Call, entry: Entry) -> str:
    call.records.restore(*entry, call.user.id)
    return "record restored successfully"


def _purged(call: Call, entry: Entry) -> str:
    del call
    entry[0].purge(entry[1].place)
    return "record deleted permanently"


def _each(call: Call, ids: list[str], act: Callable[[Call, Entry], str]) -> Response:
    def one(record_id: object, _: str) -> Details:
        entry = _found(call, str(record_id))
        if entry is None:
            raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"id": record_id})
        message = act(call, entry)
        return {"status": "success", "code": "SUCCESS", "message": message, "details": {"id": record_id}}

    return answer(list[object](ids), one, 200, key="recycle_bin")


def _entries(call: Call) -> list[Entry]:
    found: list[Entry] = []
    for module in call.org.record_modules():
        sweep(module, call.org.clock.now())
        found += [(module, gone) for gone in module.table.deleted()]
    return found


def _found(call: Call, record_id: str) -> Entry | None:
    return next((entry for entry in _entries(call) if entry[1].row["id"] == record_id), None)


def _shown(call: Call, entry: Entry) -> Details:
    module, gone = entry
    users = call.org.users
    by, owner = users.get(gone.by), users.get(str(gone.row.get("Owner")))
    return {
        "id": gone.row["id"],
        "display_name": module.title(gone.row),
        "module": {"api_name": module.name, "id": module.id},
        "owner": owner.short_reference() if owner else None,
        "deleted_by": by.short_reference() if by else None,
        "deleted_time": call.org.stamp(gone.at),
    }


def _filter(text: str) -> Callable[[Entry], bool]:
    try:
        value = load_json(text.encode())
    except msgspec.DecodeError:
        raise invalid_param("filters", expected_data_type="jsonobject") from None
    return _tested(value, "filters")


def _tested(value: object, name: str) -> Callable[[Entry], bool]:
    if not isinstance(value, Mapping):
        raise invalid_param(name, expected_data_type="jsonobject")
    item = cast("Mapping[str, object]", value)
    group = item.get("group")
    if isinstance(group, list):
        if str(item.get("group_operator")).lower() != "and":
            raise invalid_param(name, supported_values=["AND"])
        tests = [_tested(one, name) for one in cast("list[object]", group)]
        return lambda entry: all(test(entry) for test in tests)
    field = item.get("field")
    part = _PARTS.get(str(cast("Details", field).get("api_name"))) if isinstance(field, Mapping) else None
    comparator, wanted = item.get("comparator"), str(item.get("value")).casefold()
    if part is None or comparator not in {"equal", "contains"}:
        raise invalid_param(name, api_name="field", json_path="$.field")
    if comparator == "equal":
        return lambda entry: part(entry).casefold() == wanted
    return lambda entry: wanted in part(entry).casefold()


_READ, _UPDATE, _DELETE = (f"settings.recycle_bin.{one}" for one in ("READ", "UPDATE", "DELETE"))
_BIN = "/settings/recycle_bin"
ENDPOINTS = (
    Endpoint("GET", _BIN, list_bin, (_READ,)),
    Endpoint("DELETE", _BIN, delete_entries, (_DELETE,)),
    Endpoint("GET", f"{_BIN}/actions/count", count_bin, (_READ,)),
    Endpoint("POST", f"{_BIN}/actions/restore", restore, (_UPDATE,)),
    Endpoint("POST", f"{_BIN}/actions/empty", empty_bin, (_UPDATE,)),
    Endpoint("GET", f"{_BIN}/{{id}}", get_entry, (_READ,)),
    Endpoint("DELETE", f"{_BIN}/{{id}}", delete_entry, (_DELETE,)),
    Endpoint("POST", f"{_BIN}/{{id}}/actions/restore", restore_one, (_UPDATE,)),
)
