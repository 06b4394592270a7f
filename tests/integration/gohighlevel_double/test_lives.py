"""What happens without the API, and other choices while the double runs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
URL = "https://app.example.com/hooks"


async def happens(ghl: httpx.AsyncClient, name: str, **given: Any) -> dict[str, Any]:
    reply = await ghl.post(f"/_act/{name}", json=given)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_merged_contact_is_gone_and_its_work_has_moved(make_ghl: Make) -> None:
    double, ghl = make_ghl()
    own = {"locationId": double.credentials["location_id"]}
    winner, loser = [
        (await ghl.post("/contacts/", json={**own, **values})).json()["contact"]["id"]
        for values in ({"email": "a@b.cd"}, {"email": "b@b.cd", "city": "Leeds"})
    ]
    await ghl.post(f"/contacts/{loser}/notes", json={"body": "n"})
    await happens(ghl, "merge", winner=winner, loser=loser)
    kept = (await ghl.get(f"/contacts/{winner}")).json()["contact"]
    assert (kept["email"], kept["city"]) == ("a@b.cd", "Leeds")
    assert len((await ghl.get(f"/contacts/{winner}/notes")).json()["notes"]) == 1
    assert (await ghl.get(f"/contacts/{loser}")).status_code == 400
    assert (await ghl.post("/_act/merge", json={"winner": winner, "loser": loser})).status_code == 400
    await happens(ghl, "restore", contact=loser)
    assert (await ghl.get(f"/contacts/{loser}")).json()["contact"]["email"] == "b@b.cd"


async def test_an_app_that_is_removed_has_no_tokens_left(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"webhook_url": URL})
    await happens(ghl, "install")
    await happens(ghl, "uninstall")
    events = [json.loads(str(one["body"])) for one in double.outbox()]
    assert [one["type"] for one in events] == ["INSTALL", "UNINSTALL"]
    assert events[0]["appId"] == double.credentials["client_id"].split("-")[0]
    own = {"locationId": double.credentials["location_id"]}
    token = {"Authorization": f"Bearer {double.credentials['access_token']}"}
    assert (await ghl.get("/users/", params=own, headers=token)).status_code == 401
    assert (await ghl.get("/users/", params=own)).status_code == 200


async def test_a_renewed_private_token_replaces_the_old_one(make_ghl: Make) -> None:
    double, ghl = make_ghl()
    own = {"locationId": double.credentials["location_id"]}
    new = (await happens(ghl, "renew_private_integration_token"))["private_integration_token"]
    assert (await ghl.get("/users/", params=own)).status_code == 401
    token = {"Authorization": f"Bearer {new}"}
    assert (await ghl.get("/users/", params=own, headers=token)).status_code == 200


async def test_other_choices_are_made_while_it_runs(make_ghl: Make) -> None:
    double, ghl = make_ghl()
    own = {"locationId": double.credentials["location_id"]}
    await ghl.post("/contacts/", json={**own, "email": "a@b.cd"})
    changed = await ghl.put("/_settings", json={"duplicates": "allow", "burst": 2, "webhook_url": URL})
    assert changed.json()["settings"] == {"duplicates": "allow", "burst": "2", "webhook_url": URL}
    assert (await ghl.post("/contacts/", json={**own, "email": "a@b.cd"})).status_code == 201
    assert (await ghl.get("/users/", params=own)).status_code == 429
    assert len(double.outbox()) == 1
    assert (await ghl.put("/_settings", json={"shoe": "1"})).status_code == 400
