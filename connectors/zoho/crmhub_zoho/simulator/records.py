"""Creating, changing and deleting records.

Source: Zoho CRM API v8, "Insert Records", "Update Records", "Upsert Records", "Delete Records".
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from crmhub.testing.simulator.table import Deleted, Row
from crmhub_zoho.simulator.channels import Change
from crmhub_zoho.simulator.drafts import checked, mandatory
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_id
from crmhub_zoho.simulator.guards import refuse_delete, refuse_update
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import CONVERTED, Module, Org, approval_state
from crmhub_zoho.simulator.stages import PIPELINE, PROBABILITY

Item = Mapping[str, object]


class Records:
    """The organisation's records, as far as writing goes; every method writes as the user `by` (an id)."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def insert(self, module: Module, item: Item, path: str, by: str) -> Details:
        """Create a record and give the details of its success; raises ZohoError."""
        changes = checked(self._org, module, item, path, None)
        return self.details(self.keep(module, changes, by))

    def keep(self, module: Module, values: Mapping[str, object], by: str) -> Row:
        """Create a record of values that are checked, and give its row."""
        now = self._org.clock.seconds()
        stamp = self._org.stamp(now)
        row: Row = {name: value for name, value in values.items() if value is not None}
        row = {"id": module.table.id_at(module.table.next_place)} | row
        row.setdefault("Owner", by)
        row |= {"Created_By": by, "Modified_By": by, "Created_Time": stamp, "Modified_Time": stamp}
        _derive(module, row, values, now=stamp)
        module.table.insert(row, now)
        if module.name in self._org.approval:
            self._org.pending.add(str(row["id"]))
        self._tell(module, "insert", str(row["id"]), values)
        return row

    def update(
        self, module: Module, item: Item, path: str, by: str, *, unmodified_since: datetime | None = None
    ) -> Details:
        """Change the record that `item` names by id and give the details of its success; raises ZohoError."""
        if item.get("id") is None:
            raise mandatory("id", path)
        place = _place(module, item["id"])
        current = module.table.row(place)
        if unmodified_since is not None:
            self._refuse_modified(module, place, current, unmodified_since)
        if current.get(CONVERTED) is True:
            details: Details = {"id": current["id"]}
            raise ZohoError(400, "CONVERTED_RECORD", "can't update the converted record", details)
        refuse_update(self._org, module, current, item, path)
        changes = checked(self._org, module, item, path, current)
        return self.details(self.change(module, place, changes, by))

    def change(self, module: Module, place: int, values: Mapping[str, object], by: str) -> Row:
        """Change values (None clears) that are checked, and give the row."""
        now = self._org.clock.seconds()
        current = module.table.row(place)
        row = {name: value for name, value in {**current, **values}.items() if value is not None}
        row |= {"Modified_By": by, "Modified_Time": self._org.stamp(now)}
        _derive(module, row, values, now=self._org.stamp(now))
        module.table.replace(place, row, now)
        self._tell(module, "update", str(row["id"]), values)
        return row

    def upsert(
        self, module: Module, item: Item, path: str, by: str, check_fields: Sequence[str]
    ) -> tuple[str, str | None, Details]:
        """Update the record that agrees in one of `check_fields`, else create one.

        Gives the action (`insert` or `update`), the field that agreed and the details; raises ZohoError.
        """
        if item.get("id") is not None:
            return "update", None, self.update(module, item, path, by)
        for name in check_fields:
            places = module.table.find(name, item.get(name))
            if places:
                named = {**item, "id": module.table.id_at(places[0])}
                return "update", name, self.update(module, named, path, by)
        return "insert", None, self.insert(module, item, path, by)

    def delete(self, module: Module, record_id: str, by: str) -> Details:
        """Move a record to the recycle bin; raises ZohoError."""
        place = module.table.place_of(record_id)
        if place is None:
            raise ZohoError(400, "INVALID_DATA", "record not deleted", {"id": record_id})
        refuse_delete(self._org, record_id)
        module.table.delete(place, self._org.clock.seconds(), by)
        self._tell(module, "delete", record_id, {})
        return {"id": record_id}

    def restore(self, module: Module, gone: Deleted, by: str) -> None:
        """Bring a record back from the recycle bin."""
        now = self._org.clock.seconds()
        module.table.restore(gone.place, now)
        self.change(module, gone.place, {}, by)

    def _tell(self, module: Module, operation: str, record_id: str, values: Mapping[str, object]) -> None:
        known = {name: value for name, value in values.items() if name in module.fields}
        change = Change(module.name, operation, record_id, known)
        self._org.outbox.extend(self._org.channels.messages(change))

    def _refuse_modified(self, module: Module, place: int, row: Row, since: datetime) -> None:
        changed = datetime.fromtimestamp(module.table.modified(place), UTC)
        if changed > since:
            raise ZohoError(
                412, "ALREADY_MODIFIED", "The record has been already modified", self.details(row)
            )

    def details(self, row: Row) -> Details:
        """What replies to writes tell of a record."""
        users = self._org.users
        created, modified = users.get(str(row["Created_By"])), users.get(str(row["Modified_By"]))
        return {
            "Modified_Time": row["Modified_Time"],
            "Modified_By": modified.short_reference() if modified else None,
            "Created_Time": row["Created_Time"],
            "id": row["id"],
            "Created_By": created.short_reference() if created else None,
            "$approval_state": approval_state(self._org, row),
        }


def _place(module: Module, given: object) -> int:
    record_id = as_record_id(given)
    place = None if record_id is None else module.table.place_of(record_id)
    if place is None:
        raise invalid_id(str(given))
    return place


def _derive(module: Module, row: Row, changes: Mapping[str, object], *, now: str) -> None:
    """Fill the fields that Zoho computes."""
    if "Full_Name" in module.fields:
        parts = (row.get("First_Name"), row.get("Last_Name"))
        row["Full_Name"] = " ".join(str(part) for part in parts if part)
    match module.name:
        case "Deals":
            _derive_deal(row, changes)
        case "Tasks":
            row.setdefault("Status", "Not Started")
            if row["Status"] != "Completed":
                row.pop("Closed_Time", None)
            else:
                row.setdefault("Closed_Time", now)
        case "Calls":
            minutes, _, seconds = str(row["Call_Duration"]).partition(":")
            row["Call_Duration_in_seconds"] = int(minutes) * 60 + int(seconds)
        case _:
            pass


def _derive_deal(row: Row, changes: Mapping[str, object]) -> None:
    row.setdefault("Pipeline", PIPELINE)
    if "Stage" in changes and changes.get("Probability") is None:
        row["Probability"] = PROBABILITY.get(str(row["Stage"]), 0)
    amount, chance = row.get("Amount"), row.get("Probability")
    if isinstance(amount, int | Decimal) and isinstance(chance, int):
        row["Expected_Revenue"] = (Decimal(amount) * chance / 100).normalize() + 0
    else:
        row.pop("Expected_Revenue", None)
