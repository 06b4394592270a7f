"""Associations: of one record, in batches, and the labels that there are.

Source: HubSpot "CRM API | Associations v4" and "v3"; a batch reads up to 1,000 records and writes up to 2,000
associations; a page of one record's associations has up to 500.
"""

from base64 import urlsafe_b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Iterator, Sequence

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_object,
    nothing,
    objects_of,
    page_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.catalog.associations import USER_DEFINED, Kind
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, not_found
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.rendering import link_token
from crmhub_rest.simulators.hubspot.resources.batches import batch
from crmhub_rest.simulators.hubspot.resources.objects import spec

MOST_READ = 1_000
MOST_WRITTEN = 2_000
MOST_SHOWN = 500

Linked = Sequence[tuple[str, list[Kind]]]


def of_record(call: Call) -> Response:
    """`GET /objects/{type}/{id}/associations/{to}`."""
    store, other = call.store(), call.store("to")
    record_id = live_id(call, store, call.path["id"])
    limit = call.number("limit", MOST_SHOWN, MOST_SHOWN)
    linked = call.portal.links.of((store.name, record_id), other.name)
    page, after = _page(other, linked, call.params.get("after"), limit)
    next_page = {"after": after, "link": call.link(after)} if after else None
    return reply(page_of([_shown(one) for one in page], next_page))


def put_labels(call: Call) -> Response:
    """`PUT /objects/{type}/{id}/associations/{to}/{to_id}`: the body lists the types."""
    store, record_id, other, other_id = _ends(call)
    kinds = [spec(one) for one in objects_of({"types": call.json}, "types")]
    labels = call.records.link(store, record_id, other, other_id, kinds)
    return reply(_labels_between(store, record_id, other, other_id, labels), 201)


def put_default(call: Call) -> Response:
    """`PUT /objects/{type}/{id}/associations/default/{to}/{to_id}`."""
    store, record_id, other, other_id = _ends(call)
    call.records.link(store, record_id, other, other_id)
    return reply(batch(call, _defaults(call, store, record_id, other, other_id)))


def remove_all(call: Call) -> Response:
    """`DELETE /objects/{type}/{id}/associations/{to}/{to_id}`."""
    store, record_id, other, other_id = _ends(call)
    call.records.unlink(store, record_id, other, other_id)
    return nothing()


def read_batch(call: Call) -> Response:
    """`POST /associations/{type}/{to}/batch/read`: records without associations are told as errors."""
    store, other = call.store(), call.store("to")
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs(MOST_READ):
        key = required_text(item, "id")
        record_id = call.records.find(store, key)
        linked = [] if record_id is None else call.portal.links.of((store.name, key), other.name)
        if not linked:
            errors.append(_nothing_linked(store, other, key))
            continue
        page, after = _page(other, linked, text_or_none(item, "after"), MOST_SHOWN)
        told: Body = {"from": {"id": key}, "to": [_shown(one) for one in page]}
        if after:
            path = f"/crm/v4/objects/{store.type.type_id}/{key}/associations/{other.type.type_id}"
            told["paging"] = {"next": {"after": after, "link": f"{call.base_url}{path}?after={after}"}}
        results.append(told)
    return reply(batch(call, results, errors), 207 if errors else 200)


def create_batch(call: Call) -> Response:
    """`POST /associations/{type}/{to}/batch/create`."""
    return _each(call, 201, lambda item: [spec(one) for one in objects_of(item, "types")])


def create_defaults(call: Call) -> Response:
    """`POST /associations/{type}/{to}/batch/associate/default`."""
    store, other = call.store(write=True), call.store("to", write=True)
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs(MOST_WRITTEN):
        try:
            one, two = live_id(call, store, end_of(item, "from")), live_id(call, other, end_of(item, "to"))
            call.records.link(store, one, other, two)
        except HubSpotError as refusal:
            errors.append(refusal)
        else:
            results += _defaults(call, store, one, other, two)
    return reply(batch(call, results, errors))


def archive_batch(call: Call) -> Response:
    """`POST /associations/{type}/{to}/batch/archive`: all that is between the records."""
    store, other = call.store(write=True), call.store("to", write=True)
    for item in call.inputs(MOST_WRITTEN):
        one = end_of(item, "from")
        for target in objects_of(item, "to"):
            call.records.unlink(store, one, other, required_text(target, "id"))
    return nothing() if call.legacy else reply(batch(call, []))


def archive_labels(call: Call) -> Response:
    """`POST /associations/{type}/{to}/batch/labels/archive`: some types of what is between the records."""
    store, other = call.store(write=True), call.store("to", write=True)
    for item in call.inputs(MOST_WRITTEN):
        kinds = [spec(one) for one in objects_of(item, "types")]
        call.records.unlink(store, end_of(item, "from"), other, end_of(item, "to"), kinds)
    return nothing() if call.legacy else reply(batch(call, []))


def labels(call: Call) -> Response:
    """`GET /associations/{type}/{to}/labels`."""
    store, other = call.store(), call.store("to")
    return reply({"results": [kind.spec() for kind in call.portal.links.kinds_of((store.name, other.name))]})


def create_label(call: Call) -> Response:
    """`POST /associations/{type}/{to}/labels`."""
    store, other = call.store(write=True), call.store("to", write=True)
    name, label = required_text(call.body, "name"), required_text(call.body, "label")
    pair = (store.name, other.name)
    if any(kind.name == name or kind.label == label for kind in call.portal.links.kinds_of(pair)):
        raise invalid(f"An association label named {name} exists already")
    made = call.portal.links.define(pair, name, label, text_or_none(call.body, "inverseLabel"))
    return reply({"results": [kind.spec() for kind in made]})


