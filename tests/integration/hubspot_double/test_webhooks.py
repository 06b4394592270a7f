"""Webhooks: subscriptions, what is sent, and how it is signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from crmhub_rest.simulators.hubspot.subscriptions import signature
from tests.integration.hubspot_double.conftest import OBJECTS, create, problem

pytestmark = pytest.mark.anyio
TARGET = "https://hooks.example.com/hubspot?tenant=1"


class App:
    """The app's webhook settings, by the developer's key."""

    def __init__(self, double: HubSpotDouble, client: httpx.AsyncClient) -> None:
        self.double = double
        self.client = client
        self.url = f"/webhooks/v3/{double.credentials['app_id']}"
        self.key = {"hapikey": double.credentials["developer_api_key"]}

    async def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self.client.request(
            method, f"{self.url}/{path}", params=self.key, json=body, headers={"Authorization": ""}
        )

    async def listen(self, *events: Mapping[str, object]) -> None:
        body = {"targetUrl": TARGET, "throttling": {"maxConcurrentRequests": 10}}
        assert (await self.call("PUT", "settings", body)).status_code == 200
        for event in events:
            assert (await self.call("POST", "subscriptions", {"active": True, **event})).status_code == 201

    def sent(self) -> list[dict[str, Any]]:
        return [event for one in self.double.outbox(clear=True) for event in json.loads(str(one["body"]))]


@pytest.fixture
def app(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> App:
    return App(*empty)


async def test_what_happens_to_records_is_told_to_who_subscribed(
    app: App, hubspot: httpx.AsyncClient
) -> None:
    await app.listen(
        *(
            {"eventType": f"contact.{kind}"}
            for kind in ("creation", "deletion", "merge", "associationChange")
        ),
        {"eventType": "contact.propertyChange", "propertyName": "city"},
        {"eventType": "object.creation", "objectTypeId": "0-46"},
    )
    first = await create(hubspot, "contacts", email="a@x.example", city="Rome")
    second = await create(hubspot, "contacts", email="b@x.example")
    company = await create(hubspot, "companies", name="X")
    note = await create(hubspot, "notes", hs_timestamp="1770000000000")
    await hubspot.patch(f"{OBJECTS}/contacts/{first}", json={"properties": {"city": "", "fax": "1"}})
    await hubspot.put(f"/crm/v4/objects/contacts/{first}/associations/default/companies/{company}")
    await hubspot.delete(f"{OBJECTS}/contacts/{second}")
    told = app.sent()
    assert [(one["subscriptionType"], str(one.get("objectId"))) for one in told] == [
        ("contact.creation", first),
        ("contact.propertyChange", first),
        ("contact.creation", second),
        ("object.creation", note),
        ("contact.propertyChange", first),
        ("contact.associationChange", "None"),
        ("contact.deletion", second),
    ]
    assert [one["propertyValue"] for one in told if "propertyName" in one] == ["Rome", ""]
    assert told[3]["objectTypeId"] == "0-46"
    link = told[5]
    assert (link["fromObjectId"], link["toObjectId"], link["associationType"]) == (
        int(first),
        int(company),
        "CONTACT_TO_COMPANY",
    )
    assert (told[0]["portalId"], told[0]["appId"], told[0]["attemptNumber"]) == (48_000_001, 3_100_001, 0)
    assert len({one["eventId"] for one in told}) == len(told)
    third = await create(hubspot, "contacts", email="c@x.example")
    merged = await hubspot.post(
        f"{OBJECTS}/contacts/merge", json={"primaryObjectId": first, "objectIdToMerge": third}
    )
    event = app.sent()[-1]
    assert (event["primaryObjectId"], event["mergedObjectIds"]) == (int(first), [int(third)])
    assert event["newObjectId"] == int(merged.json()["id"])


async def test_messages_are_signed_over_what_is_sent_and_have_a_hundred_events(
    app: App, hubspot: httpx.AsyncClient
) -> None:
    await app.listen(
        {"eventType": "company.creation"}, {"eventType": "object.creation", "objectTypeId": "0-2"}
    )
    inputs = [{"properties": {"name": f"C{number}"}} for number in range(60)]
    await hubspot.post(f"{OBJECTS}/companies/batch/create", json={"inputs": inputs})
    sent = app.double.outbox()
    assert [len(json.loads(str(one["body"]))) for one in sent] == [100, 20]
    secret = app.double.credentials["client_secret"]
    for one in sent:
        headers, body = one["headers"], str(one["body"])
        assert isinstance(headers, dict)
        stamp = int(headers["X-HubSpot-Request-Timestamp"])  # pyright: ignore[reportUnknownArgumentType]
        assert stamp == app.double.portal.now()
        assert headers["X-HubSpot-Signature-v3"] == signature(secret, "POST", TARGET, body, stamp)
        assert headers["X-HubSpot-Signature"] == hashlib.sha256((secret + body).encode()).hexdigest()
        assert one["url"] == TARGET


async def test_subscriptions_are_kept_switched_and_removed(app: App, hubspot: httpx.AsyncClient) -> None:
    await app.listen({"eventType": "deal.creation", "active": False})
    await create(hubspot, "deals", dealname="D")
    assert app.sent() == []
    (one,) = (await app.call("GET", "subscriptions")).json()["results"]
    path = f"subscriptions/{one['id']}"
    assert (await app.call("PATCH", path, {"active": True})).json()["active"] is True
    await create(hubspot, "deals", dealname="D")
    assert len(app.sent()) == 1
    both = {"inputs": [{"id": int(one["id"]), "active": False}]}
    assert (await app.call("POST", "subscriptions/batch/update", both)).json()["results"][0][
        "active"
    ] is False
    assert (await app.call("DELETE", path)).status_code == 204
    assert (await app.call("GET", path)).status_code == 404
    assert (await app.call("DELETE", "settings")).status_code == 204
    assert (await app.call("GET", "settings")).status_code == 404


async def test_the_dated_paths_take_a_token_of_the_app_itself(app: App) -> None:
    url = app.url.replace("v3", "2026-03")
    mine = await app.client.get(f"{url}/subscriptions")
    assert problem(mine)[:2] == (403, "MISSING_SCOPES")
    known = {name: app.double.credentials[name] for name in ("client_id", "client_secret")}
    form = {**known, "grant_type": "client_credentials", "scope": "developers-read"}
    token = (await app.client.post("/oauth/2026-03/token", data=form)).json()["access_token"]
    told = await app.client.get(f"{url}/subscriptions", headers={"Authorization": f"Bearer {token}"})
    assert told.json() == {"results": []}


@pytest.mark.parametrize(
    "body",
    [
        {"eventType": "house.creation"},
        {"eventType": "contact.birthday"},
        {"eventType": "object.creation"},
        {"eventType": "contact.propertyChange"},
        {"eventType": "contact.propertyChange", "propertyName": "no_such"},
    ],
)
async def test_subscriptions_to_what_there_is_not_are_refused(app: App, body: dict[str, object]) -> None:
    assert problem(await app.call("POST", "subscriptions", body))[0] == 400


async def test_settings_want_https_and_the_developers_key(app: App) -> None:
    body = {"targetUrl": "http://hooks.example.com", "throttling": {"maxConcurrentRequests": 10}}
    assert problem(await app.call("PUT", "settings", body))[0] == 400
    bare = await app.client.get(f"{app.url}/settings", headers={"Authorization": ""})
    assert bare.status_code == 401


async def test_a_contact_deleted_for_privacy_is_told_as_deleted_and_as_that(
    app: App, hubspot: httpx.AsyncClient
) -> None:
    await app.listen(*({"eventType": f"contact.{kind}"} for kind in ("deletion", "privacyDeletion")))
    one = await create(hubspot, "contacts", city="Oslo")
    await hubspot.post(f"{OBJECTS}/contacts/gdpr-delete", json={"objectId": one})
    assert [(event["subscriptionType"], event["objectId"]) for event in app.sent()] == [
        ("contact.deletion", int(one)),
        ("contact.privacyDeletion", int(one)),
    ]
    refused = await app.call("POST", "subscriptions", {"eventType": "deal.privacyDeletion"})
    assert problem(refused)[2] == "Unknown event type deal.privacyDeletion"
