"""What hangs on GoHighLevel's contacts: tasks, notes and appointments, found only by the contact too."""

from __future__ import annotations

import pytest

from crmhub.connector import Missing, WriteItem
from tests.integration.gohighlevel.conftest import Place

pytestmark = pytest.mark.anyio


@pytest.fixture
async def contact(place: Place) -> str:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    return id_


@pytest.mark.parametrize(
    ("object", "fields", "change"),
    [
        ("tasks", {"title": "Call", "dueDate": "2026-12-01T00:00:00.000Z"}, {"progress": "completed"}),
        ("notes", {"body": "Said yes."}, {"body": "Said no."}),
    ],
)
async def test_they_are_written_read_and_deleted_by_both_ids(
    place: Place, contact: str, object: str, fields: dict[str, str], change: dict[str, str]
) -> None:
    (made,) = await place.write(object, "create", WriteItem({**fields, "contactId": contact}))
    assert made.status == "created"
    assert str(made.id).startswith(f"{contact}/")
    (outcome,) = await place.write(object, "update", WriteItem(dict(change), id=made.id))
    assert outcome.ok
    names = [*fields, *change, "contactId"]
    (row,) = await place.connector.get(object, [str(made.id)], names)
    assert not isinstance(row, Missing)
    assert row == {**row, **fields, **change, "contactId": contact, "id": made.id}
    rows, _ = await place.read(object, *names)
    assert rows == {made.id: row}
    (outcome,) = await place.write(object, "delete", WriteItem(id=made.id))
    assert outcome.status == "deleted"
    (gone,) = await place.connector.get(object, [str(made.id)], names)
    assert isinstance(gone, Missing)


async def test_notes_of_many_contacts_come_contact_by_contact(place: Place) -> None:
    contacts = await place.insert("contacts", *({"firstName": f"Person {number}"} for number in range(7)))
    for id_ in contacts[::2]:
        await place.insert("notes", {"contactId": id_, "body": "One"}, {"contactId": id_, "body": "Two"})
    rows, last = await place.read("notes", "body", "contactId")
    assert len(rows) == 8
    assert {str(row["contactId"]) for row in rows.values()} == {*contacts[::2]}
    assert last is not None


async def test_without_a_contact_they_are_refused_before_anything_is_sent(place: Place) -> None:
    before = len(place.org.calls)
    (outcome,) = await place.write("notes", "create", WriteItem({"body": "Whose?"}))
    assert outcome.problem is not None
    assert outcome.problem.field == "contactId"
    assert not any("POST" in call for call in place.org.calls[before:] if "oauth" not in call)


async def test_an_appointment_is_the_same_in_its_list_and_alone(place: Place, contact: str) -> None:
    start = "2026-12-01T10:00:00.000Z"
    item = WriteItem({"title": "Lunch", "contactId": contact, "startTime": start})
    (made,) = await place.write("appointments", "create", item)
    rows, checkpoint = await place.read(
        "appointments", "title", "contactId", "calendarId", "appointmentStatus"
    )
    (alone,) = await place.connector.get("appointments", [str(made.id)], ["title", "contactId", "calendarId"])
    assert not isinstance(alone, Missing)
    row = rows[str(made.id)]
    assert row["calendarId"] == place.org.settings["calendar_id"]
    assert {name: row[name] for name in ("title", "contactId", "calendarId")} == {
        name: alone[name] for name in ("title", "contactId", "calendarId")
    }
    place.org.clock.advance(60)
    await place.org.change("appointments", str(made.id), {"title": "Dinner"})
    rows, _ = await place.read("appointments", "title", since=checkpoint)
    assert [one["title"] for one in rows.values()] == ["Dinner"]
