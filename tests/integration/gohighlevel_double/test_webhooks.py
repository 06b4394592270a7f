"""Webhooks: which events a change sends, what they hold, and their signatures."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
URL = "https://app.example.com/hooks"


async def told(ghl: httpx.AsyncClient) -> list[dict[str, Any]]:
    sent = (await ghl.request("DELETE", "/_outbox")).json()["outbox"]
    assert {one["url"] for one in sent} <= {URL}
    return [json.loads(one["body"]) for one in sent]


async def test_changes_of_contacts_are_told_with_the_whole_record(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"webhook_url": URL})
    own = double.credentials["location_id"]
    body = {"locationId": own, "email": "a@b.cd", "firstName": "Ada"}
    made = (await ghl.post("/contacts/", json=body)).json()["contact"]
    (event,) = await told(ghl)
    assert (event["type"], event["id"], event["locationId"]) == ("ContactCreate", made["id"], own)
    assert (event["email"], event["timestamp"]) == ("a@b.cd", "2026-01-01T09:00:00.000Z")
    assert event["webhookId"]
    await ghl.put(f"/contacts/{made['id']}", json={"firstName": "Eve"})
    await ghl.post(f"/contacts/{made['id']}/tags", json={"tags": ["vip"]})
    await ghl.delete(f"/contacts/{made['id']}")
    events = await told(ghl)
    assert [one["type"] for one in events] == [
        "ContactUpdate",
        "ContactUpdate",
        "ContactTagUpdate",
        "ContactDelete",
    ]
    assert (events[-1]["id"], events[-1]["tags"]) == (made["id"], ["vip"])
    assert len({one["webhookId"] for one in events}) == 4


async def test_opportunities_tasks_notes_and_appointments_are_told_of(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"webhook_url": URL})
    own, main = double.credentials["location_id"], double.agency.main
    contact = (await ghl.post("/contacts/", json={"locationId": own, "email": "a@b.cd"})).json()["contact"]
    pipeline = main.pipelines[0]
    deal = {"pipelineId": pipeline.id, "locationId": own, "name": "D", "status": "open"}
    made = await ghl.post("/opportunities/", json={**deal, "contactId": contact["id"]})
    changes = {"status": "won", "monetaryValue": 5, "pipelineStageId": pipeline.stages[1].id}
    await ghl.put(f"/opportunities/{made.json()['opportunity']['id']}", json=changes)
    task = {"title": "t", "dueDate": "2026-02-01T00:00:00Z", "completed": False}
    url = f"/contacts/{contact['id']}"
    kept = (await ghl.post(f"{url}/tasks", json=task)).json()["task"]
    await ghl.put(f"{url}/tasks/{kept['id']}", json={"title": "u"})
    await ghl.put(f"{url}/tasks/{kept['id']}/completed", json={"completed": True})
    await ghl.post(f"{url}/notes", json={"body": "n"})
    booking = {"calendarId": next(iter(main.calendars)), "locationId": own, "contactId": contact["id"]}
    await ghl.post("/calendars/events/appointments", json={**booking, "startTime": "2026-02-01T10:00:00Z"})
    events = await told(ghl)
    assert [one["type"] for one in events] == [
        "ContactCreate",
        "OpportunityCreate",
        "OpportunityUpdate",
        "OpportunityStageUpdate",
        "OpportunityStatusUpdate",
        "OpportunityMonetaryValueUpdate",
        "TaskCreate",
        "TaskComplete",
        "NoteCreate",
        "AppointmentCreate",
    ]
    assert events[2]["status"] == "won"
    assert events[-1]["appointment"]["contactId"] == contact["id"]


async def test_both_signatures_prove_the_body(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"webhook_url": URL})
    await ghl.post("/contacts/", json={"locationId": double.credentials["location_id"], "firstName": "Zoë"})
    (sent,) = double.outbox()
    raw, headers = str(sent["body"]).encode(), cast("dict[str, str]", sent["headers"])
    new = serialization.load_pem_public_key(double.credentials["webhook_ed25519_key"].encode())
    old = serialization.load_pem_public_key(double.credentials["webhook_rsa_key"].encode())
    assert isinstance(new, ed25519.Ed25519PublicKey)
    assert isinstance(old, rsa.RSAPublicKey)
    new.verify(base64.b64decode(headers["x-ghl-signature"]), raw)
    old.verify(base64.b64decode(headers["x-wh-signature"]), raw, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        new.verify(base64.b64decode(headers["x-ghl-signature"]), raw + b" ")


@pytest.mark.parametrize(
    ("wanted", "headers"),
    [("ed25519", {"x-ghl-signature"}), ("rsa", {"x-wh-signature"}), ("none", set[str]())],
)
async def test_signatures_can_be_chosen(make_ghl: Make, wanted: str, headers: set[str]) -> None:
    double, ghl = make_ghl(settings={"webhook_url": URL, "webhook_signatures": wanted})
    await ghl.post("/contacts/", json={"locationId": double.credentials["location_id"], "firstName": "A"})
    (sent,) = double.outbox()
    assert set(cast("dict[str, str]", sent["headers"])) == {"content-type", *headers}


async def test_only_wanted_events_are_sent_and_none_without_an_address(make_ghl: Make) -> None:
    for settings, count in (({"webhook_url": URL, "webhook_events": "ContactDelete"}, 1), ({}, 0)):
        double, ghl = make_ghl(settings=settings)
        body = {"locationId": double.credentials["location_id"], "firstName": "A"}
        made = (await ghl.post("/contacts/", json=body)).json()["contact"]
        await ghl.delete(f"/contacts/{made['id']}")
        assert len(double.outbox()) == count
