"""Notifications: channels, their expiry, and what a change sends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.test_writing import create

pytestmark = pytest.mark.anyio
WATCH = "/crm/v8/actions/watch"
CHANNEL: dict[str, Any] = {
    "channel_id": 1000000068001,
    "events": ["Deals.all"],
    "notify_url": "https://example.com/hook?source=zoho",
    "token": "shared-secret",
}


async def watch(zoho: httpx.AsyncClient, *channels: dict[str, Any], method: str = "POST") -> httpx.Response:
    return await zoho.request(method, WATCH, json={"watch": list(channels)})


async def expiry(zoho: httpx.AsyncClient) -> str:
    return (await zoho.get(WATCH)).json()["watch"][0]["channel_expiry"]


async def test_a_channel_is_opened(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    reply = await watch(zoho, CHANNEL | {"channel_expiry": "2026-01-03T09:00:00+00:00"})
    (item,) = reply.json()["watch"]
    assert (reply.status_code, item["code"]) == (201, "SUCCESS")
    assert item["message"] == "Successfully subscribed for actions-watch of the given module"
    assert item["details"]["events"] == [
        {
            "channel_expiry": "2026-01-03T14:30:00+05:30",
            "resource_uri": "http://zoho.test/crm/v8/Deals",
            "resource_id": double.org.modules["Deals"].id,
            "resource_name": "Deals",
            "channel_id": "1000000068001",
        }
    ]


async def test_a_channel_lives_an_hour_unless_asked_and_a_week_at_most(
    zoho: httpx.AsyncClient, double: ZohoDouble
) -> None:
    hour = "2026-01-01T15:30:00+05:30"
    await watch(zoho, CHANNEL)
    assert await expiry(zoho) == hour
    await watch(zoho, CHANNEL | {"channel_expiry": "2026-01-09T09:00:01+00:00"}, method="PUT")
    assert await expiry(zoho) == hour
    await watch(zoho, CHANNEL | {"channel_expiry": "2026-01-08T09:00:00+00:00"}, method="PUT")
    assert await expiry(zoho) == "2026-01-08T14:30:00+05:30"
    double.clock.advance(7 * 86_400)
    assert (await zoho.get(WATCH)).status_code == 204
    late = await watch(zoho, CHANNEL, method="PUT")
    assert late.json()["watch"][0]["code"] == "NOT_SUBSCRIBED"


async def test_changes_are_told_as_zoho_tells_them(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    await watch(zoho, CHANNEL)
    deal = await create(zoho, "Deals", Deal_Name="D", Stage="Qualification")
    await zoho.put(f"/crm/v8/Deals/{deal}", json={"data": [{"Stage": "Closed Won"}]})
    await zoho.delete(f"/crm/v8/Deals/{deal}")
    await create(zoho, "Leads", Last_Name="unwatched")
    sent = (await zoho.get("/_outbox")).json()["outbox"]
    assert [one["body"]["operation"] for one in sent] == ["insert", "update", "delete"]
    assert sent[1] == {
        "url": "https://example.com/hook?source=zoho",
        "body": {
            "server_time": int(double.clock.now() * 1000),
            "query_params": {"source": "zoho"},
            "module": "Deals",
            "resource_uri": "http://zoho.test/crm/v8/Deals",
            "ids": [deal],
            "affected_fields": [{deal: ["Stage"]}],
            "operation": "update",
            "channel_id": "1000000068001",
            "token": "shared-secret",
        },
    }
    assert len((await zoho.delete("/_outbox")).json()["outbox"]) == 3
    assert (await zoho.get("/_outbox")).json() == {"outbox": []}


async def test_only_what_was_asked_for_is_told(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    selection = {"group_operator": "or", "group": [{"api_name": "Stage"}, {"field": {"api_name": "Amount"}}]}
    condition = {
        "type": "field_selection",
        "module": {"api_name": "Deals"},
        "field_selection": selection,
    }
    await watch(
        zoho,
        CHANNEL
        | {
            "events": ["Deals.edit", "Leads.create"],
            "notification_condition": [condition],
            "return_affected_field_values": True,
        },
    )
    deal = await create(zoho, "Deals", Deal_Name="D", Stage="Qualification")
    await zoho.put(f"/crm/v8/Deals/{deal}", json={"data": [{"Next_Step": "call"}]})
    assert double.outbox() == []
    await zoho.put(f"/crm/v8/Deals/{deal}", json={"data": [{"Amount": 5}]})
    await create(zoho, "Leads", Last_Name="L")
    bodies: list[Any] = [one["body"] for one in double.outbox()]
    assert [(one["module"], one["operation"]) for one in bodies] == [("Deals", "update"), ("Leads", "insert")]
    assert bodies[0]["affected_values"] == [{"record_id": deal, "values": {"Amount": 5}}]


async def test_a_channel_is_shown_changed_and_closed(zoho: httpx.AsyncClient) -> None:
    other = CHANNEL | {"channel_id": "5", "events": ["Leads.create", "Contacts.edit"]}
    await watch(zoho, CHANNEL, other)
    shown = (await zoho.get(WATCH)).json()
    assert [one["resource_name"] for one in shown["watch"]] == ["Deals", "Leads", "Contacts"]
    assert shown["info"] == {"per_page": 200, "count": 3, "page": 1, "more_records": False}
    only = (await zoho.get(WATCH, params={"channel_id": "5", "module": "Leads"})).json()["watch"]
    assert (only[0]["events"], only[0]["token"]) == (["Leads.create"], "shared-secret")
    patched = await watch(zoho, {"channel_id": 5, "token": "new"}, method="PATCH")
    assert patched.json()["watch"][0]["message"] == "Successfully updated the subscribe details"
    fewer = {"channel_id": 5, "events": ["Leads.create"], "_delete_events": True}
    removed = await watch(zoho, fewer, method="PATCH")
    assert removed.json()["watch"][0]["message"] == "Successfully removed the subscribe details"
    left = (await zoho.get(WATCH, params={"channel_id": "5"})).json()["watch"]
    assert [(one["resource_name"], one["token"]) for one in left] == [("Contacts", "new")]
    closed = await zoho.delete(WATCH, params={"channel_ids": "5,6"})
    assert closed.status_code == 207
    assert [one["code"] for one in closed.json()["watch"]] == ["SUCCESS", "NOT_SUBSCRIBED"]
    assert closed.json()["watch"][0]["message"] == "Successfully un-subscribed from actions-watch"
    assert (await zoho.delete(WATCH)).json()["code"] == "REQUIRED_PARAM_MISSING"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"channel_id": None}, "MANDATORY_NOT_FOUND"),
        ({"channel_id": "abc"}, "INVALID_DATA"),
        ({"events": None}, "MANDATORY_NOT_FOUND"),
        ({"events": ["Nothing.all"]}, "INVALID_DATA"),
        ({"events": ["Deals.read"]}, "INVALID_DATA"),
        ({"events": ["Notes.all"]}, "NOT_SUPPORTED"),
        ({"notify_url": None}, "MANDATORY_NOT_FOUND"),
        ({"notify_url": "nowhere"}, "INVALID_DATA"),
        ({"token": "x" * 51}, "INVALID_DATA"),
        ({"channel_expiry": "tomorrow"}, "INVALID_DATA"),
        ({"channel_expiry": "2025-12-31T00:00:00+00:00"}, "INVALID_DATA"),
        ({"return_affected_field_values": "yes"}, "INVALID_DATA"),
        ({"notification_condition": [{"type": "other"}]}, "INVALID_DATA"),
    ],
)
async def test_channels_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, change: dict[str, Any], code: str
) -> None:
    reply = await watch(zoho, CHANNEL | change)
    assert (reply.status_code, reply.json()["watch"][0]["code"]) == (400, code)
    both = await watch(zoho, CHANNEL, CHANNEL | change)
    assert both.status_code == 207
