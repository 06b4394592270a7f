"""Lists of records, and one record: read, create, update, archive, merge.

Source: HubSpot "CRM API | Objects" and the guides of each object.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from starlette.responses import Response

from crmhub.testing.simulator.table import Deleted, Row
from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_object,
    nothing,
    objects_of,
    page_of,
    properties_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.errors import invalid, missing_fields, not_found
from crmhub_rest.simulators.hubspot.lives import merge
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.records import Draft, LinkInput
from crmhub_rest.simulators.hubspot.rendering import associations, record

MOST = 100
MOST_WITH_HISTORY = 50
_DEFAULT = 10
_MOST_DIGITS = 20


def list_records(call: Call) -> Response:
    """`GET /objects/{type}`: a page in the order of ids; `after` is the id that the next page begins with."""
    store = call.store()
    names, history, others = selection(call, store)
    limit = call.number("limit", _DEFAULT, MOST_WITH_HISTORY if history else MOST)
    archived = call.flag("archived")
    call.portal.purge(store)
    first = _first(call, store)
    window = list(islice(_places(store, first, archived=archived), limit + 1))
    page = window[:limit]
    results = [show(call, store, place, names, history, others) for place in page]
    next_page: Body | None = None
    if len(window) > limit:
        after = store.table.id_at(page[0] if call.fault("loop_token") else window[limit])
        next_page = {"after": after, "link": call.link(after)}
    return reply(page_of(struck(call, store, results), next_page))


def get_record(call: Call) -> Response:
    """`GET /objects/{type}/{id}`."""
    store = call.store()
    names, history, others = selection(call, store)
    record_id, by = call.path["id"], call.params.get("idProperty")
    if call.flag("archived"):
        gone = store.table.deleted_by_id(record_id)
        if gone is None:
            raise not_found(ids=[record_id])
        return reply(record(call.portal, store, gone.row, names, gone=gone, history=history))
    place = call.records.find(store, record_id, by)
    if place is None:
        raise not_found(ids=[record_id])
    return reply(show(call, store, place, names, history, others))


def create_record(call: Call) -> Response:
    """`POST /objects/{type}`."""
    store = call.store(write=True)
    row = call.records.create(store, draft(call, store, call.body))
    return reply(written(call, store, row, properties_of(call.body)), 201)


def update_record(call: Call) -> Response:
    """`PATCH /objects/{type}/{id}`."""
    store = call.store(write=True)
    given = properties_of(call.body)
    if not given:
        raise invalid("No properties found to update, please provide at least one.")
    place = call.records.place(store, call.path["id"], call.params.get("idProperty"))
    row = call.records.change(store, place, call.records.revised(store, place, given))
    return reply(written(call, store, row, given))


def archive_record(call: Call) -> Response:
    """`DELETE /objects/{type}/{id}`; what is archived already stays so."""
    store = call.store(write=True)
    record_id = call.path["id"]
    if store.table.deleted_by_id(record_id) is None:
        call.records.archive(store, call.records.place(store, record_id))
    return nothing()


def merge_records(call: Call) -> Response:
    """`POST /objects/{type}/merge`."""
    store = call.store(write=True)
    if not store.type.merges:
        raise invalid(f"{store.type.name} cannot be merged")
    primary, other = (required_text(call.body, name) for name in ("primaryObjectId", "objectIdToMerge"))
    row = merge(call.portal, store, primary, other)
    return reply(record(call.portal, store, row, list(store.properties)))


def delete_for_privacy(call: Call) -> Response:
    """`POST /objects/contacts/gdpr-delete`: the contact is gone at once and for good."""
    store = call.store(write=True)
    if store.name != "contacts":
        raise invalid("Only contacts can be deleted for privacy")
    place = call.records.place(
        store, required_text(call.body, "objectId"), text_or_none(call.body, "idProperty")
    )
    record_id = store.table.id_at(place)
    call.records.archive(store, place)
    store.table.purge(place)
    call.records.tell(store, record_id, "privacyDeletion", call.portal.now(), "INTEGRATION")
    return nothing()


def draft(call: Call, store: Store, item: Body) -> Draft:
    """The record that an input of a create call describes; raises HubSpotError."""
    links = [_link(one) for one in objects_of(item, "associations")]
    dated_rules = not call.legacy and call.version >= "2026-09"
    return call.records.drafted(store, properties_of(item), links, all_required=dated_rules)


def _link(item: Body) -> LinkInput:
    target = as_object(item.get("to") or {})
    kinds = [spec(one) for one in objects_of(item, "types")]
    if not kinds:
        raise missing_fields("types")
    return LinkInput(required_text(target, "id"), kinds)


def spec(item: Body) -> tuple[str, int]:
    """The category and number of an association type in a body; raises HubSpotError.

    The dated versions take HubSpot's own types without their category.
    """
    number = item.get("associationTypeId")
    if not isinstance(number, int):
        raise missing_fields("associationTypeId")
    return str(item.get("associationCategory") or "HUBSPOT_DEFINED"), number


def written(call: Call, store: Store, row: Row, given: Body) -> Body:
    """A record as replies to writes show it: what was written, and what HubSpot keeps."""
    kept = [name for name in row if store.properties.get(name) and store.properties[name].read_only]
    return record(call.portal, store, row, [*(name.lower() for name in given), *kept])


def selection(call: Call, store: Store) -> tuple[Sequence[str], Sequence[str], list[Store]]:
    """Which properties, properties with history and associated types a call asks for; raises HubSpotError."""
    names = call.names("properties") or list(store.type.shown)
    others: list[Store] = []
    for name in call.names("associations"):
        other = call.portal.store(name)
        if other is None:
            raise invalid(f"Unable to infer object type from: {name}")
        others.append(other)
    return names, call.names("propertiesWithHistory"), others


def show(
    call: Call,
    store: Store,
    place: int,
    names: Sequence[str],
    history: Sequence[str],
    others: Sequence[Store],
) -> Body:
    """The record at `place`, live or archived, with the associations that were asked for."""
    if not store.table.is_live(place):
        gone = store.table.deleted_by_id(store.table.id_at(place))
        return record(call.portal, store, _row(gone), names, gone=gone, history=history)
    row = store.table.row(place)
    shown = record(call.portal, store, row, names, history=history)
    linked = associations(call.portal, store, row, others, call.base_url) if others else {}
    return {**shown, "associations": linked} if linked else shown


def struck(call: Call, store: Store, results: list[Body]) -> list[Body]:
    """The records, unless a data fault strikes them."""
    if results and call.fault("duplicate_ids"):
        results = [results[0], *results]
    if call.fault("no_cursor_field"):
        hidden = store.type.modified
        for one in results:
            one["properties"] = {
                name: value for name, value in as_object(one["properties"]).items() if name != hidden
            }
            one.pop("updatedAt", None)
    return results


def _row(gone: Deleted | None) -> Row:
    if gone is None:
        raise not_found()
    return gone.row


def _first(call: Call, store: Store) -> int:
    """The place where the page begins: any number will do, whether or not a record has it."""
    after = call.params.get("after")
    if not after:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < _MOST_DIGITS):
        raise invalid(f"Invalid value for after: {after}")
    return min(max(int(after) - store.ids.first, 0), store.table.next_place)


def _places(store: Store, first: int, *, archived: bool) -> Iterator[int]:
    if archived:
        return iter(sorted(gone.place for gone in store.table.deleted() if gone.place >= first))
    return store.table.places(after=first - 1)


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    for version, prefix in (("v3", "/crm/v3/objects"), ("dated", "/crm/objects/{version}")):
        yield Endpoint("POST", f"{prefix}/{{type}}/merge", version, merge_records)
        yield Endpoint("POST", f"{prefix}/{{type}}/gdpr-delete", version, delete_for_privacy)
        yield Endpoint("GET", f"{prefix}/{{type}}", version, list_records)
        yield Endpoint("POST", f"{prefix}/{{type}}", version, create_record)
        yield Endpoint("GET", f"{prefix}/{{type}}/{{id}}", version, get_record)
        yield Endpoint("PATCH", f"{prefix}/{{type}}/{{id}}", version, update_record)
        yield Endpoint("DELETE", f"{prefix}/{{type}}/{{id}}", version, archive_record)
