"""Composite requests: up to five calls in one, which may refer to each other's replies.

Source: Zoho CRM API v8, "Composite API": one credit (two when `rollback_on_fail` and nothing was rolled
back) and five of the concurrent calls. A part that was carried out counts as a success whatever its own
status is; the reply is 200 when all parts were carried out, 207 when some, 400 when none or after a rollback.
"""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from crmhub.testing.simulator.jsons import load_json
from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.composite_parts import KEY, Item, Part, as_call, bad, read_parts
from crmhub_zoho.simulator.errors import Details, ZohoError

WEIGHT = 5
_ROLLED_BACK = "the transaction was rolled back since another sub request in the same transaction failed."


def run(call: Call) -> Response:
    """`POST /__composite_requests`."""
    rollback = _flag(call.body, "rollback_on_fail", default=False)
    parallel = _flag(call.body, "parallel_execution", default=not rollback)
    if rollback and parallel:
        names = ("rollback_on_fail", "parallel_execution")
        details = {"ambiguity_due_to": [{"api_name": name, "json_path": f"$.{name}"} for name in names]}
        raise ZohoError(400, "AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request", details)
    parts = read_parts(call.body)
    before = call.org.keep_state() if rollback else None
    results: dict[int, Details] = {}
    replies: dict[str, object] = {}
    for part in _ordered(parts) if parallel else parts:
        results[part.number] = _played(call, part, replies)
        if rollback and not _went_well(results[part.number]):
            break
    failed = [number for number, one in results.items() if not _went_well(one)]
    if before is not None and failed:
        call.org.bring_back(before)
        return reply({KEY: [_rolled_back(part, results, failed[0]) for part in parts]}, 400)
    if before is not None:
        call.spend(1)
    carried_out = sum(1 for one in results.values() if one["status"] == "success")
    status = 200 if carried_out == len(results) else 207 if carried_out else 400
    return reply({KEY: [results[part.number] for part in parts]}, status)


def _went_well(item: Details) -> bool:
    return item["status"] == "success" and _status(item) < 400


def _status(item: Details) -> int:
    match item["details"]:
        case {"response": {"status_code": int() as status}}:
            return status
        case _:
            return 400


def _rolled_back(part: Part, results: Mapping[int, Details], by: int) -> Details:
    if part.number == by:
        return results[by]
    code = "ROLLBACK_PERFORMED" if part.number in results else "PROCESSING_STOPPED"
    return ZohoError(400, code, _ROLLED_BACK, {"rollbacked_by_sub_request_index": by}).envelope()


def _ordered(parts: list[Part]) -> list[Part]:
    """The parts, each after those it refers to; those that refer to each other come last."""
    known = {part.id for part in parts}
    ordered: list[Part] = []
    waiting = list(parts)
    while ready := [part for part in waiting if not (part.needs & known) - {one.id for one in ordered}]:
        ordered.append(ready[0])
        waiting.remove(ready[0])
    looping = [part.number for part in waiting]
    return [*ordered, *(part.looping(looping) for part in waiting)]


def _played(call: Call, part: Part, replies: dict[str, object]) -> Details:
    if part.fault is not None:
        return part.fault.envelope()
    try:
        played = as_call(call, part, replies)
        response = played if isinstance(played, Response) else call.play(played)
        body = load_json(bytes(response.body)) if response.body else None
    except ZohoError as refusal:
        return refusal.envelope()
    except msgspec.DecodeError:
        return ZohoError(400, "NOT_SUPPORTED", "the API is not supported in a composite request").envelope()
    if response.status_code < 400:
        replies[part.id] = body
    shown = {"headers": dict(response.headers), "body": body, "status_code": response.status_code}
    message = "composite sub request executed successfully"
    return {"code": "SUCCESS", "details": {"response": shown}, "message": message, "status": "success"}


def _flag(body: Item, name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise bad(name, "$", expected_data_type="boolean")
    return value


ENDPOINTS = (
    Endpoint(
        "POST",
        "/__composite_requests",
        run,
        ("composite_requests.CUSTOM",),
        heavy=lambda _: True,
        weight=WEIGHT,
    ),
)
