"""Associations in the older version, whose types have names.

Source: HubSpot "CRM API | Associations v3".
"""

from collections.abc import Iterator

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import Body, Call, Endpoint, nothing, reply, required_text
from crmhub_rest.simulators.hubspot.catalog.associations import Kind
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.resources.associations import MOST_READ, MOST_WRITTEN, end_of, live_id
from crmhub_rest.simulators.hubspot.resources.batches import batch
from crmhub_rest.simulators.hubspot.resources.objects import show

_SHOWN = 100


def read_v3(call: Call) -> Response:
    """`POST /crm/v3/associations/{type}/{to}/batch/read`."""
    store, other = call.store(), call.store("to")
    results: list[Body] = []
    for item in call.inputs(MOST_READ):
        key = required_text(item, "id")
        linked = call.portal.links.of((store.name, key), other.name)
        if linked and call.records.find(store, key) is not None:
            to = [
                {"id": one, "type": kind.name} for one, kinds in linked[:_SHOWN] for kind in reversed(kinds)
            ]
            results.append({"from": {"id": key}, "to": to})
    return reply(batch(call, results))


def create_v3(call: Call) -> Response:
    """`POST /crm/v3/associations/{type}/{to}/batch/create`: types by their names."""
    store, other = call.store(write=True), call.store("to", write=True)
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs(MOST_WRITTEN):
        try:
            kind = _named(call, store, other, required_text(item, "type"))
            one, two = live_id(call, store, end_of(item, "from")), live_id(call, other, end_of(item, "to"))
            call.records.link(store, one, other, two, [(kind.category, kind.number)])
        except HubSpotError as refusal:
            errors.append(refusal)
        else:
            results.append({"from": {"id": one}, "to": {"id": two}, "type": kind.name})
    return reply(batch(call, results, errors), 207 if errors else 201)


def archive_v3(call: Call) -> Response:
    """`POST /crm/v3/associations/{type}/{to}/batch/archive`."""
    store, other = call.store(write=True), call.store("to", write=True)
    for item in call.inputs(MOST_WRITTEN):
        call.records.unlink(store, end_of(item, "from"), other, end_of(item, "to"))
    return nothing()


def of_record(call: Call) -> Response:
    """`GET /crm/v3/objects/{type}/{id}/associations/{to}`."""
    store, other = call.store(), call.store("to")
    linked = call.portal.links.of((store.name, live_id(call, store, call.path["id"])), other.name)
    return reply(
        {"results": [{"id": one, "type": kind.name} for one, kinds in linked for kind in reversed(kinds)]}
    )


def put_one(call: Call) -> Response:
    """`PUT /crm/v3/objects/{type}/{id}/associations/{to}/{to_id}/{kind}`: the reply is the record."""
    store, other, kind = _ends(call)
    one, two = live_id(call, store, call.path["id"]), live_id(call, other, call.path["to_id"])
    call.records.link(store, one, other, two, [(kind.category, kind.number)])
    place = call.records.place(store, one)
    return reply(show(call, store, place, store.type.shown, (), [other]))


def remove_one(call: Call) -> Response:
    """`DELETE /crm/v3/objects/{type}/{id}/associations/{to}/{to_id}/{kind}`."""
    store, other, kind = _ends(call)
    kinds = [(kind.category, kind.number)]
    call.records.unlink(store, call.path["id"], other, call.path["to_id"], kinds)
    return nothing()


def _ends(call: Call) -> tuple[Store, Store, Kind]:
    store, other = call.store(write=True), call.store("to", write=True)
    return store, other, _named(call, store, other, call.path["kind"])


def _named(call: Call, store: Store, other: Store, name: str) -> Kind:
    kinds = call.portal.links.kinds_of((store.name, other.name))
    kind = next((one for one in kinds if name in {one.name, str(one.number)}), None)
    if kind is None:
        raise invalid(f"{name} is not a valid association type between {store.name} and {other.name}")
    return kind


def endpoints() -> Iterator[Endpoint]:
    """The routes."""
    one = "/crm/v3/objects/{type}/{id}/associations/{to}"
    yield Endpoint("GET", one, "v3", of_record)
    yield Endpoint("PUT", f"{one}/{{to_id}}/{{kind}}", "v3", put_one)
    yield Endpoint("DELETE", f"{one}/{{to_id}}/{{kind}}", "v3", remove_one)
    pair = "/crm/v3/associations/{type}/{to}/batch"
    yield Endpoint("POST", f"{pair}/read", "v3", read_v3)
    yield Endpoint("POST", f"{pair}/create", "v3", create_v3)
    yield Endpoint("POST", f"{pair}/archive", "v3", archive_v3)
