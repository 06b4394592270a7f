"""Associations: default and labelled, with a record, in batches, from both sides."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem

pytestmark = pytest.mark.anyio
V4 = "/crm/v4"
PLAIN, PRIMARY = 279, 1


async def linked(client: httpx.AsyncClient, one: str, record: str, other: str) -> dict[str, list[int]]:
    reply = await client.get(f"{V4}/objects/{one}/{record}/associations/{other}")
    return {
        row["toObjectId"]: sorted(kind["typeId"] for kind in row["associationTypes"])
        for row in reply.json()["results"]
    }


async def test_the_first_company_of_a_contact_is_its_primary_one(hubspot: httpx.AsyncClient) -> None:
    contact = await create(hubspot, "contacts", firstname="A")
    first, second = [await create(hubspot, "companies", name=name) for name in "XY"]
    for company in (first, second):
        path = f"{V4}/objects/contacts/{contact}/associations/default/companies/{company}"
        reply = await hubspot.put(path)
        assert reply.status_code == 200
        specs = [
            (one["from"]["id"], one["associationSpec"]["associationTypeId"])
            for one in reply.json()["results"]
        ]
        assert specs == [(contact, 279), (company, 280)]
    assert await linked(hubspot, "contacts", contact, "companies") == {
        first: [PRIMARY, PLAIN],
        second: [PLAIN],
    }
    assert await linked(hubspot, "companies", first, "contacts") == {contact: [2, 280]}
    body = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": PRIMARY}]
    moved = await hubspot.put(f"{V4}/objects/contact/{contact}/associations/company/{second}", json=body)
    assert (moved.status_code, moved.json()["labels"]) == (201, ["Primary"])
    assert await linked(hubspot, "contacts", contact, "companies") == {
        first: [PLAIN],
        second: [PRIMARY, PLAIN],
    }
    shown = await hubspot.get(f"{OBJECTS}/contacts/{contact}", params={"properties": "associatedcompanyid"})
    assert shown.json()["properties"]["associatedcompanyid"] == second


async def test_a_record_is_shown_with_its_associations_once_for_each_type(hubspot: httpx.AsyncClient) -> None:
    company = await create(hubspot, "companies", name="X")
    body = {
        "properties": {"email": "a@x.example"},
        "associations": [
            {
                "to": {"id": company},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": PLAIN}],
            }
        ],
    }
    contact = (await hubspot.post(f"{OBJECTS}/contacts", json=body)).json()["id"]
    shown = (
        await hubspot.get(f"{OBJECTS}/contacts/{contact}", params={"associations": "company,deals"})
    ).json()
    assert shown["associations"] == {
        "companies": {
            "results": [
                {"id": company, "type": "contact_to_company"},
                {"id": company, "type": "contact_to_company_unlabeled"},
            ]
        }
    }
    await hubspot.delete(f"{OBJECTS}/companies/{company}")
    shown = (await hubspot.get(f"{OBJECTS}/contacts/{contact}", params={"associations": "companies"})).json()
    assert "associations" not in shown


async def test_associations_with_what_is_not_there_are_refused_and_nothing_is_made(
    hubspot: httpx.AsyncClient,
) -> None:
    def body(to: str, number: int) -> dict[str, Any]:
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
        return {"properties": {"firstname": "A"}, "associations": [{"to": {"id": to}, "types": [kind]}]}

    assert problem(await hubspot.post(f"{OBJECTS}/contacts", json=body("5", PLAIN)))[0] == 404
    company = await create(hubspot, "companies", name="X")
    assert problem(await hubspot.post(f"{OBJECTS}/contacts", json=body(company, 9999)))[0] == 400
    assert (await hubspot.get(f"{OBJECTS}/contacts")).json() == {"results": []}


async def test_a_hundred_are_shown_with_a_record_and_the_rest_is_paged(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(rows={"companies": 1, "contacts": 1200})
    (company,) = (await hubspot.get(f"{OBJECTS}/companies", params={"associations": "contacts"})).json()[
        "results"
    ]
    inline = company["associations"]["contacts"]
    assert len({one["id"] for one in inline["results"]}) == 100
    ids = [one["id"] for one in inline["results"]]
    link = inline["paging"]["next"]["link"]
    sizes: list[int] = []
    while link:
        page = (await hubspot.get(link.removeprefix("http://hubspot.test"))).json()
        ids += [one["toObjectId"] for one in page["results"]]
        sizes.append(len(page["results"]))
        link = page["paging"]["next"]["link"] if "paging" in page else ""
    assert (sizes, len(set(ids))) == ([500, 500, 100], 1200)
    wrong = await hubspot.get(
        f"{V4}/objects/companies/{company['id']}/associations/contacts", params={"after": "?"}
    )
    assert wrong.status_code == 400


async def test_batches_read_create_and_take_away(hubspot: httpx.AsyncClient) -> None:
    deal, lone = [await create(hubspot, "deals", dealname=name) for name in "DE"]
    people = [await create(hubspot, "contacts", firstname=name) for name in "AB"]
    path = f"{V4}/associations/deals/contacts/batch"
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
    inputs = [{"from": {"id": deal}, "to": {"id": one}, "types": [kind]} for one in (*people, "5")]
    made = await hubspot.post(f"{path}/create", json={"inputs": inputs})
    assert (made.status_code, len(made.json()["results"]), made.json()["numErrors"]) == (207, 2, 1)
    read = await hubspot.post(f"{path}/read", json={"inputs": [{"id": deal}, {"id": lone}]})
    (row,) = read.json()["results"]
    assert (row["from"]["id"], [one["toObjectId"] for one in row["to"]]) == (deal, people)
    (error,) = read.json()["errors"]
    assert (read.status_code, error["subCategory"]) == (207, "crm.associations.NO_ASSOCIATIONS_FOUND")
    assert error["context"]["fromObjectId"] == [lone]
    gone = {"inputs": [{"from": {"id": deal}, "to": [{"id": people[0]}]}]}
    assert (await hubspot.post(f"{path}/archive", json=gone)).status_code == 204
    assert list(await linked(hubspot, "contacts", people[1], "deals")) == [deal]
    assert await linked(hubspot, "contacts", people[0], "deals") == {}
    defaults = {"inputs": [{"from": {"id": lone}, "to": {"id": people[0]}}]}
    assert (await hubspot.post(f"{path}/associate/default", json=defaults)).status_code == 200
    await hubspot.delete(f"{V4}/objects/deals/{deal}/associations/contacts/{people[1]}")
    assert await linked(hubspot, "deals", deal, "contacts") == {}


async def test_taking_away_what_is_not_there_is_no_mistake(hubspot: httpx.AsyncClient) -> None:
    contact = await create(hubspot, "contacts", firstname="A")
    inputs = [{"from": {"id": one}, "to": [{"id": "5"}, {"id": "x"}]} for one in (contact, "x")]
    reply = await hubspot.post(f"{V4}/associations/contacts/companies/batch/archive", json={"inputs": inputs})
    assert reply.status_code == 204
    assert (await hubspot.delete(f"{OBJECTS}/contacts/x/associations/companies/5/279")).status_code == 204
    assert await linked(hubspot, "contacts", contact, "companies") == {}


async def test_labels_of_the_portals_own_go_both_ways_and_can_be_taken_off(
    hubspot: httpx.AsyncClient,
) -> None:
    body = {"name": "boss", "label": "Boss", "inverseLabel": "Led by"}
    there, back = (await hubspot.post(f"{V4}/associations/contacts/companies/labels", json=body)).json()[
        "results"
    ]
    assert (there["label"], back["label"], there["category"]) == ("Boss", "Led by", "USER_DEFINED")
    contact, company = (
        await create(hubspot, "contacts", firstname="A"),
        await create(hubspot, "companies", name="X"),
    )
    kind = {"associationCategory": "USER_DEFINED", "associationTypeId": there["typeId"]}
    reply = await hubspot.put(
        f"{V4}/objects/contacts/{contact}/associations/companies/{company}", json=[kind]
    )
    assert sorted(reply.json()["labels"]) == ["Boss", "Primary"]
    shown = await hubspot.get(f"{V4}/associations/companies/contacts/labels")
    assert {one["label"] for one in shown.json()["results"]} == {
        None,
        "Contact with Primary Company",
        "Led by",
    }
    inputs = {"inputs": [{"types": [kind], "from": {"id": contact}, "to": {"id": company}}]}
    await hubspot.post(f"{V4}/associations/contacts/companies/batch/labels/archive", json=inputs)
    assert await linked(hubspot, "contacts", contact, "companies") == {company: [PRIMARY, PLAIN]}


async def test_the_older_and_the_dated_paths_see_the_same(hubspot: httpx.AsyncClient) -> None:
    note = await create(hubspot, "notes", hs_timestamp="1770000000000", hs_note_body="n")
    contact = await create(hubspot, "contacts", firstname="A")
    inputs = {"inputs": [{"from": {"id": note}, "to": {"id": contact}, "type": "note_to_contact"}]}
    made = await hubspot.post("/crm/v3/associations/notes/contacts/batch/create", json=inputs)
    assert made.status_code == 201
    dated = await hubspot.get(f"/crm/objects/2026-03/notes/{note}/associations/contacts")
    assert dated.json()["results"][0]["toObjectId"] == contact
    old = await hubspot.post(
        "/crm/v3/associations/contacts/notes/batch/read", json={"inputs": [{"id": contact}]}
    )
    assert old.json()["results"] == [
        {"from": {"id": contact}, "to": [{"id": note, "type": "contact_to_note"}]}
    ]
    gone = {"inputs": [{"from": {"id": note}, "to": [{"id": contact}]}]}
    reply = await hubspot.post("/crm/associations/2026-03/notes/contacts/batch/archive", json=gone)
    assert (reply.status_code, reply.json()["results"]) == (200, [])
    assert await linked(hubspot, "notes", note, "contacts") == {}


async def test_the_oldest_paths_name_the_type(hubspot: httpx.AsyncClient) -> None:
    meeting = await create(hubspot, "meetings", hs_meeting_start_time="2026-02-02T02:40:00Z")
    contact = await create(hubspot, "contacts", firstname="A")
    path = f"{OBJECTS}/meetings/{meeting}/associations/Contact"
    made = await hubspot.put(f"{path}/{contact}/meeting_event_to_contact")
    linked = [{"id": contact, "type": "meeting_event_to_contact"}]
    assert (made.status_code, made.json()["associations"]["contacts"]["results"]) == (200, linked)
    assert (await hubspot.get(path)).json() == {"results": linked}
    assert (await hubspot.put(f"{path}/{contact}/friend")).status_code == 400
    assert (await hubspot.delete(f"{path}/{contact}/200")).status_code == 204
    assert (await hubspot.get(path)).json() == {"results": []}


async def test_linking_does_not_touch_the_time_of_change(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot()
    contact, company = (
        await create(hubspot, "contacts", firstname="A"),
        await create(hubspot, "companies", name="X"),
    )
    double.clock.advance(60)
    await hubspot.put(f"{V4}/objects/contacts/{contact}/associations/default/companies/{company}")
    assert (await hubspot.get(f"{OBJECTS}/contacts/{contact}")).json()[
        "updatedAt"
    ] == "2026-01-01T09:00:00.000Z"


async def test_seeded_links_are_the_same_from_both_sides(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(rows=7)
    for one, other in (
        ("contacts", "companies"),
        ("deals", "contacts"),
        ("notes", "deals"),
        ("tasks", "contacts"),
    ):
        pairs = {
            (row["id"], to)
            for row in double.truth(one)
            for to in await linked(hubspot, one, str(row["id"]), other)
        }
        back = {
            (to, row["id"])
            for row in double.truth(other)
            for to in await linked(hubspot, other, str(row["id"]), one)
        }
        assert pairs
        assert pairs == back


async def test_the_portal_limits_how_many_a_record_is_associated_with(hubspot: httpx.AsyncClient) -> None:
    contact = await create(hubspot, "contacts", city="Oslo")
    companies = [await create(hubspot, "companies", name=name) for name in "ABC"]
    limits = "/crm/v4/associations/definitions/configurations/contacts/companies"
    one = {"typeId": 279, "category": "HUBSPOT_DEFINED", "maxToObjectIds": 2}
    made = await hubspot.post(f"{limits}/batch/create", json={"inputs": [one]})
    assert (made.status_code, made.json()["results"][0]["userEnforcedMaxToObjectIds"]) == (201, 2)
    path = f"/crm/v4/objects/contacts/{contact}/associations/default/companies"
    replies = [await hubspot.put(f"{path}/{company}") for company in (*companies[:2], companies[0])]
    assert [reply.status_code for reply in replies] == [200, 200, 200]
    back = f"/crm/v4/objects/companies/{companies[2]}/associations/default/contacts/{contact}"
    for refused in (await hubspot.put(f"{path}/{companies[2]}"), await hubspot.put(back)):
        assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    spec = {"associationTypeId": 279, "associationCategory": "HUBSPOT_DEFINED"}
    await hubspot.post(f"{limits}/batch/purge", json={"inputs": [spec]})
    assert (await hubspot.put(f"{path}/{companies[2]}")).status_code == 200
