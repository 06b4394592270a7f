"""Records of the double: lists, one record, writes, batches, archives, merges."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from crmhub_rest.simulators.hubspot.lives import restore
from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem

pytestmark = pytest.mark.anyio
STAMP = "2026-01-01T09:00:00.000Z"


def wrong_values(reply: httpx.Response) -> list[tuple[str, str]]:
    """The properties that are refused, and why."""
    status, category, message = problem(reply)
    assert (status, category) == (400, "VALIDATION_ERROR")
    start = "Property values were not valid: "
    assert message.startswith(start)
    return [(one["name"], one["error"]) for one in json.loads(message.removeprefix(start))]


async def test_pages_of_a_list_hold_every_record_once_in_the_order_of_ids(seeded: httpx.AsyncClient) -> None:
    ids: list[str] = []
    params: dict[str, str] = {"limit": "100"}
    sizes: list[int] = []
    while True:
        page = (await seeded.get(f"{OBJECTS}/contacts", params=params)).json()
        ids += [one["id"] for one in page["results"]]
        sizes.append(len(page["results"]))
        if "paging" not in page:
            break
        params["after"] = page["paging"]["next"]["after"]
        assert f"after={params['after']}" in page["paging"]["next"]["link"]
    assert sizes == [100, 100, 50]
    assert len(set(ids)) == 250
    assert ids == sorted(ids, key=int)


async def test_a_list_shows_ten_records_with_few_properties_unless_asked(seeded: httpx.AsyncClient) -> None:
    page = (await seeded.get(f"{OBJECTS}/companies")).json()
    assert len(page["results"]) == 10
    one = page["results"][0]
    assert set(one) == {"id", "properties", "createdAt", "updatedAt", "archived"}
    assert set(one["properties"]) == {"name", "domain", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    wanted = {"properties": "city,fax,no_such_one", "limit": "1"}
    (one,) = (await seeded.get(f"{OBJECTS}/companies", params=wanted)).json()["results"]
    assert set(one["properties"]) == {"city", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert one["properties"]["hs_object_id"] == one["id"]


async def test_too_large_pages_and_wrong_pointers_are_refused(seeded: httpx.AsyncClient) -> None:
    for params in ({"limit": "101"}, {"limit": "51", "propertiesWithHistory": "email"}, {"after": "x"}):
        assert problem(await seeded.get(f"{OBJECTS}/contacts", params=params))[:2] == (
            400,
            "VALIDATION_ERROR",
        )
    long = {"properties": ",".join(f"property_{number}" for number in range(700))}
    assert (await seeded.get(f"{OBJECTS}/contacts", params=long)).status_code == 414


async def test_a_contact_is_created_read_changed_cleared_and_found_by_address(
    hubspot: httpx.AsyncClient,
) -> None:
    given = {
        "email": "Ada@Example.com",
        "firstname": "Ada",
        "annualrevenue": 12.50,
        "date_of_birth": "1990-02-03",
    }
    made = await hubspot.post(f"{OBJECTS}/contacts", json={"properties": given})
    assert made.status_code == 201
    body = made.json()
    assert (body["createdAt"], body["updatedAt"], body["archived"]) == (STAMP, STAMP, False)
    assert body["properties"]["email"] == "ada@example.com"
    assert body["properties"]["annualrevenue"] == "12.5"
    url = f"{OBJECTS}/contacts/{body['id']}"
    changed = await hubspot.patch(url, json={"properties": {"firstname": "", "lastname": "King"}})
    assert changed.status_code == 200
    params = {"properties": "firstname,lastname,date_of_birth", "idProperty": "email"}
    found = (await hubspot.get(f"{OBJECTS}/contacts/ada@example.com", params=params)).json()
    assert found["id"] == body["id"]
    assert [found["properties"][name] for name in ("firstname", "lastname", "date_of_birth")] == [
        None,
        "King",
        "1990-02-03",
    ]


async def test_a_second_contact_with_an_address_is_a_conflict_that_names_the_first(
    hubspot: httpx.AsyncClient,
) -> None:
    first = await create(hubspot, "contacts", email="a@example.com")
    other = await create(hubspot, "contacts", email="b@example.com")
    message = f"Contact already exists. Existing ID: {first}"
    again = {"properties": {"email": "A@example.com"}}
    assert problem(await hubspot.post(f"{OBJECTS}/contacts", json=again)) == (409, "CONFLICT", message)
    assert problem(await hubspot.patch(f"{OBJECTS}/contacts/{other}", json=again)) == (
        409,
        "CONFLICT",
        message,
    )


@pytest.mark.parametrize(
    ("name", "values", "wrong"),
    [
        ("contacts", {"no_such": "1"}, [("no_such", "PROPERTY_DOESNT_EXIST")]),
        ("contacts", {"email": "ada"}, [("email", "INVALID_EMAIL")]),
        ("contacts", {"lifecyclestage": "Lead"}, [("lifecyclestage", "INVALID_OPTION")]),
        ("contacts", {"hs_object_id": "5"}, [("hs_object_id", "READ_ONLY_VALUE")]),
        ("contacts", {"hubspot_owner_id": "5"}, [("hubspot_owner_id", "INVALID_OWNER_ID")]),
        ("contacts", {"date_of_birth": 1000}, [("date_of_birth", "INVALID_DATE")]),
        ("companies", {"annualrevenue": "much", "is_public": "yes"}, [
            ("annualrevenue", "INVALID_NUMBER"),
            ("is_public", "INVALID_OPTION"),
        ]),
        ("companies", {"annualrevenue": " 5"}, [("annualrevenue", "INVALID_NUMBER")]),
        ("deals", {"dealstage": "nowhere"}, [("dealstage", "INVALID_OPTION")]),
        ("deals", {"closedate": "soon"}, [("closedate", "INVALID_LONG")]),
        ("deals", {"hs_is_closed": "true"}, [("hs_is_closed", "READ_ONLY_VALUE")]),
    ],
)  # fmt: skip
async def test_wrong_values_are_named_with_their_codes(
    hubspot: httpx.AsyncClient, name: str, values: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    reply = await hubspot.post(f"{OBJECTS}/{name}", json={"properties": values})
    assert wrong_values(reply) == wrong


async def test_times_are_taken_as_numbers_and_texts_and_kept_as_texts(hubspot: httpx.AsyncClient) -> None:
    for given in (1_770_000_000_000, "1770000000000", "2026-02-02T02:40:00Z", "2026-02-02T03:40:00+01:00"):
        made = await hubspot.post(f"{OBJECTS}/deals", json={"properties": {"closedate": given}})
        assert made.json()["properties"]["closedate"] == "2026-02-02T02:40:00.000Z"


async def test_options_after_a_semicolon_are_added_to_those_that_are_held(hubspot: httpx.AsyncClient) -> None:
    contact = await create(hubspot, "contacts", hs_buying_role="CHAMPION")
    body = {"properties": {"hs_buying_role": ";BLOCKER;CHAMPION"}}
    changed = await hubspot.patch(f"{OBJECTS}/contacts/{contact}", json=body)
    assert changed.json()["properties"]["hs_buying_role"] == "CHAMPION;BLOCKER"


async def test_activities_need_their_time_and_tickets_their_stage(hubspot: httpx.AsyncClient) -> None:
    for name, what, missing in (
        ("notes", "NOTE", "hs_timestamp"),
        ("tickets", "TICKET", "hs_pipeline_stage"),
    ):
        reply = await hubspot.post(f"{OBJECTS}/{name}", json={"properties": {}})
        message = f"Error creating {what}.  Some required properties were not set."
        assert problem(reply) == (400, "VALIDATION_ERROR", message)
        assert reply.json()["context"] == {"properties": [missing]}


async def test_a_meeting_is_when_it_starts_and_a_deal_in_the_first_pipeline(
    hubspot: httpx.AsyncClient,
) -> None:
    start = "2026-02-02T02:40:00.000Z"
    meeting = await create(hubspot, "meetings", hs_meeting_start_time=start)
    shown = await hubspot.get(f"{OBJECTS}/meetings/{meeting}", params={"properties": "hs_timestamp"})
    assert shown.json()["properties"]["hs_timestamp"] == start
    deal = await hubspot.get(f"{OBJECTS}/deals/{await create(hubspot, 'deals', dealname='D')}")
    assert (deal.json()["properties"]["pipeline"], deal.json()["properties"]["dealstage"]) == (
        "default",
        None,
    )


async def test_a_stage_decides_the_pipeline_and_whether_a_deal_is_closed_and_won(
    hubspot: httpx.AsyncClient,
) -> None:
    deal = await create(hubspot, "deals", dealname="D", dealstage="99000003")
    names = "pipeline,hs_is_closed,hs_is_closed_won,hs_deal_stage_probability,closedate"
    shown = (await hubspot.get(f"{OBJECTS}/deals/{deal}", params={"properties": names})).json()["properties"]
    assert [shown[name] for name in names.split(",")] == ["99000000", "true", "true", "1.0", STAMP]
    reply = await hubspot.patch(f"{OBJECTS}/deals/{deal}", json={"properties": {"pipeline": "default"}})
    assert problem(reply)[2] == "Pipeline stage ID 99000003 is not valid for pipeline ID default."


async def test_bodies_that_cannot_be_read_are_refused_as_such(hubspot: httpx.AsyncClient) -> None:
    url, header = f"{OBJECTS}/contacts", {"Content-Type": "application/json"}
    for content in (b"{", b"[]", b"{}", b'{"properties": {"email": {"a": 1}}}'):
        status, _, message = problem(await hubspot.post(url, content=content, headers=header))
        assert status == 400
        assert message.startswith("Invalid input JSON on line 1, column 1: ")
    assert (await hubspot.post(url, content=b"{}")).status_code == 415


async def test_what_there_is_not_is_told_by_kind(hubspot: httpx.AsyncClient) -> None:
    assert problem(await hubspot.get(f"{OBJECTS}/contacts/5"))[:2] == (404, "OBJECT_NOT_FOUND")
    assert problem(await hubspot.get(f"{OBJECTS}/houses"))[2] == "Unable to infer object type from: houses"
    assert (await hubspot.put(f"{OBJECTS}/contacts", json={})).status_code == 405
    page = await hubspot.get("/crm/v9/objects/contacts")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_the_type_is_named_by_plural_singular_and_number_and_the_version_by_date(
    hubspot: httpx.AsyncClient,
) -> None:
    contact = await create(hubspot, "contacts", firstname="A")
    for path in (
        *(f"{OBJECTS}/{name}" for name in ("contacts", "contact", "0-1")),
        *(f"/crm/objects/{date}/contacts" for date in ("2026-03", "2026-09")),
    ):
        assert (await hubspot.get(f"{path}/{contact}")).json()["id"] == contact
    assert (await hubspot.get("/crm/objects/2020-01/contacts")).status_code == 404


async def test_archived_records_are_in_the_archive_alone_for_ninety_days(
    empty: tuple[HubSpotDouble, httpx.AsyncClient],
) -> None:
    double, hubspot = empty
    kept, gone = [await create(hubspot, "companies", name=name) for name in "AB"]
    for _ in range(2):
        assert (await hubspot.delete(f"{OBJECTS}/companies/{gone}")).status_code == 204
    assert (await hubspot.get(f"{OBJECTS}/companies/{gone}")).status_code == 404
    live = (await hubspot.get(f"{OBJECTS}/companies")).json()["results"]
    archive = (await hubspot.get(f"{OBJECTS}/companies", params={"archived": "true"})).json()["results"]
    assert ([one["id"] for one in live], [one["id"] for one in archive]) == ([kept], [gone])
    one = (await hubspot.get(f"{OBJECTS}/companies/{gone}", params={"archived": "true"})).json()
    assert (one["archived"], one["archivedAt"], one["updatedAt"]) == (True, STAMP, STAMP)
    double.clock.advance(90 * 86_400)
    assert (await hubspot.get(f"{OBJECTS}/companies", params={"archived": "true"})).json() == {"results": []}


async def test_a_restored_record_is_live_and_changed(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> None:
    double, hubspot = empty
    company = await create(hubspot, "companies", name="A")
    await hubspot.delete(f"{OBJECTS}/companies/{company}")
    double.clock.advance(60)
    store = double.portal.stores["companies"]
    restore(double.portal, store, next(iter(store.table.deleted())))
    one = (await hubspot.get(f"{OBJECTS}/companies/{company}")).json()
    assert (one["archived"], one["updatedAt"]) == (False, "2026-01-01T09:01:00.000Z")


@pytest.mark.parametrize("way", ["new", "keep"])
async def test_a_merged_record_knows_both_and_is_found_by_both(make_hubspot: Make, way: str) -> None:
    _, hubspot = make_hubspot(settings={"merge": way})
    company = await create(hubspot, "companies", name="C")
    first = await create(hubspot, "contacts", email="a@example.com", firstname="A")
    second = await create(hubspot, "contacts", email="b@example.com", lastname="B")
    path = f"/crm/v4/objects/contacts/{second}/associations/default/companies/{company}"
    assert (await hubspot.put(path)).status_code == 200
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    merged = (await hubspot.post(f"{OBJECTS}/contacts/merge", json=body)).json()
    assert (merged["id"] == first) is (way == "keep")
    assert merged["properties"]["hs_merged_object_ids"] == f"{first};{second}"
    values = [
        merged["properties"][name] for name in ("email", "firstname", "lastname", "hs_additional_emails")
    ]
    assert values == ["a@example.com", "A", "B", "b@example.com"]
    for old in (first, second):
        found = await hubspot.get(f"{OBJECTS}/contacts/{old}", params={"associations": "companies"})
        assert found.json()["id"] == merged["id"]
        assert found.json()["associations"]["companies"]["results"][0]["id"] == company
    assert len((await hubspot.get(f"{OBJECTS}/contacts")).json()["results"]) == 1


async def test_history_is_shown_when_asked(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> None:
    double, hubspot = empty
    company = await create(hubspot, "companies", name="A")
    double.clock.advance(60)
    await hubspot.patch(f"{OBJECTS}/companies/{company}", json={"properties": {"name": "B"}})
    params = {"propertiesWithHistory": "name"}
    shown = (await hubspot.get(f"{OBJECTS}/companies/{company}", params=params)).json()[
        "propertiesWithHistory"
    ]
    assert [(one["value"], one["timestamp"]) for one in shown["name"]] == [
        ("B", "2026-01-01T09:01:00.000Z"),
        ("A", STAMP),
    ]


async def test_a_write_that_changes_nothing_does_not_touch_the_time(
    empty: tuple[HubSpotDouble, httpx.AsyncClient],
) -> None:
    double, hubspot = empty
    company = await create(hubspot, "companies", name="A")
    double.clock.advance(60)
    same = await hubspot.patch(f"{OBJECTS}/companies/{company}", json={"properties": {"name": "A"}})
    assert same.json()["updatedAt"] == STAMP


async def test_a_contact_deleted_for_privacy_is_not_in_the_archive(hubspot: httpx.AsyncClient) -> None:
    await create(hubspot, "contacts", email="a@example.com")
    body = {"objectId": "a@example.com", "idProperty": "email"}
    assert (await hubspot.post(f"{OBJECTS}/contacts/gdpr-delete", json=body)).status_code == 204
    assert (await hubspot.get(f"{OBJECTS}/contacts", params={"archived": "true"})).json() == {"results": []}


async def test_the_truth_has_every_value_and_association_of_seeded_records(make_hubspot: Make) -> None:
    double, _ = make_hubspot(rows={"contacts": 4, "companies": 2})
    contacts = list(double.truth("contacts"))
    assert len(contacts) == 4
    assert {"email", "lifecyclestage", "associatedcompanyid"} <= set(contacts[0]["properties"])  # pyright: ignore[reportArgumentType]
    assert "companies" in contacts[0]["associations"]  # pyright: ignore[reportOperatorIssue]
    assert list(double.truth("contacts", deleted=True)) == []
    assert {"companies", "owners", "pipelines"} <= set(double.objects())
