"""What the double plays of v1 alone: recents, merges, activity types, deals by stage; and conversions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.pipedrive_double.conftest import V1, V2, Made

pytestmark = pytest.mark.anyio
SINCE = {"since_timestamp": "2026-01-01 00:00:00"}


async def data(reply: httpx.Response) -> Any:
    """The data of a reply; the call must have succeeded."""
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()["data"]


async def test_recents_tell_of_all_kinds_oldest_first_and_of_what_was_deleted(empty: Made) -> None:
    double, client = empty
    await client.post(f"{V2}/organizations", json={"name": "A", "address": {"value": "1 Main St"}})
    double.clock.advance(1)
    await client.post(f"{V2}/persons", json={"name": "P", "org_id": 1})
    double.clock.advance(1)
    await client.post(f"{V2}/deals", json={"title": "d", "person_id": 1, "org_id": 1})
    double.clock.advance(1)
    await client.delete(f"{V2}/persons/1")
    reply = (await client.get(f"{V1}/recents", params={**SINCE, "items": "organization,person,deal"})).json()
    assert [(one["item"], one["id"]) for one in reply["data"]] == [
        ("organization", 1),
        ("deal", 1),
        ("person", 1),
    ]
    organization, deal, person = (one["data"] for one in reply["data"])
    assert (organization["address"], organization["active_flag"]) == ("1 Main St", True)
    assert (deal["person_name"], deal["org_name"], deal["visible_to"], deal["active"]) == (
        "P",
        "A",
        "3",
        True,
    )
    assert (person["active_flag"], person["update_time"]) == (False, "2026-01-01 09:00:03")
    assert reply["additional_data"]["last_timestamp_on_page"] == "2026-01-01 09:00:03"
    page = await client.get(f"{V1}/recents", params={**SINCE, "items": "deal,person", "limit": 1})
    assert page.json()["additional_data"]["pagination"]["next_start"] == 1


async def test_recents_reach_back_thirty_days(empty: Made) -> None:
    double, client = empty
    await client.post(f"{V2}/deals", json={"title": "old"})
    double.clock.advance(31 * 86_400)
    await client.post(f"{V2}/deals", json={"title": "new"})
    reply = await client.get(f"{V1}/recents", params={**SINCE, "items": "deal"})
    assert [one["data"]["title"] for one in await data(reply)] == ["new"]
    for wrong in ({}, {"since_timestamp": "2026-01-01T00:00:00Z"}, {**SINCE, "items": "deals"}):
        assert (await client.get(f"{V1}/recents", params=wrong)).status_code == 400


async def test_custom_fields_are_flat_in_v1_and_null_where_there_is_no_value(empty: Made) -> None:
    double, client = empty
    segment, channels, fee, period, _ = double.company.fields["deal"].custom
    custom = {
        fee.code: {"value": 5, "currency": "EUR"},
        channels.code: [one.id for one in channels.options[:2]],
    }
    await client.post(f"{V2}/deals", json={"title": "d", "custom_fields": custom})
    (deal,) = await data(await client.get(f"{V1}/stages/1/deals"))
    assert (deal[fee.code], deal[f"{fee.code}_currency"]) == (5, "EUR")
    assert deal[channels.code] == ",".join(str(one.id) for one in channels.options[:2])
    assert (deal[segment.code], deal[period.code]) == (None, None)
    assert "custom_fields" not in deal
    assert await data(await client.get(f"{V1}/pipelines/1/deals", params={"stage_id": 2})) == []


async def test_merging_deletes_one_and_fills_the_other(empty: Made) -> None:
    double, client = empty
    phones = [{"value": "1"}]
    await client.post(f"{V2}/persons", json={"name": "Ada L", "phones": phones})
    await client.post(f"{V2}/persons", json={"name": "Ada Lovelace"})
    await client.post(f"{V2}/deals", json={"title": "d", "person_id": 1})
    hook = {
        "subscription_url": "https://x.example.com",
        "event_action": "*",
        "event_object": "person",
        "name": "n",
    }
    await client.post(f"{V1}/webhooks", json=hook)
    merged = await data(await client.put(f"{V1}/persons/1/merge", json={"merge_with_id": 2}))
    assert (merged["id"], merged["name"], merged["merge_what_id"]) == (2, "Ada Lovelace", 1)
    assert merged["phone"][0]["value"] == "1"
    assert (await data(await client.get(f"{V2}/deals/1")))["person_id"] == 2
    assert (await data(await client.get(f"{V2}/persons/1")))["is_deleted"] is True
    bodies: list[Any] = [sent["body"] for sent in double.outbox()]
    told = [(body["meta"]["action"], body["meta"]["entity_id"]) for body in bodies]
    assert told == [("delete", "1"), ("change", "2")]
    assert (bodies[0]["meta"]["merged_to_id"], bodies[1]["meta"]["merged_from_id"]) == ("2", "1")
    for wrong in ({}, {"merge_with_id": 2}, {"merge_with_id": 9}):
        assert (await client.put(f"{V1}/persons/2/merge", json=wrong)).status_code in {400, 404}


async def test_a_lead_becomes_a_deal_and_a_deal_a_lead(empty: Made) -> None:
    _, client = empty
    await client.post(f"{V2}/persons", json={"name": "P"})
    lead = await data(
        await client.post(
            f"{V1}/leads", json={"title": "l", "person_id": 1, "value": {"amount": 5, "currency": "EUR"}}
        )
    )
    path = f"{V2}/leads/{lead['id']}/convert"
    started = await data(await client.post(f"{path}/deal", json={"stage_id": 2}))
    status = await data(await client.get(f"{path}/status/{started['conversion_id']}"))
    assert status == {"deal_id": 1, "conversion_id": started["conversion_id"], "status": "completed"}
    deal = await data(await client.get(f"{V2}/deals/1"))
    assert (deal["title"], deal["value"], deal["currency"], deal["stage_id"]) == ("l", 5, "EUR", 2)
    assert deal["source_lead_id"] == lead["id"]
    assert (await client.get(f"{V1}/leads/{lead['id']}")).status_code == 404
    back = await data(await client.post(f"{V2}/deals/1/convert/lead"))
    status = await data(await client.get(f"{V2}/deals/1/convert/status/{back['conversion_id']}"))
    assert (await data(await client.get(f"{V1}/leads/{status['lead_id']}")))["source_deal_id"] == 1
    assert (await client.get(f"{V2}/deals/2/convert/status/{back['conversion_id']}")).status_code == 404


async def test_nobody_follows_twice(empty: Made) -> None:
    double, client = empty
    await client.post(f"{V2}/deals", json={"title": "d"})
    path, user = f"{V2}/deals/1/followers", {"user_id": double.company.admin.id}
    assert (await client.post(path, json=user)).status_code == 201
    assert (await client.post(path, json=user)).status_code == 400
    assert [one["user_id"] for one in await data(await client.get(path))] == [user["user_id"]]
    assert await data(await client.delete(f"{path}/{user['user_id']}")) == user
    assert await data(await client.get(path)) == []


async def test_a_new_type_of_activity_can_be_used_until_it_is_deleted(pipedrive: httpx.AsyncClient) -> None:
    body = {"name": "Site visit", "icon_key": "car"}
    made = await data(await pipedrive.post(f"{V1}/activityTypes", json=body))
    assert (made["key_string"], made["is_custom_flag"]) == ("site_visit", True)
    assert (await pipedrive.post(f"{V1}/activityTypes", json=body)).status_code == 400
    assert (await data(await pipedrive.post(f"{V2}/activities", json={"type": "site_visit"})))[
        "subject"
    ] == "Site visit"
    path = f"{V1}/activityTypes/{made['id']}"
    assert (await data(await pipedrive.put(path, json={"name": "Visit"})))["key_string"] == "site_visit"
    assert (await data(await pipedrive.delete(path)))["active_flag"] is False
    assert (await pipedrive.post(f"{V2}/activities", json={"type": "site_visit"})).status_code == 400


async def test_what_v2_has_replaced_is_gone_from_v1(pipedrive: httpx.AsyncClient) -> None:
    for path in ("deals", "persons/1", "organizations", "activities"):
        reply = await pipedrive.get(f"{V1}/{path}")
        assert reply.status_code == 410
        assert reply.json()["success"] is False


async def test_people_bring_deleted_records_back(empty: Made) -> None:
    double, client = empty
    await client.post(f"{V2}/persons", json={"name": "P"})
    await client.post(f"{V2}/deals", json={"title": "d", "status": "won"})
    for path in ("persons", "deals"):
        await client.delete(f"{V2}/{path}/1")
        double.clock.advance(5)
        back = await client.post("/_act/restore", json={"object": path, "id": "1"})
        assert back.status_code == 200
        assert (await data(await client.get(f"{V2}/{path}/1")))["is_deleted"] is False
    assert (await data(await client.get(f"{V2}/deals/1")))["status"] == "won"
    since = {"updated_since": "2026-01-01T09:00:05Z"}
    assert [one["id"] for one in await data(await client.get(f"{V2}/deals", params=since))] == [1]
    again = await client.post("/_act/restore", json={"object": "deals", "id": "1"})
    assert again.status_code == 400


async def test_a_user_who_is_deactivated_stays_in_the_list(empty: Made) -> None:
    double, client = empty
    ident = double.company.users[1].id
    assert (await client.post("/_act/deactivate_user", json={"id": ident})).status_code == 200
    assert (await data(await client.get(f"{V1}/users/{ident}")))["active_flag"] is False
    assert (
        await client.post("/_act/deactivate_user", json={"id": double.company.admin.id})
    ).status_code == 400


async def test_other_choices_are_made_while_it_runs(empty: Made) -> None:
    _, client = empty
    reply = await client.put("/_settings", json={"burst": 1, "contact_sync": True})
    assert reply.json()["settings"] == {"burst": "1", "contact_sync": "true"}
    made = await data(await client.post(f"{V2}/persons", json={"name": "P", "job_title": "CEO"}))
    assert made["job_title"] == "CEO"
    assert (await client.get(f"{V2}/persons")).status_code == 429
    assert (await client.put("/_settings", json={"plan": "gold"})).status_code == 400


async def test_the_contact_person_takes_part_and_others_can(empty: Made) -> None:
    _, client = empty
    for name in "AB":
        await client.post(f"{V2}/persons", json={"name": name})
    await client.post(f"{V2}/deals", json={"title": "d", "person_id": 1})
    path = f"{V1}/deals/1/participants"
    added = await data(await client.post(path, json={"person_id": 2}))
    assert (await client.post(path, json={"person_id": 2})).status_code == 400
    assert (await client.post(path, json={"person_id": 9})).status_code == 404
    assert [one["person"]["name"] for one in await data(await client.get(path))] == ["A", "B"]
    assert (await client.delete(f"{path}/{added['id']}")).status_code == 200
    assert [one["person_id"]["value"] for one in await data(await client.get(path))] == [1]


async def test_labels_of_leads_are_made_changed_and_deleted(pipedrive: httpx.AsyncClient) -> None:
    path = f"{V1}/leadLabels"
    made = await data(await pipedrive.post(path, json={"name": "New", "color": "green"}))
    changed = await data(await pipedrive.patch(f"{path}/{made['id']}", json={"color": "pink"}))
    assert (changed["name"], changed["color"]) == ("New", "pink")
    assert await data(await pipedrive.delete(f"{path}/{made['id']}")) == {"id": made["id"]}
    assert (await pipedrive.delete(f"{path}/{made['id']}")).status_code == 404
    assert (await pipedrive.post(path, json={"name": "New", "color": "beige"})).status_code == 400


async def test_who_may_see_a_record_is_everybody_who_is_active(empty: Made) -> None:
    double, client = empty
    await client.post(f"{V2}/deals", json={"title": "d", "is_archived": True})
    permitted = await data(await client.get(f"{V1}/deals/1/permittedUsers"))
    assert permitted == [user.id for user in double.company.users if user.active]
    assert (await client.get(f"{V1}/persons/1/permittedUsers")).status_code == 404
    assert [one["id"] for one in await data(await client.get(f"{V1}/deals/archived"))] == [1]
    title = next(field for field in double.company.fields["deal"] if field.code == "title")
    assert (await data(await client.get(f"{V1}/dealFields/{title.number}")))["key"] == "title"
