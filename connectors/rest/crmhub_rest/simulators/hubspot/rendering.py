"""Records as the API shows them."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence

from crmhub.testing.simulator.table import Deleted, Row
from crmhub_rest.simulators.hubspot.pipelines import Stage
from crmhub_rest.simulators.hubspot.portal import HistoryEntry, Portal, Store
from crmhub_rest.simulators.hubspot.times import iso, milliseconds

INLINE = 100
"""Associations of one type that are shown with a record."""
_COUNTED = {"num_associated_contacts": "contacts", "num_associated_deals": "deals"}
_OF_STAGE = frozenset(
    {
        "hs_is_closed",
        "hs_is_closed_won",
        "hs_is_closed_lost",
        "hs_closed_amount",
        "hs_deal_stage_probability",
    }
)


def properties(portal: Portal, store: Store, row: Row, names: Iterable[str]) -> dict[str, object]:
    """The values of properties: null where there is none, nothing at all for names that are unknown."""
    wanted = dict.fromkeys((*names, *store.type.always))
    values: dict[str, object] = {}
    for name in wanted:
        one = store.properties.get(name)
        if one is not None and not one.archived:
            values[name] = value(portal, store, row, name)
    return values


def value(portal: Portal, store: Store, row: Row, name: str) -> object:
    """The present value of a property, computed where HubSpot computes it."""
    if name == "associatedcompanyid" and store.name == "contacts":
        linked = portal.links.of(("contacts", str(row["hs_object_id"])), "companies")
        return next((other for other, kinds in linked if any(kind.alone for kind in kinds)), None)
    if name in _COUNTED:
        return str(len(portal.links.of((store.name, str(row["hs_object_id"])), _COUNTED[name])))
    if store.name == "deals" and name in _OF_STAGE:
        found = portal.stage_of(store, row)
        return None if found is None else _of_stage(found[1], row, name)
    if name == "amount_in_home_currency":
        return row.get("amount")
    return row.get(name)


def _of_stage(stage: Stage, row: Row, name: str) -> object:
    match name:
        case "hs_deal_stage_probability":
            return stage.metadata.get("probability")
        case "hs_closed_amount":
            return row.get("amount") if stage.won else "0"
        case "hs_is_closed_lost":
            return str(stage.closed and not stage.won).lower()
        case _:
            return str(stage.closed if name == "hs_is_closed" else stage.won).lower()


def record(
    portal: Portal,
    store: Store,
    row: Row,
    names: Iterable[str],
    *,
    gone: Deleted | None = None,
    history: Sequence[str] = (),
) -> dict[str, object]:
    """One record with the values of `names`; `gone` if it is archived."""
    shown: dict[str, object] = {
        "id": row["hs_object_id"],
        "properties": properties(portal, store, row, (*names, *history)),
        "createdAt": row[store.type.created],
        "updatedAt": row[store.type.modified],
        "archived": gone is not None,
    }
    if gone is not None:
        shown["archivedAt"] = iso(gone.at)
    if history:
        shown["propertiesWithHistory"] = {
            name: [_entry(one) for one in past(store, row, name)]
            for name in history
            if name in store.properties
        }
    return shown


def past(store: Store, row: Row, name: str) -> list[HistoryEntry]:
    """The values that a property had, the newest first."""
    place = store.ids.place_of(str(row["hs_object_id"]))
    kept = store.history.get(-1 if place is None else place, {}).get(name)
    if kept:
        return list(reversed(kept))
    held = row.get(name)
    since = milliseconds(str(row[store.type.created])) or 0
    return [HistoryEntry(str(held), since, "IMPORT")] if held is not None else []


def _entry(one: HistoryEntry) -> dict[str, object]:
    return {"value": one.value, "timestamp": iso(one.at), "sourceType": one.source}


def associations(
    portal: Portal, store: Store, row: Row, others: Iterable[Store], base: str
) -> dict[str, object]:
    """The associations that are shown with a record: at most 100 of a type, and where the next ones are.

    A record that is linked by several kinds is there once for each of them.
    """
    record_id = str(row["hs_object_id"])
    shown: dict[str, object] = {}
    for other in others:
        linked = portal.links.of((store.name, record_id), other.name)
        if not linked:
            continue
        page = linked[:INLINE]
        results = [{"id": one, "type": kind.name} for one, kinds in page for kind in reversed(kinds)]
        shown[other.name] = {"results": results}
        if len(linked) > INLINE:
            after = link_token(other, page[-1][0])
            link = f"{base}/crm/v4/objects/{store.name}/{record_id}/associations/{other.name}?after={after}"
            shown[other.name] = {"results": results, "paging": {"next": {"after": after, "link": link}}}
    return shown


def link_token(store: Store, record_id: str) -> str:
    """Where the next page of associations begins: after this record."""
    return urlsafe_b64encode(f"0-{store.type.type_id}-{record_id}".encode()).decode().rstrip("=")


def full_record(portal: Portal, store: Store, row: Row, gone: Deleted | None = None) -> dict[str, object]:
    """A record with all values that it has and all its associations."""
    present = [name for name in store.properties if value(portal, store, row, name) is not None]
    shown = record(portal, store, row, present, gone=gone)
    record_id = str(row["hs_object_id"])
    linked: dict[str, object] = {}
    for other in portal.links.others(store.name):
        results = [
            {"id": one, "type": kind.name}
            for one, kinds in portal.links.of((store.name, record_id), other)
            for kind in reversed(kinds)
        ]
        if results:
            linked[other] = {"results": results}
    return {**shown, "associations": linked} if linked else shown
