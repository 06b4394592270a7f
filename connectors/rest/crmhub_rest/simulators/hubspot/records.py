"""Writing records: create, update, archive, restore, merge.

Source: HubSpot's guides of the objects' APIs; errors as reported in the trackers of HubSpot's client
libraries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.errors import invalid, not_found
from crmhub_rest.simulators.hubspot.portal import Former, HistoryEntry, Portal, Store
from crmhub_rest.simulators.hubspot.rules import (
    assume,
    hold_stage,
    put_into_pipeline,
    refuse_missing,
    refuse_taken,
)
from crmhub_rest.simulators.hubspot.subscriptions import Event
from crmhub_rest.simulators.hubspot.times import iso
from crmhub_rest.simulators.hubspot.values import Values, checked

_MOST_HISTORY = 20


@dataclass(frozen=True)
class Draft:
    """A new record that may be: its values, and what it is to be associated with."""

    values: Values
    targets: Sequence[tuple[Store, str, Sequence[tuple[str, int]]]]


@dataclass(frozen=True)
class LinkInput:
    """An association that a new record is to have: the target's type is told by the kinds."""

    to: str
    kinds: Sequence[tuple[str, int]]


class Records:
    """All writes to the records of a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def place(self, store: Store, record_id: str, by: str | None = None) -> int:
        """The place of a live record named by its id, or by a unique property; raises HubSpotError."""
        place = self.find(store, record_id, by)
        if place is None:
            raise not_found("Object not found.  objectId are usually numeric.", ids=[record_id])
        return place

    def find(self, store: Store, record_id: str, by: str | None = None) -> int | None:
        """The place of a live record, or None; raises HubSpotError if `by` names no records."""
        if by and by != "hs_object_id":
            self.require_id(store, by)
            return next(iter(store.named(by, record_id)), None)
        return store.table.place_of(store.merged.get(record_id, record_id))

    def require_id(self, store: Store, by: str) -> None:
        """Raise HubSpotError unless records can be named by the property `by`."""
        if by not in store.properties:
            raise invalid(f"Property {by} does not exist", propertyName=[by])
        if not store.is_id(by):
            message = f"Property '{by}' is not a unique property of {store.type.singular.upper()}"
            raise invalid(message, propertyName=[by])

    def drafted(
        self,
        store: Store,
        given: Mapping[str, object],
        links: Sequence[LinkInput] = (),
        *,
        all_required: bool = False,
    ) -> Draft:
        """A new record, checked; raises HubSpotError."""
        values = checked(store.properties, given, self._portal.choices(store))
        assume(store, values)
        refuse_missing(store, values, all_required=all_required)
        put_into_pipeline(self._portal, store, values, {})
        refuse_taken(self._portal, store, values, None)
        return Draft(values, [self._target(store, link) for link in links])

    def create(self, store: Store, draft: Draft, source: str = "INTEGRATION") -> Row:
        """Keep a new record."""
        values = draft.values
        now = self._portal.now()
        place = store.table.next_place
        record_id = store.table.id_at(place)
        row: Row = {name: value for name, value in values.items() if value is not None}
        row |= {store.type.created: iso(now), store.type.modified: iso(now), "hs_object_id": record_id}
        self._derive(store, row, values, now)
        store.table.insert(row, now)
        self.note(store, place, None, now)
        self._keep(store, place, {name: str(row[name]) for name in values if name in row}, now, source)
        self.tell(store, record_id, "creation", now, source)
        self._tell_values(
            store, record_id, {name: value for name, value in values.items() if value}, now, source
        )
        for other, other_id, kinds in draft.targets:
            self.link(store, record_id, other, other_id, kinds, source)
        return row

    def revised(self, store: Store, place: int, given: Mapping[str, object]) -> Values:
        """New values of a live record, checked; raises HubSpotError."""
        current = store.table.row(place)
        values = checked(store.properties, given, self._portal.choices(store), current)
        hold_stage(store, values, current)
        put_into_pipeline(self._portal, store, values, current)
        refuse_taken(self._portal, store, values, place)
        return values

    def change(self, store: Store, place: int, values: Values, source: str = "INTEGRATION") -> Row:
        """Put checked values (None clears) into a live record and give the row.

        Nothing happens, and the time of change stays, where all values are what they were.
        """
        now = self._portal.now()
        current = store.table.row(place)
        changed = {name: value for name, value in values.items() if value != current.get(name)}
        if not changed:
            return current
        row: Row = {name: value for name, value in {**current, **changed}.items() if value is not None}
        row[store.type.modified] = iso(now)
        self._derive(store, row, changed, now)
        self.note(store, place, current, now)
        store.table.replace(place, row, now)
        self._keep(store, place, {name: value or "" for name, value in changed.items()}, now, source)
        self._tell_values(store, str(row["hs_object_id"]), changed, now, source)
        return row

    def archive(self, store: Store, place: int, source: str = "INTEGRATION") -> None:
        """Archive a live record."""
        now = self._portal.now()
        row = store.table.row(place)
        self.note(store, place, row, now)
        store.table.delete(place, now)
        store.version += 1
        self.tell(store, str(row["hs_object_id"]), "deletion", now, source)

    def link(
        self,
        store: Store,
        record_id: str,
        other: Store,
        other_id: str,
        kinds: Sequence[tuple[str, int]] = (),
        source: str = "INTEGRATION",
    ) -> list[str]:
        """Associate two live records and give the labels that hold now; raises HubSpotError.

        Neither record's time of change moves.
        """
        links = self._portal.links
        pair = (store.name, other.name)
        wanted = [links.kind(pair, number, category) for category, number in kinds]
        held = links.add((store.name, record_id), (other.name, other_id), wanted)
        self._tell_link(store, record_id, other, other_id, source, removed=False)
        return [kind.label for kind in held if kind.label]

    def unlink(
        self,
        store: Store,
        record_id: str,
        other: Store,
        other_id: str,
        kinds: Sequence[tuple[str, int]] | None = None,
        source: str = "INTEGRATION",
    ) -> None:
        """Take an association of live records away, or some kinds of it, if there is one; raises
        HubSpotError.
        """
        links = self._portal.links
        if self.find(store, record_id) is None or self.find(other, other_id) is None:
            return
        pair = (store.name, other.name)
        gone = None if kinds is None else [links.kind(pair, number, category) for category, number in kinds]
        links.remove((store.name, record_id), (other.name, other_id), gone)
        self._tell_link(store, record_id, other, other_id, source, removed=True)

    def _target(self, store: Store, link: LinkInput) -> tuple[Store, str, Sequence[tuple[str, int]]]:
        """The record that a new one is to be linked to: the type follows from the first kind."""
        for (one, other), kinds in self._portal.links.kinds.items():
            if one == store.name and any((kind.category, kind.number) == link.kinds[0] for kind in kinds):
                target = self._portal.stores[other]
                for category, number in link.kinds:
                    self._portal.links.kind((store.name, other), number, category)
                place = self.find(target, link.to)
                if place is None:
                    message = (
                        f"Association with {target.type.singular} {link.to} cannot be made: it does not exist"
                    )
                    raise not_found(message, ids=[link.to])
                return target, target.table.id_at(place), link.kinds
        category, number = link.kinds[0]
        raise invalid(f"Invalid association type: {category} {number} is not defined from {store.name}")

    def _derive(self, store: Store, row: Row, changed: Values, now: int) -> None:
        """Fill what HubSpot fills."""
        if store.name == "contacts":
            mail = str(row.get("email", ""))
            names = " ".join(str(row[name]) for name in ("firstname", "lastname") if row.get(name))
            _set(row, "hs_email_domain", mail.partition("@")[2])
            _set(row, "hs_full_name_or_email", names or mail)
        elif store.name == "tasks":
            done = row.get("hs_task_status") == "COMPLETED"
            held = row.get("hs_task_completion_date")
            _set(row, "hs_task_completion_date", str(held or iso(now)) if done else "")
        elif store.name == "deals" and "dealstage" in changed:
            found = self._portal.stage_of(store, row)
            if found is not None and found[1].closed:
                row.setdefault("closedate", iso(now))
        if changed.get("hubspot_owner_id"):
            row["hubspot_owner_assigneddate"] = iso(now)

    def note(self, store: Store, place: int, before: Row | None, now: int) -> None:
        """Count a change, and let search believe what was there before for a while."""
        store.version += 1
        lag = self._portal.index_lag
        if lag:
            known = store.former.get(place)
            held = known.row if known is not None and known.until > now else before
            store.former[place] = Former(held, now + lag)

    def _keep(self, store: Store, place: int, values: Mapping[str, str], now: int, source: str) -> None:
        history = store.history.setdefault(place, {})
        for name, value in values.items():
            entries = history.setdefault(name, [])
            entries.append(HistoryEntry(value, now, source))
            del entries[:-_MOST_HISTORY]

    def tell(
        self,
        store: Store,
        record_id: str,
        kind: str,
        now: int,
        source: str,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Let those who subscribed hear of what happened to a record."""
        event = Event(kind, store.type.singular, store.type.type_id, record_id, now, source, more=more or {})
        self._portal.tell([event])

    def _tell_values(self, store: Store, record_id: str, values: Values, now: int, source: str) -> None:
        singular, type_id = store.type.singular, store.type.type_id
        self._portal.tell(
            [
                Event("propertyChange", singular, type_id, record_id, now, source, name, value)
                for name, value in values.items()
            ]
        )

    def _tell_link(
        self, store: Store, record_id: str, other: Store, other_id: str, source: str, *, removed: bool
    ) -> None:
        now = self._portal.now()
        for one, one_id, to, to_id in (
            (store, record_id, other, other_id),
            (other, other_id, store, record_id),
        ):
            more = {
                "associationType": f"{one.type.singular}_to_{to.type.singular}".upper(),
                "fromObjectId": int(one_id),
                "toObjectId": int(to_id),
                "associationRemoved": removed,
                "isPrimaryAssociation": False,
            }
            self.tell(one, one_id, "associationChange", now, source, more)


def _set(row: Row, name: str, value: str) -> None:
    if value:
        row[name] = value
    else:
        row.pop(name, None)