def change_label(call: Call) -> Response:
    """`PUT /associations/{type}/{to}/labels`: another name for one of the portal's own."""
    store, other = call.store(write=True), call.store("to", write=True)
    number = call.body.get("associationTypeId")
    inverse = text_or_none(call.body, "inverseLabel")
    pair = (store.name, other.name)
    call.portal.links.rename(pair, _own_label(call, pair, number), required_text(call.body, "label"), inverse)
    return nothing()


def delete_label(call: Call) -> Response:
    """`DELETE /associations/{type}/{to}/labels/{label}`."""
    store, other = call.store(write=True), call.store("to", write=True)
    pair, text = (store.name, other.name), call.path["label"]
    call.portal.links.forget(pair, _own_label(call, pair, int(text) if text.isdigit() else text))
    return nothing()


def _own_label(call: Call, pair: tuple[str, str], number: object) -> Kind:
    return call.portal.links.kind(pair, number, USER_DEFINED)


def _each(call: Call, status: int, kinds_of: Callable[[Body], list[tuple[str, int]]]) -> Response:
    store, other = call.store(write=True), call.store("to", write=True)
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs(MOST_WRITTEN):
        try:
            one, two = live_id(call, store, end_of(item, "from")), live_id(call, other, end_of(item, "to"))
            held = call.records.link(store, one, other, two, kinds_of(item))
        except HubSpotError as refusal:
            errors.append(refusal)
        else:
            results.append(_labels_between(store, one, other, two, held))
    return reply(batch(call, results, errors), 207 if errors else status)


def _nothing_linked(store: Store, other: Store, key: str) -> HubSpotError:
    return HubSpotError(
        404,
        "OBJECT_NOT_FOUND",
        f"No {other.type.singular} is associated with {store.type.singular} {key}.",
        sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
        context={
            "fromObjectId": [key],
            "fromObjectType": [store.type.singular],
            "toObjectType": [other.type.singular],
        },
    )


def _shown(one: tuple[str, list[Kind]]) -> Body:
    return {"toObjectId": one[0], "associationTypes": [kind.spec() for kind in reversed(one[1])]}


def _page(other: Store, linked: Linked, after: str | None, limit: int) -> tuple[Linked, str | None]:
    """A page of associations after a token, and the token of what follows it."""
    if after:
        last = _read_token(after)
        linked = [one for one in linked if int(one[0]) > last]
    page = linked[:limit]
    return page, link_token(other, page[-1][0]) if len(linked) > limit else None


def _read_token(text: str) -> int:
    try:
        plain = urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)).decode()
        return int(plain.rpartition("-")[2])
    except (BadBase64, ValueError):
        raise invalid(f"Invalid value for after: {text}") from None


def end_of(item: Body, name: str) -> str:
    """The id of one end of an association in a body; raises HubSpotError."""
    return required_text(as_object(item.get(name) or {}), "id")


def live_id(call: Call, store: Store, key: str) -> str:
    """The id of a live record that is named in a call; raises HubSpotError."""
    return store.table.id_at(call.records.place(store, key))


def _ends(call: Call) -> tuple[Store, str, Store, str]:
    store, other = call.store(write=True), call.store("to", write=True)
    if call.portal.links.kinds.get((store.name, other.name)) is None:
        raise not_found(f"{store.name} cannot be associated with {other.name}")
    return store, live_id(call, store, call.path["id"]), other, live_id(call, other, call.path["to_id"])


def _labels_between(store: Store, one: str, other: Store, two: str, held: Sequence[str]) -> Body:
    return {
        "fromObjectTypeId": store.type.type_id,
        "fromObjectId": one,
        "toObjectTypeId": other.type.type_id,
        "toObjectId": two,
        "labels": list(held),
    }


def _defaults(call: Call, store: Store, one: str, other: Store, two: str) -> list[Body]:
    kind = call.portal.links.kinds_of((store.name, other.name))[0]
    ends = ((one, two, kind.number), (two, one, kind.opposite))
    return [
        {
            "from": {"id": start},
            "to": {"id": end},
            "associationSpec": {"associationCategory": kind.category, "associationTypeId": number},
        }
        for start, end, number in ends
    ]


def endpoints() -> Iterator[Endpoint]:
    """The routes of all forms of paths."""
    forms = (
        ("v4", "/crm/v4/objects", "/crm/v4/associations"),
        ("dated", "/crm/objects/{version}", "/crm/associations/{version}"),
    )
    for version, objects, links in forms:
        one = f"{objects}/{{type}}/{{id}}/associations"
        yield Endpoint("PUT", f"{one}/default/{{to}}/{{to_id}}", version, put_default)
        yield Endpoint("GET", f"{one}/{{to}}", version, of_record)
        yield Endpoint("PUT", f"{one}/{{to}}/{{to_id}}", version, put_labels)
        yield Endpoint("DELETE", f"{one}/{{to}}/{{to_id}}", version, remove_all)
        pair = f"{links}/{{type}}/{{to}}"
        yield Endpoint("POST", f"{pair}/batch/read", version, read_batch)
        yield Endpoint("POST", f"{pair}/batch/create", version, create_batch)
        yield Endpoint("POST", f"{pair}/batch/archive", version, archive_batch)
        yield Endpoint("POST", f"{pair}/batch/associate/default", version, create_defaults)
        yield Endpoint("POST", f"{pair}/batch/labels/archive", version, archive_labels)
        yield Endpoint("GET", f"{pair}/labels", version, labels)
        yield Endpoint("POST", f"{pair}/labels", version, create_label)
        yield Endpoint("PUT", f"{pair}/labels", version, change_label)
        yield Endpoint("DELETE", f"{pair}/labels/{{label}}", version, delete_label)
