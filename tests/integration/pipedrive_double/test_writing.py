"""Writes to the double: what is refused, what follows from what is written, shapes of both versions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Made, Make

pytestmark = pytest.mark.anyio


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """What was created; the call must succeed."""
    reply = await client.post(path, json=body)
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()["data"]


def code_of(double: PipedriveDouble, kind: str, type_: str) -> str:
    """The hash of the first custom field of a type."""
    return next(field.code for field in double.company.fields[kind].custom if field.type == type_)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("deals", {}, "title"),
        ("deals", {"title": ""}, "title"),
        ("deals", {"title": "d", "value": "5"}, "value: must be number"),
        ("deals", {"title": "d", "owner_id": "1"}, "owner_id: must be integer"),
        ("deals", {"title": "d", "is_archived": 1}, "is_archived: must be boolean"),
        ("deals", {"title": "d", "status": "deleted"}, "status"),
        ("deals", {"title": "d", "is_deleted": True}, "is_deleted"),
        ("deals", {"title": "d", "expected_close_date": "2026-02-30"}, "expected_close_date"),
        ("deals", {"title": "d", "user_id": 1}, "user_id"),
        ("deals", {"title": "d", "custom_fields": {"0" * 40: 1}}, "0" * 40),
        ("persons", {"emails": []}, "name"),
        ("persons", {"name": "A", "emails": ["a@example.com"]}, "emails[0]: must be object"),
        ("persons", {"name": "A", "emails": [{"value": "a", "primary": True}] * 2}, "primary"),
        ("persons", {"first_name": "", "last_name": ""}, "name"),
        ("organizations", {"website": "x"}, "name"),
        ("organizations", {"name": "A", "address": "Main Street 1"}, "address: must be object"),
        ("organizations", {"name": "A", "address": {"locality": "Berlin"}}, "address.value"),
        ("activities", {"person_id": 1}, "person_id"),
        ("activities", {"due_time": "25:00"}, "due_time"),
        ("activities", {"done": 1}, "done"),
    ],
)
async def test_what_the_schema_does_not_allow_is_refused(
    pipedrive: httpx.AsyncClient, path: str, body: dict[str, Any], told: str
) -> None:
    reply = await pipedrive.post(f"{V2}/{path}", json=body)
    assert reply.status_code == 400
    assert reply.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert told in reply.json()["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deals", {"title": "d", "person_id": 9}),
        ("deals", {"title": "d", "org_id": 9}),
        ("deals", {"title": "d", "owner_id": 9}),
        ("deals", {"title": "d", "stage_id": 99}),
        ("deals", {"title": "d", "stage_id": 1, "pipeline_id": 2}),
        ("deals", {"title": "d", "currency": "XXX"}),
        ("deals", {"title": "d", "lost_reason": "price"}),
        ("deals", {"title": "d", "won_time": "2026-01-01T00:00:00Z"}),
        ("activities", {"type": "skydiving"}),
        ("activities", {"participants": [{"person_id": 9}]}),
        ("organizations", {"name": "A", "industry": 99}),
    ],
)
async def test_what_does_not_fit_the_company_is_refused(
    pipedrive: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    reply = await pipedrive.post(f"{V2}/{path}", json=body)
    assert (reply.status_code, reply.json()["success"]) == (400, False)


async def test_a_deal_begins_in_the_first_stage_and_a_pipeline_means_its_first(
    pipedrive: httpx.AsyncClient,
) -> None:
    plain = await made(pipedrive, f"{V2}/deals", title="d")
    assert (plain["stage_id"], plain["pipeline_id"], plain["status"], plain["value"]) == (1, 1, "open", 0)
    renewal = await made(pipedrive, f"{V2}/deals", title="d", pipeline_id=2)
    assert (renewal["stage_id"], renewal["pipeline_id"]) == (6, 2)
    moved = (await pipedrive.patch(f"{V2}/deals/1", json={"stage_id": 7})).json()["data"]
    assert (moved["stage_id"], moved["pipeline_id"]) == (7, 2)
    assert moved["stage_change_time"] == "2026-01-01T09:00:00Z"


async def test_winning_losing_and_reopening_move_the_times(empty: Made) -> None:
    double, client = empty
    deal = await made(client, f"{V2}/deals", title="d", value=12.5, currency="EUR")
    path = f"{V2}/deals/{deal['id']}"
    won = (await client.patch(path, json={"status": "won"})).json()["data"]
    assert (won["won_time"], won["close_time"], won["lost_time"]) == ("2026-01-01T09:00:00Z",) * 2 + (None,)
    double.clock.advance(60)
    lost = (await client.patch(path, json={"status": "lost", "lost_reason": "price"})).json()["data"]
    assert (lost["won_time"], lost["lost_time"], lost["lost_reason"]) == (
        None,
        "2026-01-01T09:01:00Z",
        "price",
    )
    opened = (await client.patch(path, json={"status": "open"})).json()["data"]
    assert [opened[name] for name in ("won_time", "lost_time", "close_time", "lost_reason")] == [None] * 4
    assert (opened["value"], opened["currency"]) == (12.5, "EUR")


async def test_a_deleted_deal_that_is_told_not_to_be_deleted_comes_back(pipedrive: httpx.AsyncClient) -> None:
    await made(pipedrive, f"{V2}/deals", title="d", status="won")
    await pipedrive.delete(f"{V2}/deals/1")
    assert (await pipedrive.patch(f"{V2}/deals/1", json={"title": "x"})).status_code == 404
    back = (await pipedrive.patch(f"{V2}/deals/1", json={"is_deleted": False})).json()["data"]
    assert (back["is_deleted"], back["status"]) == (False, "won")


async def test_a_persons_names_give_each_other(pipedrive: httpx.AsyncClient) -> None:
    whole = await made(pipedrive, f"{V2}/persons", name="Ada King Lovelace")
    assert (whole["first_name"], whole["last_name"]) == ("Ada", "King Lovelace")
    parts = await made(pipedrive, f"{V2}/persons", first_name="Grace", last_name="Hopper")
    assert parts["name"] == "Grace Hopper"
    assert (await pipedrive.patch(f"{V2}/persons/1", json={"first_name": "A"})).status_code == 400


async def test_the_first_address_is_primary_and_labels_default_to_work(pipedrive: httpx.AsyncClient) -> None:
    person = await made(
        pipedrive,
        f"{V2}/persons",
        name="A",
        emails=[{"value": "a@x.io"}, {"value": "b@x.io", "label": "home"}],
    )
    assert person["emails"] == [
        {"value": "a@x.io", "primary": True, "label": "work"},
        {"value": "b@x.io", "primary": False, "label": "home"},
    ]


async def test_without_contact_sync_its_fields_are_neither_kept_nor_shown(make_pipedrive: Make) -> None:
    body = {"name": "A", "job_title": "CEO", "birthday": "1990-01-31"}
    plain = await made(make_pipedrive()[1], f"{V2}/persons", **body)
    synced = await made(make_pipedrive(settings={"contact_sync": "true"})[1], f"{V2}/persons", **body)
    assert "job_title" not in plain
    assert (synced["job_title"], synced["birthday"], synced["im"]) == ("CEO", "1990-01-31", [])


async def test_parts_of_an_address_that_are_not_given_are_null(pipedrive: httpx.AsyncClient) -> None:
    address = {"value": "1 Main St", "locality": "Boston"}
    await made(pipedrive, f"{V2}/organizations", name="A", address=address)
    path = f"{V2}/organizations/1"
    changed = (await pipedrive.patch(path, json={"address": {"value": "2 Main St"}})).json()["data"]
    assert (changed["address"]["value"], changed["address"]["locality"]) == ("2 Main St", None)


async def test_an_activitys_person_is_its_primary_participant(pipedrive: httpx.AsyncClient) -> None:
    for name in "AB":
        await made(pipedrive, f"{V2}/persons", name=name)
    sent = [{"person_id": 1}, {"person_id": 2, "primary": True}]
    activity = await made(pipedrive, f"{V2}/activities", type="meeting", participants=sent, due_time="10:30")
    assert (activity["person_id"], activity["due_time"], activity["subject"]) == (2, "10:30:00", "Meeting")
    assert "attendees" not in activity
    done = (await pipedrive.patch(f"{V2}/activities/1", json={"done": True})).json()["data"]
    assert done["marked_as_done_time"] == "2026-01-01T09:00:00Z"


async def test_custom_fields_are_nested_in_v2_and_checked_by_their_types(empty: Made) -> None:
    double, client = empty
    segment, channels = code_of(double, "deal", "enum"), code_of(double, "deal", "set")
    fee, period = code_of(double, "deal", "monetary"), code_of(double, "deal", "daterange")
    small = double.company.fields["deal"].custom[0].options[0].id
    web, phone = (one.id for one in double.company.fields["deal"].custom[1].options[:2])
    good = {
        segment: small,
        channels: [web, phone],
        fee: {"value": 10.5, "currency": "EUR"},
        period: {"value": "2026-01-01", "until": "2026-12-31"},
    }
    deal = await made(client, f"{V2}/deals", title="d", custom_fields=good)
    assert {code: value for code, value in deal["custom_fields"].items() if value is not None} == good
    wrong: tuple[tuple[str, object], ...] = (
        (segment, str(small)),
        (segment, 1),
        (channels, list[int]()),
        (channels, "1,2"),
        (fee, 5),
        (fee, {"value": "5", "currency": "EUR"}),
        (period, {"until": "2026-12-31"}),
    )
    for code, bad in wrong:
        reply = await client.patch(f"{V2}/deals/1", json={"custom_fields": {code: bad}})
        assert reply.status_code == 400, (code, bad)
    nested = {segment: {"value": {"value": {"value": 1}}}}
    assert (await client.patch(f"{V2}/deals/1", json={"custom_fields": nested})).status_code == 500
    cleared = await client.patch(f"{V2}/deals/1", json={"custom_fields": {channels: None}})
    assert cleared.json()["data"]["custom_fields"][channels] is None
    assert cleared.json()["data"]["custom_fields"][segment] == small
    some = await client.get(
        f"{V2}/deals/1", params={"custom_fields": segment, "include_option_labels": "true"}
    )
    assert some.json()["data"]["custom_fields"] == {segment: {"id": small, "label": "Small"}}


async def test_leads_have_the_custom_fields_of_deals_flat_and_only_those_that_are_set(empty: Made) -> None:
    double, client = empty
    segment, fee = code_of(double, "deal", "enum"), code_of(double, "deal", "monetary")
    channels = code_of(double, "deal", "set")
    small = double.company.fields["deal"].custom[0].options[0].id
    web, phone = (one.id for one in double.company.fields["deal"].custom[1].options[:2])
    await made(client, f"{V2}/persons", name="A")
    reply = await client.post(
        f"{V1}/leads",
        json={
            "title": "l",
            "person_id": 1,
            "value": {"amount": 5, "currency": "EUR"},
            segment: small,
            channels: f"{web},{phone}",
            fee: 12,
            f"{fee}_currency": "USD",
        },
    )
    lead = reply.json()["data"]
    assert reply.status_code == 201
    assert (lead[segment], lead[channels], lead[fee]) == (str(small), f"{web},{phone}", 12)
    assert lead[f"{fee}_currency"] == "USD"
    assert "custom_fields" not in lead
    changed = await client.patch(f"{V1}/leads/{lead['id']}", json={segment: None, "is_archived": True})
    assert segment not in changed.json()["data"]
    assert (await client.get(f"{V1}/leads")).json()["data"] == []
    assert [one["id"] for one in (await client.get(f"{V1}/leads/archived")).json()["data"]] == [lead["id"]]


async def test_a_lead_needs_a_person_or_an_organization(pipedrive: httpx.AsyncClient) -> None:
    reply = await pipedrive.post(f"{V1}/leads", json={"title": "l"})
    assert reply.status_code == 400
    assert reply.json().keys() == {"success", "error", "error_info", "data", "additional_data"}
    missing = await pipedrive.get(f"{V1}/leads/adf21080-0e10-11eb-879b-05d71fb426ec")
    assert missing.status_code == 404
    assert missing.json()["error"] == "requested lead not found"


async def test_notes_are_about_something_and_are_changed_by_put(pipedrive: httpx.AsyncClient) -> None:
    assert (await pipedrive.post(f"{V1}/notes", json={"content": "n"})).status_code == 400
    await made(pipedrive, f"{V2}/deals", title="d")
    note = await made(pipedrive, f"{V1}/notes", content="<b>n</b>", deal_id=1, pinned_to_deal_flag=1)
    assert (note["deal"], note["pinned_to_deal_flag"], note["add_time"]) == (
        {"title": "d"},
        True,
        "2026-01-01 09:00:00",
    )
    assert (await pipedrive.patch(f"{V1}/notes/1", json={"content": "m"})).status_code == 405
    assert (await pipedrive.put(f"{V1}/notes/1", json={"content": "m"})).json()["data"]["content"] == "m"
    assert (await pipedrive.delete(f"{V1}/notes/1")).json() == {"success": True, "data": True}
    assert (await pipedrive.get(f"{V1}/notes")).json()["data"] == []


async def test_pipelines_and_stages_are_made_changed_and_deleted(pipedrive: httpx.AsyncClient) -> None:
    pipeline = await made(pipedrive, f"{V2}/pipelines", name="Partners")
    stage = await made(pipedrive, f"{V2}/stages", name="New", pipeline_id=pipeline["id"], deal_probability=10)
    assert (pipeline["order_nr"], stage["order_nr"]) == (3, 1)
    path = f"{V2}/stages/{stage['id']}"
    assert (await pipedrive.patch(path, json={"name": "Newer"})).json()["data"]["name"] == "Newer"
    await pipedrive.delete(f"{V2}/pipelines/{pipeline['id']}")
    listed = (await pipedrive.get(f"{V2}/stages", params={"pipeline_id": pipeline["id"]})).json()
    assert listed["data"] == []
    assert (await pipedrive.get(path)).json()["data"]["is_deleted"] is True
