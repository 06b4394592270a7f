"""Webhooks of the double: registration, and what is sent."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Made

pytestmark = pytest.mark.anyio
HOOK = {
    "subscription_url": "https://hooks.example.com/in",
    "event_action": "*",
    "event_object": "*",
    "name": "all",
    "version": "2.0",
}


async def register(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """A new webhook; the call must succeed."""
    reply = await client.post(f"{V1}/webhooks", json={**HOOK, **more})
    assert reply.status_code == 201, reply.text
    assert reply.json()["status"] == "ok"
    return reply.json()["data"]


def bodies(double: PipedriveDouble) -> list[Any]:
    """The bodies of what was sent, oldest first; the outbox is empty then."""
    return [sent["body"] for sent in double.outbox(clear=True)]


async def test_changes_are_told_with_what_they_were_before(empty: Made) -> None:
    double, client = empty
    await register(client)
    await client.post(f"{V2}/deals", json={"title": "a", "value": 5})
    await client.patch(f"{V2}/deals/1", json={"title": "b"})
    await client.delete(f"{V2}/deals/1")
    created, changed, deleted = bodies(double)
    assert [body["meta"]["action"] for body in (created, changed, deleted)] == ["create", "change", "delete"]
    assert (created["data"]["title"], created["previous"]) == ("a", None)
    assert (changed["data"]["title"], changed["previous"]) == ("b", {"title": "a"})
    assert (deleted["data"], deleted["previous"]["title"]) == (None, "b")
    meta = created["meta"]
    assert (meta["entity"], meta["entity_id"], meta["version"], meta["attempt"]) == ("deal", "1", "2.0", 1)
    assert (meta["timestamp"], meta["is_bulk_edit"]) == ("2026-01-01T09:00:00.000Z", False)
    assert len({body["meta"]["id"] for body in (created, changed, deleted)}) == 3


async def test_a_webhook_is_told_only_of_what_it_asked_for(empty: Made) -> None:
    double, client = empty
    await register(client, event_action="create", event_object="person")
    await client.post(f"{V2}/deals", json={"title": "a"})
    await client.post(f"{V2}/persons", json={"name": "A"})
    await client.patch(f"{V2}/persons/1", json={"name": "B"})
    await client.post(f"{V1}/leads", json={"title": "l", "person_id": 1})
    assert [body["meta"]["entity"] for body in bodies(double)] == ["person"]


async def test_messages_carry_basic_authentication_where_it_was_given(empty: Made) -> None:
    double, client = empty
    await register(client, http_auth_user="hub", http_auth_password="s:e")
    await client.post(f"{V2}/persons", json={"name": "A"})
    (sent,) = double.outbox()
    headers: Any = sent["headers"]
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"hub:s:e"
    assert sent["url"] == HOOK["subscription_url"]


async def test_custom_fields_in_messages_have_their_types(empty: Made) -> None:
    double, client = empty
    await register(client)
    segment, channels, fee, *_ = double.company.fields["deal"].custom
    custom = {
        segment.code: segment.options[0].id,
        channels.code: [channels.options[1].id],
        fee.code: {"value": 5, "currency": "EUR"},
    }
    await client.post(f"{V2}/deals", json={"title": "a", "custom_fields": custom})
    await client.patch(f"{V2}/deals/1", json={"custom_fields": {segment.code: None}})
    created, changed = bodies(double)
    told = created["data"]["custom_fields"]
    assert told[segment.code] == {"type": "enum", "id": segment.options[0].id}
    assert told[channels.code] == {"type": "set", "values": [{"id": channels.options[1].id}]}
    assert told[fee.code] == {"type": "monetary", "value": 5, "currency": "EUR"}
    assert changed["previous"] == {
        "custom_fields": {segment.code: {"type": "enum", "id": segment.options[0].id}}
    }


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"subscription_url": "ftp://x"}, "subscription_url"),
        ({"subscription_url": "https://api.pipedrive.com/v1/deals"}, "subscription_url"),
        ({"event_action": "added"}, "event_action"),
        ({"event_object": "deals"}, "event_object"),
        ({"name": ""}, "name"),
        ({"version": "1.0"}, "version"),
        ({"user_id": 5}, "user_id"),
    ],
)
async def test_wrong_webhooks_are_refused(
    pipedrive: httpx.AsyncClient, more: dict[str, Any], name: str
) -> None:
    reply = await pipedrive.post(f"{V1}/webhooks", json={**HOOK, **more})
    assert reply.status_code == 400
    assert reply.json()["status"] == "error"
    assert list(reply.json()["errors"]) == [name]


async def test_a_user_has_forty_webhooks_at_most_and_they_can_be_deleted(
    pipedrive: httpx.AsyncClient,
) -> None:
    for _ in range(40):
        await register(pipedrive)
    assert (await pipedrive.post(f"{V1}/webhooks", json=HOOK)).status_code == 422
    assert (await pipedrive.delete(f"{V1}/webhooks/7")).json() == {"status": "ok", "success": True}
    assert len((await pipedrive.get(f"{V1}/webhooks")).json()["data"]) == 39
    assert (await pipedrive.delete(f"{V1}/webhooks/7")).status_code == 404
