"""Several calls in one: `/composite` (dependent, with references) and `/composite/batch` (independent)."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply, parse_target
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.service import PREFIX, Service

MOST_CALLS = 25
MOST_HEAVY = 5
"""Of the sub-requests of a composite, so many may be queries or collections."""

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_HEAVY = re.compile(r"/services/data/v[\d.]+/(query|queryall|composite/sobjects)", re.IGNORECASE)
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."

Body = Mapping[str, object]


def add_composite(service: Service) -> None:
    """Add the routes of composite requests."""
    composite = _Composite(service)
    service.router.add("/composite", GET=composite.resources, POST=composite.composite)
    service.router.add("/composite/batch", POST=composite.batch)


class _Composite:
    def __init__(self, service: Service) -> None:
        self._service = service

    def resources(self, call: Call) -> Reply:
        base = f"{PREFIX}/v{call.version}/composite"
        return Reply(200, {name: f"{base}/{name}" for name in ("tree", "graph", "batch", "sobjects")})

    def composite(self, call: Call) -> Reply:
        body = call.object()
        wanted = _calls(body, "compositeRequest")
        together = body.get("allOrNone") is True
        names = [reference_of(item) for item in wanted]
        if len(set(names)) != len(names):
            raise ApiError("INVALID_INPUT", "Duplicate referenceId in the composite request")
        if sum(_HEAVY.match(str(item.get("url"))) is not None for item in wanted) > MOST_HEAVY:
            message = (
                f"A composite request can have at most {MOST_HEAVY} query and sObject Collections subrequests"
            )
            raise ApiError("LIMIT_EXCEEDED", message)
        replies = composed(self._service, wanted, together=together)
        return Reply(200, {"compositeResponse": told(names, replies)})

    def batch(self, call: Call) -> Reply:
        body = call.object()
        wanted = _calls(body, "batchRequests")
        halts = body.get("haltOnError") is True
        # The call itself is counted already; each further sub-request counts too.
        if len(wanted) > 1 and not self._service.usage.spend(len(wanted) - 1):
            raise ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        results: list[Row] = []
        failed = False
        for item in wanted:
            if failed and halts:
                message = "Batch processing halted per request"
                results.append(
                    {"statusCode": 412, "result": ApiError("BATCH_PROCESSING_HALTED", message).rest()}
                )
                continue
            target = str(item["url"]).lstrip("/")
            path, query = parse_target(
                f"/{target}" if target.startswith("services/") else f"{PREFIX}/{target}"
            )
            method = str(item["method"]).upper()
            reply = self._service.answer(
                Call(method, path, query, _headers(item), value=item.get("richInput"))
            )
            failed = failed or reply.status >= 400
            results.append({"statusCode": reply.status, "result": reply.body})
        return Reply(200, {"hasErrors": failed, "results": results})


def composed(service: Service, wanted: Sequence[Body], *, together: bool) -> list[Reply]:
    """The replies to dependent calls; `together`: if one fails, all is undone."""
    known: dict[str, object] = {}
    replies: list[Reply] = []
    with service.org.transaction() as done:
        for item in wanted:
            reply = _one(service, item, known)
            replies.append(reply)
            if reply.status < 300:
                known[reference_of(item)] = reply.body
        if together and any(reply.status >= 400 for reply in replies):
            done.undo()
            halted = Reply(400, ApiError("PROCESSING_HALTED", _HALTED).rest())
            replies = [reply if reply.status >= 400 else halted for reply in replies]
    return replies


def told(names: Sequence[str], replies: Sequence[Reply]) -> list[Row]:
    """The replies to calls by the names of the calls."""
    return [
        {
            "body": reply.body,
            "httpHeaders": dict(reply.headers),
            "httpStatusCode": reply.status,
            "referenceId": name,
        }
        for name, reply in zip(names, replies, strict=True)
    ]


def _one(service: Service, item: Body, known: Mapping[str, object]) -> Reply:
    try:
        url = str(_resolved(item["url"], known))
        value = _resolved(item.get("body"), known)
    except ApiError as refusal:
        return Reply(refusal.status, refusal.rest())
    if re.match(rf"{PREFIX}/v[\d.]+/composite(/batch)?/?(\?.*)?$", url, re.IGNORECASE):
        return Reply(400, ApiError("INVALID_INPUT", "Composite requests cannot be nested").rest())
    path, query = parse_target(url)
    return service.answer(Call(str(item["method"]).upper(), path, query, _headers(item), value=value))


def _calls(body: Body, name: str) -> list[Body]:
    items = body.get(name)
    if not isinstance(items, list) or not items:
        raise ApiError("JSON_PARSER_ERROR", f"Request must include a list named {name} at [line:1, column:1]")
    found = cast("list[object]", items)
    if len(found) > MOST_CALLS:
        raise ApiError("LIMIT_EXCEEDED", f"Limit of {MOST_CALLS} reached for operation {name}")
    return [_valid(item) for item in found]


def _valid(item: object) -> Body:
    call: Body = cast("Body", item) if isinstance(item, Mapping) else {}
    if str(call.get("method", "")).upper() not in _METHODS or not isinstance(call.get("url"), str):
        message = "Each subrequest needs a valid method and url at [line:1, column:1]"
        raise ApiError("JSON_PARSER_ERROR", message)
    return call


def reference_of(item: Body) -> str:
    """The name of a call; raises ApiError."""
    name = item.get("referenceId")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        message = (
            "Provided referenceId must start with a letter and hold letters, numbers and underscores only"
        )
        raise ApiError("INVALID_INPUT", message)
    return name


def _headers(item: Body) -> dict[str, str]:
    headers = item.get("httpHeaders")
    pairs = cast("Body", headers).items() if isinstance(headers, Mapping) else ()
    return {name.lower(): str(value) for name, value in pairs}


def _resolved(value: object, known: Mapping[str, object]) -> object:
    """The value with `@{reference.path}` replaced by what earlier replies held; raises ApiError
    (PROCESSING_HALTED).
    """
    match value:
        case str():
            whole = _REFERENCE.fullmatch(value)
            if whole is not None:
                return _looked_up(whole, known)
            return _REFERENCE.sub(lambda found: str(_looked_up(found, known)), value)
        case list():
            return [_resolved(item, known) for item in cast("list[object]", value)]
        case dict():
            return {key: _resolved(item, known) for key, item in cast("dict[str, object]", value).items()}
        case _:
            return value


def _looked_up(reference: re.Match[str], known: Mapping[str, object]) -> object:
    found = known.get(reference[1])
    for step in _STEP.finditer(reference[2]):
        if step[1] is not None and isinstance(found, Mapping):
            found = cast("Body", found).get(step[1])
        elif step[2] is not None and isinstance(found, list):
            items = cast("list[object]", found)
            found = items[int(step[2])] if int(step[2]) < len(items) else None
        else:
            found = None
    if found is None:
        path = reference[0][2:-1]
        message = f"Invalid reference specified. No value for {path} found in {reference[1]}"
        raise ApiError("PROCESSING_HALTED", message)
    return found
