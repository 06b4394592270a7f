"""The blueprint of a record: its process with its transitions, and making one.

Source: Zoho CRM API v8, "Get Blueprint" and "Update Blueprint": one transition a call; when not all fields it
asks for are given, the values are kept and the message is "transition saved partially".
"""

from collections.abc import Mapping
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.drafts import checked
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_related_id
from crmhub_zoho.simulator.fields import field_json
from crmhub_zoho.simulator.guards import locked
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Module, metadata_id
from crmhub_zoho.simulator.processes import Process, Transition
from crmhub_zoho.simulator.rendering import full_record

_TRANSITIONS = 900_000
_KEY = "blueprint"
_DATA = "$.blueprint[0].data"


def get_blueprint(call: Call) -> Response:
    """`GET /{module}/{id}/actions/blueprint`."""
    module, row, process = _found(call)
    value = str(row[process.field])
    one = module.fields[process.field]
    shown = full_record(call.org, module, row)
    info = {
        "id": metadata_id(module.number, _TRANSITIONS),
        "name": process.name,
        "field_id": one.id,
        "api_name": one.api_name,
        "field_name": one.label,
        "field_label": one.label,
        "column_name": one.api_name.upper(),
        "field_value": value,
        "is_continuous": False,
        "continuous": False,
        "current_picklist": {"value": value, "colour_code": None, "id": one.id},
        "escalation": None,
    }
    steps = [_shown(module, process, step, row, shown) for step in process.open_to(value)]
    return reply({_KEY: {"process_info": info, "transitions": steps}})


def make_transition(call: Call) -> Response:
    """`PUT /{module}/{id}/actions/blueprint`."""
    module, row, process = _found(call)
    if str(row["id"]) in call.org.locked:
        raise locked({"resource_path_index": 1})
    given = _given(call.body)
    wanted = as_record_id(given.get("transition_id"))
    steps = process.open_to(str(row[process.field]))
    step = next((one for one in steps if _id(module, one) == wanted), None)
    if step is None or not _is_open(step, row):
        details: Details = {"api_name": "transition_id", "json_path": "$.blueprint[0].transition_id"}
        raise ZohoError(400, "INVALID_DATA", "invalid transition", details)
    data = given.get("data", {})
    if not isinstance(data, Mapping):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"api_name": "data", "json_path": _DATA})
    values = {name: one for name, one in cast("Row", data).items() if name != process.field}
    changes = checked(call.org, module, values, _DATA, row)
    after = {**row, **changes}
    missing = [name for name in step.asks if after.get(name) is None]
    if missing and not changes:
        details = {"api_name": missing[0], "json_path": f"{_DATA}.{missing[0]}"}
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "mandatory param missing", details)
    place = module.table.place_of(str(row["id"]))
    if place is None:
        raise invalid_related_id()
    made = {} if missing else {process.field: step.to}
    call.records.change(module, place, {**changes, **made}, call.user.id)
    message = "transition saved partially" if missing else "transition updated successfully"
    return reply({"code": "SUCCESS", "details": {}, "message": message, "status": "success"})


def _found(call: Call) -> tuple[Module, Row, Process]:
    module = call.module()
    row = module.table.get(call.path["id"])
    if row is None:
        raise invalid_related_id()
    process = call.org.processes.get(module.name)
    if process is None or not process.holds(row):
        raise ZohoError(400, "RECORD_NOT_IN_PROCESS", "record not in process", {})
    return module, row, process


def _given(body: Mapping[str, object]) -> Row:
    place: Details = {"api_name": _KEY, "json_path": f"$.{_KEY}"}
    items = body.get(_KEY)
    if items is None:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(items, list) or len(cast("list[object]", items)) != 1:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {**place, "maximum_length": 1})
    item = cast("list[object]", items)[0]
    if not isinstance(item, Mapping) or "transition_id" not in item:
        place = {"api_name": "transition_id", "json_path": f"$.{_KEY}[0].transition_id"}
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    return dict(cast("Mapping[str, object]", item))


def _id(module: Module, step: Transition) -> str:
    return metadata_id(module.number, _TRANSITIONS + step.number)


def _is_open(step: Transition, row: Row) -> bool:
    return all(row.get(name) is not None for name in step.needs)


def _shown(module: Module, process: Process, step: Transition, row: Row, shown: Row) -> Details:
    is_open = _is_open(step, row)
    following = process.open_to(step.to)
    return {
        "id": _id(module, step),
        "name": step.name,
        "type": "manual",
        "sequence": step.number,
        "next_field_value": step.to,
        "criteria_matched": is_open,
        "criteria_message": None if is_open else f"{', '.join(step.needs)} must not be empty",
        "fields": [{**field_json(module.fields[name], ""), "mandatory": True} for name in step.asks],
        "data": {name: shown[name] for name in step.asks},
        "next_transitions": [
            {
                "id": _id(module, one),
                "name": one.name,
                "criteria_matched": _is_open(one, row),
                "type": "manual",
            }
            for one in following
        ],
        "parent_transition": None,
        "percent_partial_save": 0.0,
        "execution_time": None,
        "color_code": None,
        "text_color_code": None,
    }


_BLUEPRINT = "/{module}/{id}/actions/blueprint"
ENDPOINTS = (
    Endpoint("GET", _BLUEPRINT, get_blueprint, ("modules.{module}.READ",)),
    Endpoint("PUT", _BLUEPRINT, make_transition, ("modules.{module}.UPDATE",)),
)
