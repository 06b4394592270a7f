"""Batches of up to 100 records.

Source: HubSpot "CRM API | Objects" (batch), "Error handling" (multi-status): a batch is refused as a whole
for its first wrong input, unless every input carries an `objectWriteTraceId`; upserts and reads tell of each
input.
"""

from collections.abc import Callable, Iterator, Sequence

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_texts,
    nothing,
    properties_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, not_found
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.rendering import record
from crmhub_rest.simulators.hubspot.resources.objects import draft, show, written
from crmhub_rest.simulators.hubspot.times import iso

Do = Callable[[], Body]
"""Does what an input that was found good asks for, and gives the reply to it."""

_WITH_HISTORY = 50
_TRACE = "objectWriteTraceId"


def create_batch(call: Call) -> Response:
    """`POST /objects/{type}/batch/create`."""
    store = call.store(write=True)

    def prepare(item: Body) -> Do:
        made = draft(call, store, item)
        return lambda: written(call, store, call.records.create(store, made), properties_of(item))

    return _all_or_each(call, store, prepare, 201)


def update_batch(call: Call) -> Response:
    """`POST /objects/{type}/batch/update`."""
    store = call.store(write=True)

    def prepare(item: Body) -> Do:
        given = properties_of(item)
        place = call.records.place(store, required_text(item, "id"), text_or_none(item, "idProperty"))
        values = call.records.revised(store, place, given)
        return lambda: written(call, store, call.records.change(store, place, values), given)

    return _all_or_each(call, store, prepare, 200)


def upsert_batch(call: Call) -> Response:
    """`POST /objects/{type}/batch/upsert`: by one property, the same for all inputs."""
    store = call.store(write=True)
    inputs = call.inputs()
    if len({text_or_none(item, "idProperty") for item in inputs}) > 1:
        raise invalid("All inputs of a batch must have the same idProperty")
    _refuse_repeated([required_text(item, "id") for item in inputs])

    def prepare(item: Body) -> Do:
        given, key, name = properties_of(item), required_text(item, "id"), text_or_none(item, "idProperty")
        place = call.records.find(store, key, name)
        if place is not None:
            values = call.records.revised(store, place, given)
            row = call.records.change(store, place, values)
        elif name is None or name == "hs_object_id":
            raise not_found("Object not found.  objectId are usually numeric.", ids=[key])
        else:
            row = call.records.create(store, call.records.drafted(store, {name: key, **given}))
        return lambda: {**written(call, store, row, given), "new": place is None}

    return _each(call, inputs, prepare, 200)


def read_batch(call: Call) -> Response:
    """`POST /objects/{type}/batch/read`: those that are not there are told together."""
    store = call.store()
    names = as_texts(call.body.get("properties"), "properties") or list(store.type.shown)
    history = as_texts(call.body.get("propertiesWithHistory"), "propertiesWithHistory")
    inputs, by = call.inputs(), text_or_none(call.body, "idProperty")
    if history and len(inputs) > _WITH_HISTORY:
        raise invalid(
            "The maximum number of inputs supported in a batch request for property histories is "
            f"{_WITH_HISTORY}. Please reduce the number of items and try again"
        )
    archived = call.flag("archived")
    if by:
        call.records.require_id(store, by)
    results: list[Body] = []
    missing: list[str] = []
    for key in dict.fromkeys(required_text(item, "id") for item in inputs):
        shown = (
            _archived(call, store, key, names) if archived else _live(call, store, key, by, names, history)
        )
        if shown is None:
            missing.append(key)
        else:
            results.append(shown)
    if not missing:
        return reply(batch(call, results))
    what = store.type.singular.upper()
    error = HubSpotError(
        404,
        "OBJECT_NOT_FOUND",
        f"Could not get some {what} objects, they may be deleted or not exist. Check that ids are valid.",
        context={"ids": missing},
    )
    return reply(batch(call, results, [error]), 207)


def archive_batch(call: Call) -> Response:
    """`POST /objects/{type}/batch/archive`; ids of nothing are passed over."""
    store = call.store(write=True)
    for item in call.inputs():
        place = store.table.place_of(required_text(item, "id"))
        if place is not None:
            call.records.archive(store, place)
    return nothing()


def batch(call: Call, results: Sequence[object], errors: Sequence[HubSpotError] = ()) -> Body:
    """The envelope of a batch."""
    now = iso(call.portal.now())
    told: Body = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        told |= {"numErrors": len(errors), "errors": [error.item() for error in errors]}
    return told


def _live(
    call: Call, store: Store, key: str, by: str | None, names: Sequence[str], history: Sequence[str]
) -> Body | None:
    place = call.records.find(store, key, by)
    return None if place is None else show(call, store, place, names, history, ())


def _archived(call: Call, store: Store, key: str, names: Sequence[str]) -> Body | None:
    gone = store.table.deleted_by_id(key)
    return None if gone is None else record(call.portal, store, gone.row, names, gone=gone)


def _all_or_each(call: Call, store: Store, prepare: Callable[[Body], Do], status: int) -> Response:
    """All inputs or none; each for itself if all carry a trace id."""
    inputs = call.inputs()
    if inputs and all(text_or_none(item, _TRACE) for item in inputs):
        return _each(call, inputs, prepare, status)
    _refuse_repeated([key for item in inputs if (key := text_or_none(item, "id")) is not None])
    for name in [name for name in store.properties if store.is_id(name)]:
        given = [text_or_none(properties_of(item), name) for item in inputs]
        _refuse_repeated([value.strip().lower() for value in given if value])
    ready = [prepare(item) for item in inputs]
    return reply(batch(call, [do() for do in ready]), status)


def _each(call: Call, inputs: Sequence[Body], prepare: Callable[[Body], Do], status: int) -> Response:
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in inputs:
        trace = text_or_none(item, _TRACE)
        try:
            told = prepare(item)()
        except HubSpotError as refusal:
            errors.append(_of_input(refusal, trace, text_or_none(item, "id")))
        else:
            results.append({**told, _TRACE: trace} if trace else told)
    return reply(batch(call, results, errors), 207 if errors else status)


def _of_input(refusal: HubSpotError, trace: str | None, key: str | None) -> HubSpotError:
    """A refusal that tells which input it is about."""
    context = {**({"ids": [key]} if key else {}), **(refusal.context or {})}
    if trace:
        context[_TRACE] = [trace]
    return HubSpotError(
        refusal.status, refusal.category, refusal.message, context=context, errors=refusal.errors
    )


def _refuse_repeated(keys: Sequence[str]) -> None:
    again = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
    if again is not None:
        raise invalid(f"Duplicate IDs found in batch input: [{again}]. IDs must be unique", ids=[again])


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    handlers = {
        "create": create_batch,
        "read": read_batch,
        "update": update_batch,
        "upsert": upsert_batch,
        "archive": archive_batch,
    }
    for version, prefix in (("v3", "/crm/v3/objects"), ("dated", "/crm/objects/{version}")):
        for name, handle in handlers.items():
            yield Endpoint("POST", f"{prefix}/{{type}}/batch/{name}", version, handle)
