"""Relations between records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio


async def associate(ghl: httpx.AsyncClient, location: str, **changes: str) -> dict[str, Any]:
    """A new association of contacts with opportunities."""
    body = {
        "locationId": location,
        "key": "buyer_deal",
        "firstObjectKey": "contact",
        "firstObjectLabel": "buyer",
        "secondObjectKey": "opportunity",
        "secondObjectLabel": "deal",
    }
    reply = await ghl.post("/associations/", json={**body, **changes})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def test_records_are_related_seen_from_both_sides_and_unrelated(
    ghl: httpx.AsyncClient, location: str, contact: Callable[..., Any], opportunity: Callable[..., Any]
) -> None:
    association = await associate(ghl, location)
    assert association["associationType"] == "USER_DEFINED"
    buyer = (await contact(firstName="Ada"))["id"]
    deal = (await opportunity((await contact(firstName="Bo"))["id"]))["id"]
    pair = {"associationId": association["id"], "firstRecordId": buyer, "secondRecordId": deal}
    made = (await ghl.post("/associations/relations", json={"locationId": location, **pair})).json()
    page = {"locationId": location, "skip": 0, "limit": 10}
    for record in (buyer, deal):
        found = (await ghl.get(f"/associations/relations/{record}", params=page)).json()
        assert [(one["id"], one["secondRecordId"]) for one in found["relations"]] == [(made["id"], deal)]
    again = await ghl.post("/associations/relations", json={"locationId": location, **pair})
    assert (again.status_code, again.json()["message"]) == (400, "Relation already exists")
    await ghl.delete(f"/associations/relations/{made['id']}", params={"locationId": location})
    assert (await ghl.get(f"/associations/relations/{buyer}", params=page)).json()["total"] == 0


async def test_the_relations_of_an_association_and_of_deleted_records_are_gone(
    ghl: httpx.AsyncClient, location: str, contact: Callable[..., Any]
) -> None:
    association = await associate(ghl, location, secondObjectKey="contact")
    first, second, third = [(await contact(firstName=name))["id"] for name in "ABC"]
    for other in (second, third):
        pair = {"associationId": association["id"], "firstRecordId": first, "secondRecordId": other}
        await ghl.post("/associations/relations", json={"locationId": location, **pair})
    page = {"locationId": location, "skip": 0, "limit": 10}
    await ghl.delete(f"/contacts/{second}")
    assert (await ghl.get(f"/associations/relations/{first}", params=page)).json()["total"] == 1
    gone = (await ghl.delete(f"/associations/{association['id']}")).json()
    assert (gone["deleted"], gone["id"]) == (True, association["id"])
    assert (await ghl.get(f"/associations/relations/{first}", params=page)).json()["total"] == 0


async def test_wrong_records_and_kinds_are_refused(
    ghl: httpx.AsyncClient, location: str, contact: Callable[..., Any]
) -> None:
    association = await associate(ghl, location)
    one = (await contact(firstName="A"))["id"]
    pair = {"associationId": association["id"], "firstRecordId": one, "secondRecordId": one}
    reply = await ghl.post("/associations/relations", json={"locationId": location, **pair})
    assert (reply.status_code, reply.json()["message"]) == (400, f"Opportunity with id {one} not found")
    body = {"locationId": location, "key": "k", "firstObjectLabel": "a", "secondObjectLabel": "b"}
    wrong = {**body, "firstObjectKey": "tree", "secondObjectKey": "contact"}
    assert (await ghl.post("/associations/", json=wrong)).status_code == 422


async def test_relations_are_told_to_the_app(make_ghl: Make) -> None:
    double, ghl = make_ghl(
        settings={"webhook_url": "https://app.example.com/hook", "webhook_signatures": "ed25519"}
    )
    await associate(ghl, double.credentials["location_id"])
    assert '"type":"AssociationCreate"' in str(double.outbox()[-1]["body"])
