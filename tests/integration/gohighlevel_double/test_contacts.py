"""Contacts: create, read, change, upsert, delete; lists and searches; what hangs on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
Create = Callable[..., Awaitable[dict[str, Any]]]


async def test_a_contact_is_kept_and_read_back(ghl: httpx.AsyncClient, contact: Create) -> None:
    made = await contact(
        firstName="Ada",
        lastName="Okafor",
        email="Ada@Example.com",
        phone="(617) 555-0101",
        tags=["VIP", "vip", "New"],
        dateOfBirth="09/25/1990",
    )
    assert len(made["id"]) == 20
    read = (await ghl.get(f"/contacts/{made['id']}")).json()["contact"]
    assert read == made
    assert (read["email"], read["phone"], read["tags"]) == ("ada@example.com", "+16175550101", ["vip", "new"])
    assert read["dateOfBirth"] == "1990-09-25T00:00:00.000Z"
    assert (read["dateAdded"], read["fullNameLowerCase"]) == ("2026-01-01T09:00:00.000Z", "ada okafor")
    assert "city" not in read


async def test_what_is_wrong_is_told_all_at_once(ghl: httpx.AsyncClient, location: str) -> None:
    reply = await ghl.post("/contacts/", json={"firstName": 1, "fax": "x", "tags": "vip"})
    assert reply.status_code == 422
    body = reply.json()
    assert body.pop("traceId")
    assert body == {
        "statusCode": 422,
        "error": "Unprocessable Entity",
        "message": [
            "property fax should not exist",
            "firstName must be a string",
            "tags must be an array of strings",
            "locationId must be a string",
            "locationId should not be empty",
        ],
    }
    wrong = await ghl.post("/contacts/", json={"locationId": location, "email": "nobody"})
    assert wrong.json()["message"] == ["email must be an email"]


async def test_only_what_is_sent_changes_and_empty_texts_clear(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, contact: Create
) -> None:
    made = await contact(firstName="Ada", city="Leeds", tags=["a", "b"])
    double.clock.advance(5)
    url = f"/contacts/{made['id']}"
    reply = (
        await ghl.put(url, json={"city": "", "state": "MA", "tags": ["c"], "companyName": "Acme"})
    ).json()
    assert reply["succeded"] is True
    changed = reply["contact"]
    assert (changed["firstName"], changed["state"], changed["tags"]) == ("Ada", "MA", ["c"])
    assert "city" not in changed
    assert changed["dateUpdated"] == "2026-01-01T09:00:05.000Z"
    for name in ("locationId", "gender", "businessId"):
        refused = await ghl.put(url, json={name: "x"})
        assert (refused.status_code, refused.json()["message"]) == (
            422,
            [f"property {name} should not exist"],
        )


async def test_unknown_contacts_are_a_400(ghl: httpx.AsyncClient) -> None:
    for method in ("GET", "DELETE"):
        reply = await ghl.request(method, "/contacts/nobody")
        assert (reply.status_code, reply.json()["message"]) == (400, "Contact with id nobody not found")


async def test_duplicates_are_refused_with_the_contact_that_is_there(
    ghl: httpx.AsyncClient, location: str, contact: Create
) -> None:
    ada = await contact(name="Ada Okafor", email="ada@example.com")
    reply = await ghl.post("/contacts/", json={"locationId": location, "email": "ADA@example.com"})
    assert (reply.status_code, reply.json()["message"]) == (
        400,
        "This location does not allow duplicated contacts.",
    )
    assert reply.json()["meta"] == {
        "contactId": ada["id"],
        "contactName": "Ada Okafor",
        "matchingField": "email",
    }


async def test_duplicates_are_kept_where_the_location_allows_them(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"duplicates": "allow"})
    body = {"locationId": double.credentials["location_id"], "email": "ada@example.com"}
    for _ in range(2):
        assert (await ghl.post("/contacts/", json=body)).status_code == 201
    anew = await ghl.post("/contacts/upsert", json={**body, "createNewIfDuplicateAllowed": True})
    assert anew.json()["new"] is True
    assert (await ghl.post("/contacts/upsert", json=body)).json()["new"] is False


async def test_an_upsert_takes_the_first_match_and_drops_the_second_key(
    ghl: httpx.AsyncClient, location: str, contact: Create
) -> None:
    by_mail = await contact(email="ada@example.com", gender="female")
    by_phone = await contact(phone="+16175550101")
    both = {"locationId": location, "email": "ada@example.com", "phone": "+1 617 555 0101", "gender": "male"}
    reply = (await ghl.post("/contacts/upsert", json={**both, "firstName": "Ada"})).json()
    assert (reply["new"], reply["contact"]["id"]) == (False, by_mail["id"])
    assert "phone" not in reply["contact"]
    assert reply["contact"]["gender"] == "female"
    other = (await ghl.get(f"/contacts/{by_phone['id']}")).json()["contact"]
    assert other["phone"] == "+16175550101"
    fresh = (await ghl.post("/contacts/upsert", json={"locationId": location, "phone": "6175550102"})).json()
    assert (fresh["new"], fresh["contact"]["phone"]) == (True, "+16175550102")
    assert (await ghl.post("/contacts/upsert", json={"locationId": location})).status_code == 422


async def test_the_setting_says_which_field_matches_first(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"match": "phone,email"})
    own = {"locationId": double.credentials["location_id"]}
    await ghl.post("/contacts/", json={**own, "email": "ada@example.com"})
    by_phone = (await ghl.post("/contacts/", json={**own, "phone": "+16175550101"})).json()["contact"]
    both = {**own, "email": "ada@example.com", "phone": "+16175550101"}
    assert (await ghl.post("/contacts/upsert", json=both)).json()["contact"]["id"] == by_phone["id"]


async def test_custom_fields_have_three_spellings(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, contact: Create
) -> None:
    ids = {field.field_key: field.id for field in double.agency.main.fields.values()}
    score, interests = ids["contact.lead_score"], ids["contact.interests"]
    made = await contact(
        email="a@b.cd",
        customFields=[
            {"id": score, "field_value": "42"},
            {"key": "interests", "field_value": ["Buying"]},
            {"id": "unknown", "field_value": "nobody hears"},
        ],
    )
    assert made["customFields"] == [{"id": score, "value": 42}, {"id": interests, "value": ["Buying"]}]
    url = f"/contacts/{made['id']}"
    nothing: list[str] = []
    cleared = await ghl.put(url, json={"customFields": [{"id": interests, "field_value": nothing}]})
    assert cleared.json()["contact"]["customFields"] == [{"id": score, "value": 42}]
    for item, message in (
        ({"id": score, "value": 1}, "customFields.0.property value should not exist"),
        (
            {"id": score, "field_value": "much"},
            "customFields.0.field_value is not a valid value for NUMERICAL",
        ),
        ({"id": score, "fieldValue": 1}, "customFields.0.property fieldValue should not exist"),
    ):
        refused = await ghl.put(url, json={"customFields": [item]})
        assert (refused.status_code, refused.json()["message"]) == (422, [message])
    v3 = await ghl.put(
        url, json={"customFields": [{"id": score, "fieldValue": 7}]}, headers={"Version": "v3"}
    )
    assert v3.json()["contact"]["customFields"] == [{"id": score, "value": 7}]


async def test_with_a_contact_goes_what_hangs_on_it(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, contact: Create, opportunity: Create
) -> None:
    made = await contact(email="a@b.cd")
    url = f"/contacts/{made['id']}"
    await ghl.post(f"{url}/notes", json={"body": "n"})
    await ghl.post(f"{url}/tasks", json={"title": "t", "dueDate": "2026-02-01T00:00:00Z", "completed": False})
    await opportunity(made["id"])
    assert (await ghl.delete(url)).json()["succeded"] is True
    for name in ("contacts", "notes", "tasks", "opportunities"):
        assert list(double.truth(name)) == []
        assert len(list(double.truth(name, deleted=True))) == 1


async def test_the_keyset_goes_through_all_contacts_newest_first(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=45)
    params: dict[str, Any] = {"locationId": double.credentials["location_id"], "limit": 20}
    seen: list[str] = []
    for size in (20, 20, 5):
        page = (await ghl.get("/contacts/", params=params)).json()
        seen += [one["id"] for one in page["contacts"]]
        meta = page["meta"]
        assert (len(page["contacts"]), meta["total"]) == (size, 45)
        params |= {"startAfter": meta["startAfter"], "startAfterId": meta["startAfterId"]}
    assert (meta["nextPage"], meta["nextPageUrl"]) == (None, None)
    assert len(set(seen)) == 45
    times = {str(row["id"]): str(row["dateAdded"]) for row in double.truth("contacts")}
    assert [times[one] for one in seen] == sorted(times.values(), reverse=True)
    assert (await ghl.get("/contacts/", params=params)).json()["contacts"] == []


async def test_one_half_of_the_keyset_gives_the_first_page_again(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=5)
    params: dict[str, Any] = {"locationId": double.credentials["location_id"], "limit": 2}
    first = (await ghl.get("/contacts/", params=params)).json()
    for half in ("startAfter", "startAfterId"):
        again = (await ghl.get("/contacts/", params={**params, half: first["meta"][half]})).json()
        assert again["contacts"] == first["contacts"]
    whole = (await ghl.get(first["meta"]["nextPageUrl"])).json()
    assert whole["contacts"][0] != first["contacts"][0]


async def test_lists_take_no_more_than_a_hundred(ghl: httpx.AsyncClient, location: str) -> None:
    reply = await ghl.get("/contacts/", params={"locationId": location, "limit": 101})
    assert (reply.status_code, reply.json()["message"]) == (422, ["limit must not be greater than 100"])
    reply = await ghl.get("/contacts/", params={"limit": "many", "page": 2})
    assert reply.json()["message"] == [
        "property page should not exist",
        "locationId must be a string",
        "locationId should not be empty",
        "limit must be a number conforming to the specified constraints",
    ]


async def test_a_list_can_be_searched_for_words(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=50)
    wanted = next(row for row in double.truth("contacts") if "email" in row)
    params = {"locationId": double.credentials["location_id"], "query": str(wanted["email"])}
    (found,) = (await ghl.get("/contacts/", params=params)).json()["contacts"]
    assert found["id"] == wanted["id"]


async def test_new_contacts_come_late_into_lists_where_the_index_lags(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"index_delay": "30"})
    own = {"locationId": double.credentials["location_id"]}
    made = (await ghl.post("/contacts/", json={**own, "email": "a@b.cd"})).json()["contact"]
    assert (await ghl.get(f"/contacts/{made['id']}")).status_code == 200
    assert (await ghl.get("/contacts/", params=own)).json()["meta"]["total"] == 0
    assert (await ghl.post("/contacts/search", json={**own, "pageLimit": 5})).json()["total"] == 0
    double.clock.advance(31)
    assert (await ghl.get("/contacts/", params=own)).json()["meta"]["total"] == 1


async def test_tags_tasks_and_notes_of_a_contact(ghl: httpx.AsyncClient, contact: Create) -> None:
    made = await contact(email="a@b.cd", tags=["a"])
    url = f"/contacts/{made['id']}"
    added = await ghl.post(f"{url}/tags", json={"tags": ["B", "a"]})
    assert (added.status_code, added.json()["tags"], added.json()["tagsAdded"]) == (201, ["a", "b"], ["b"])
    gone = await ghl.request("DELETE", f"{url}/tags", json={"tags": ["a"]})
    assert gone.json()["tags"] == ["b"]
    task = {"title": "Call", "dueDate": "2026-02-01T09:30:00+01:00", "completed": False}
    made_task = (await ghl.post(f"{url}/tasks", json=task)).json()["task"]
    assert made_task["dueDate"] == "2026-02-01T08:30:00.000Z"
    done = await ghl.put(f"{url}/tasks/{made_task['id']}/completed", json={"completed": True})
    assert done.json()["task"]["completed"] is True
    assert (await ghl.get(f"{url}/tasks")).json()["tasks"] == [done.json()["task"]]
    note = (await ghl.post(f"{url}/notes", json={"body": "Hello"})).json()["note"]
    changed = await ghl.put(f"{url}/notes/{note['id']}", json={"body": "Bye", "pinned": True})
    assert (await ghl.get(f"{url}/notes/{note['id']}")).json()["note"] == changed.json()["note"]
    assert (await ghl.delete(f"{url}/notes/{note['id']}")).json()["succeded"] is True
    assert (await ghl.get(f"{url}/notes")).json()["notes"] == []
    missing = await ghl.post(f"{url}/tasks", json={"title": "Call"})
    assert "dueDate should not be empty" in missing.json()["message"]


async def test_a_task_belongs_to_its_own_contact(ghl: httpx.AsyncClient, contact: Create) -> None:
    ada, bob = await contact(email="a@b.cd"), await contact(email="b@b.cd")
    body = {"title": "t", "dueDate": "2026-02-01T00:00:00Z", "completed": False}
    task = (await ghl.post(f"/contacts/{ada['id']}/tasks", json=body)).json()["task"]
    assert (await ghl.get(f"/contacts/{bob['id']}/tasks/{task['id']}")).status_code == 400


async def test_seeded_children_are_found_by_their_contact(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=30)
    contact = next(row for row in double.truth("contacts") if row.get("businessId"))
    for name, url in (("tasks", "tasks"), ("notes", "notes"), ("appointments", "appointments")):
        wanted = [row["id"] for row in double.truth(name) if row["contactId"] == contact["id"]]
        found = (await ghl.get(f"/contacts/{contact['id']}/{url}")).json()
        assert [row["id"] for row in next(iter(found.values()))] == wanted
    members = await ghl.get(
        f"/contacts/business/{contact['businessId']}",
        params={"locationId": double.credentials["location_id"], "limit": 100},
    )
    wanted = {row["id"] for row in double.truth("contacts") if row.get("businessId") == contact["businessId"]}
    assert {row["id"] for row in members.json()["contacts"]} == wanted


async def test_bulk_changes_tell_each_contacts_outcome(
    ghl: httpx.AsyncClient, location: str, contact: Create
) -> None:
    made = await contact(email="a@b.cd", tags=["old"])
    body = {"locationId": location, "contacts": [made["id"], "nobody"], "tags": ["new"]}
    reply = await ghl.post("/contacts/bulk/tags/update/add", json=body)
    assert (reply.status_code, reply.json()["errorCount"]) == (201, 1)
    assert reply.json()["responses"][0]["tagsAdded"] == ["new"]
    business = (await ghl.post("/businesses/", json={"locationId": location, "name": "Acme"})).json()
    ids = {"locationId": location, "ids": [made["id"], "nobody"]}
    joined = await ghl.post(
        "/contacts/bulk/business", json={**ids, "businessId": business["buiseness"]["id"]}
    )
    assert joined.json()["ids"] == [made["id"]]
    read = (await ghl.get(f"/contacts/{made['id']}")).json()["contact"]
    assert read["businessId"] == business["buiseness"]["id"]
    await ghl.post("/contacts/bulk/business", json={**ids, "businessId": None})
    assert "businessId" not in (await ghl.get(f"/contacts/{made['id']}")).json()["contact"]
