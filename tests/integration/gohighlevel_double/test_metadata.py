"""Users, custom fields and values, tags, tasks in bulk, calendars."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
Create = Callable[..., Awaitable[dict[str, Any]]]


async def test_users_of_a_location(ghl: httpx.AsyncClient, location: str, double: GoHighLevelDouble) -> None:
    users = (await ghl.get("/users/", params={"locationId": location})).json()["users"]
    assert [one["name"] for one in users][:2] == ["Ada Okafor", "Bruno Salvatore"]
    assert len(users) == 5  # the sixth was deleted
    one = (await ghl.get(f"/users/{users[0]['id']}")).json()
    assert one["email"] == "ada.okafor@example.com"
    company = {"companyId": double.credentials["company_id"], "query": "chen"}
    assert (await ghl.get("/users/search", params=company)).json()["count"] == 1


async def test_custom_fields_are_made_changed_and_deleted(ghl: httpx.AsyncClient, location: str) -> None:
    url = f"/locations/{location}/customFields"
    body = {"name": "Deal Size (€)", "dataType": "MONETORY", "model": "opportunity"}
    made = (await ghl.post(url, json=body)).json()["customField"]
    assert (made["fieldKey"], made["model"]) == ("opportunity.deal_size_", "opportunity")
    assert (await ghl.post(url, json=body)).status_code == 400
    assert (await ghl.post(url, json={"name": "x", "dataType": "SHOE"})).status_code == 422
    await ghl.put(f"{url}/{made['id']}", json={"name": "Size"})
    names = {
        model: [one["name"] for one in (await ghl.get(url, params={"model": model})).json()["customFields"]]
        for model in ("contact", "opportunity", "all")
    }
    assert names["opportunity"] == ["Segment", "Size"]
    assert len(names["all"]) == len(names["contact"]) + 2
    by_key = await ghl.get("/custom-fields/object-key/opportunity", params={"locationId": location})
    assert [one["fieldKey"] for one in by_key.json()["fields"]][1] == "opportunity.deal_size_"
    assert (await ghl.delete(f"{url}/{made['id']}")).json()["succeded"] is True
    assert (await ghl.get(f"{url}/{made['id']}")).status_code == 400


async def test_a_schema_file_declares_custom_fields(make_ghl: Make, tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    file.write_text(
        "contacts:\n  - {name: Shoe Size, type: number}\n  - {name: Tier, type: picklist, choices: [A]}\n"
    )
    double, ghl = make_ghl(schema=file)
    url = f"/locations/{double.credentials['location_id']}/customFields"
    found = {one["fieldKey"]: one for one in (await ghl.get(url)).json()["customFields"]}
    assert found["contact.shoe_size"]["dataType"] == "NUMERICAL"
    assert found["contact.tier"]["picklistOptions"] == ["A"]
    for text in ("shoes:\n  - {name: Size, type: number}\n", "contacts:\n  - {name: Size, type: shoe}\n"):
        file.write_text(text)
        with pytest.raises(SimulatorError, match=r"schema\.yaml"):
            make_ghl(schema=file)


async def test_custom_values_and_tags(ghl: httpx.AsyncClient, location: str, contact: Create) -> None:
    url = f"/locations/{location}/customValues"
    made = (await ghl.post(url, json={"name": "Our Name", "value": "Acme"})).json()["customValue"]
    assert made["fieldKey"] == "{{ custom_values.our_name }}"
    await ghl.put(f"{url}/{made['id']}", json={"name": "Our Name", "value": "Acme Ltd"})
    assert (await ghl.get(f"{url}/{made['id']}")).json()["customValue"]["value"] == "Acme Ltd"
    await ghl.delete(f"{url}/{made['id']}")
    assert (await ghl.get(url)).json()["customValues"] == []
    await contact(email="a@b.cd", tags=["VIP"])
    tags = f"/locations/{location}/tags"
    await ghl.post(tags, json={"name": "cold"})
    assert [one["name"] for one in (await ghl.get(tags)).json()["tags"]] == ["vip", "cold"]
    assert (await ghl.post(tags, json={"name": "VIP"})).status_code == 400


async def test_tasks_of_all_contacts_in_pages(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=30)
    url = f"/locations/{double.credentials['location_id']}/tasks/search"
    first = (await ghl.post(url, json={"limit": 20})).json()["tasks"]
    rest = (await ghl.post(url, json={"limit": 20, "skip": 20})).json()["tasks"]
    assert [row["id"] for row in [*first, *rest]] == [row["id"] for row in double.truth("tasks")]
    done = (await ghl.post(url, json={"limit": 100, "completed": True})).json()["tasks"]
    assert {row["completed"] for row in done} == {True}


async def test_appointments_are_booked_moved_and_deleted(
    ghl: httpx.AsyncClient, location: str, contact: Create
) -> None:
    person = await contact(email="a@b.cd")
    (calendar, *_) = (await ghl.get("/calendars/", params={"locationId": location})).json()["calendars"]
    body = {
        "calendarId": calendar["id"],
        "locationId": location,
        "contactId": person["id"],
        "startTime": "2026-02-01T11:00:00+01:00",
        "title": "Visit",
    }
    made = (await ghl.post("/calendars/events/appointments", json=body)).json()
    assert (made["startTime"], made["endTime"]) == ("2026-02-01T10:00:00.000Z", "2026-02-01T10:30:00.000Z")
    url = f"/calendars/events/appointments/{made['id']}"
    moved = (await ghl.put(url, json={"startTime": "2026-02-02T10:00:00Z"})).json()
    assert moved["endTime"] == "2026-02-02T10:30:00.000Z"
    assert (await ghl.put(url, json={"endTime": "2026-02-01T10:00:00Z"})).status_code == 422
    (event,) = (await ghl.get(f"/contacts/{person['id']}/appointments")).json()["events"]
    assert event["startTime"] == "2026-02-02 10:00:00"
    times = {"startTime": "1769990400000", "endTime": "1770076800000"}
    found = await ghl.get(
        "/calendars/events", params={"locationId": location, "calendarId": calendar["id"], **times}
    )
    assert [one["id"] for one in found.json()["events"]] == [made["id"]]
    assert (await ghl.get("/calendars/events", params={"locationId": location, **times})).status_code == 422
    gone = await ghl.request("DELETE", f"/calendars/events/{made['id']}")
    assert (gone.status_code, gone.json()["succeeded"]) == (201, True)
    assert (await ghl.get(url)).status_code == 400


async def test_users_are_made_found_by_address_and_deleted(make_ghl: Make) -> None:
    hooks = {"webhook_url": "https://app.example.com/hook", "webhook_signatures": "ed25519"}
    double, ghl = make_ghl(settings=hooks)
    known = double.credentials
    ada = {"firstName": "Ada", "lastName": "New", "email": "Ada.New@example.com", "password": "x"}
    place = {"type": "account", "role": "user", "locationIds": [known["location_id"]]}
    body = {"companyId": known["company_id"], **ada, **place}
    made = await ghl.post("/users/", json=body)
    assert (made.status_code, made.json()["email"]) == (201, "ada.new@example.com")
    assert (await ghl.post("/users/", json=body)).status_code == 400
    assert (await ghl.post("/users/", json=ada)).status_code == 422
    agency = {"Authorization": f"Bearer {known['agency_access_token']}"}
    wanted = {"companyId": known["company_id"], "emails": "ada.new@example.com,x@example.com"}
    found = await ghl.post("/users/search/filter-by-email", json=wanted, headers=agency)
    assert [one["id"] for one in found.json()["users"]] == [made.json()["id"]]
    assert (await ghl.delete(f"/users/{made.json()['id']}")).json()["succeded"] is True
    own = {"locationId": known["location_id"]}
    assert made.json()["id"] not in [
        one["id"] for one in (await ghl.get("/users/", params=own)).json()["users"]
    ]
    kinds = [json.loads(str(one["body"]))["type"] for one in double.outbox()]
    assert kinds == ["UserCreate", "UserDelete"]
