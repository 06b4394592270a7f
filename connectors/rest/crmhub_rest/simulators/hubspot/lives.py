"""What people do to records beyond writing them: merge them, bring archived ones back.

Source: HubSpot "Merge records": the result is a new record that knows the ids of those it was made from; the
API finds it by their ids too.
"""

from crmhub.testing.simulator.table import Deleted, Row
from crmhub_rest.simulators.hubspot.errors import invalid
from crmhub_rest.simulators.hubspot.portal import MORE_ADDRESSES, Portal, Store
from crmhub_rest.simulators.hubspot.records import Records
from crmhub_rest.simulators.hubspot.times import iso


def restore(portal: Portal, store: Store, gone: Deleted, source: str = "CRM_UI") -> None:
    """Bring an archived record back, as people do in HubSpot."""
    records, now = Records(portal), portal.now()
    store.table.restore(gone.place, now)
    row = {**gone.row, store.type.modified: iso(now)}
    store.table.replace(gone.place, row, now)
    records.note(store, gone.place, None, now)
    records.tell(store, str(row["hs_object_id"]), "restore", now, source)


def merge(portal: Portal, store: Store, primary: str, other: str, source: str = "INTEGRATION") -> Row:
    """Merge a record into another; raises HubSpotError. The primary record's values win."""
    if primary == other:
        raise invalid("Cannot merge an object with itself", ids=[primary])
    records = Records(portal)
    first, second = records.place(store, primary), records.place(store, other)
    winner, loser = store.table.row(first), store.table.row(second)
    now = portal.now()
    merged = [*str(winner.get("hs_merged_object_ids", "")).split(";"), primary, other]
    row: Row = {**loser, **winner}
    row["hs_merged_object_ids"] = ";".join(dict.fromkeys(one for one in merged if one))
    mails = [
        *str(winner.get(MORE_ADDRESSES, "")).split(";"),
        str(loser.get("email", "")),
        *str(loser.get(MORE_ADDRESSES, "")).split(";"),
    ]
    further = [one for one in dict.fromkeys(mails) if one and one != row.get("email")]
    if store.name == "contacts" and further:
        row[MORE_ADDRESSES] = ";".join(further)
    row[store.type.modified] = iso(now)
    place = store.table.next_place if portal.merge_makes_new else first
    record_id = store.table.id_at(place)
    row["hs_object_id"] = record_id
    store.addresses |= dict.fromkeys(further, record_id)
    for gone in (first, second):
        if gone != place:
            records.note(store, gone, store.table.row(gone), now)
            store.table.delete(gone, now)
            store.table.purge(gone)
            store.merged[store.table.id_at(gone)] = record_id
    if place == first:
        store.table.replace(place, row, now)
    else:
        store.table.insert(row, now)
    records.note(store, place, winner if place == first else None, now)
    for one in (primary, other):
        if one != record_id:
            portal.links.move((store.name, one), (store.name, record_id), primary=one == primary)
    store.merged = {old: record_id if new in {primary, other} else new for old, new in store.merged.items()}
    more = {
        "primaryObjectId": int(primary),
        "mergedObjectIds": [int(other)],
        "newObjectId": int(record_id),
        "numberOfPropertiesMoved": 0,
    }
    records.tell(store, record_id, "merge", now, source, more)
    return row
