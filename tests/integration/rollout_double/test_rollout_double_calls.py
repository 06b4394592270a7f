"""Tokens, credentials, limits, faults and webhooks of the Rollout double."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx
import jwt
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rollout.simulator.double import RolloutDouble
from tests.integration.rollout_double.conftest import NOW, Make, add, events, get

pytestmark = pytest.mark.anyio
PEOPLE = "/api/people"


def signed(double: RolloutDouble, *, secret: str = "", algorithm: str = "HS512", **claims: object) -> str:
    values = {"iss": double.credentials["client_id"], "sub": "user-1", "iat": int(NOW), "exp": int(NOW) + 60}
    return jwt.encode({**values, **claims}, secret or double.credentials["client_secret"], algorithm)


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get(PEOPLE, headers={"Authorization": f"Bearer {token}"})).status_code


async def test_tokens_are_signed_by_the_partner(double: RolloutDouble, rollout: httpx.AsyncClient) -> None:
    assert await status(rollout, signed(double)) == 200
    assert await status(rollout, signed(double, secret="another secret of enough bytes" * 4)) == 401
    assert await status(rollout, signed(double, algorithm="HS256")) == 401
    assert await status(rollout, signed(double, iss="nobody")) == 401
    assert await status(rollout, signed(double, exp=int(NOW))) == 401
    assert await status(rollout, signed(double, iat=int(NOW) + 120)) == 401
    assert await status(rollout, "nothing") == 401
    fresh = signed(double)
    double.clock.advance(60)
    assert await status(rollout, fresh) == 401


async def test_expired_tokens_are_refused_and_new_ones_work(
    double: RolloutDouble, rollout: httpx.AsyncClient
) -> None:
    old = signed(double)
    double.clock.advance(1)
    double.expire_tokens()
    assert await status(rollout, old) == 401
    assert await status(rollout, double.tokens.mint("user-1")) == 200


async def test_credentials_are_those_of_the_user(make_rollout: Make) -> None:
    double, rollout = make_rollout(settings={"apps": "follow-up-boss,lofty"}, rows=2)
    listed = await get(rollout, "/api/credentials")
    assert [one["appKey"] for one in listed] == ["follow-up-boss", "lofty"]
    assert [one["appKey"] for one in await get(rollout, "/api/credentials", appKey="lofty")] == ["lofty"]
    stranger = {"Authorization": f"Bearer {signed(double, sub='user-2')}"}
    assert (await rollout.get("/api/credentials", headers=stranger)).json() == []
    assert (await rollout.get(PEOPLE, headers=stranger)).status_code == 403
    assert (await rollout.get(PEOPLE, headers={"X-Rollout-Credential-Id": "no"})).status_code == 403
    assert (await rollout.get(PEOPLE, headers={"X-Rollout-Credential-Id": ""})).status_code == 400
    other = {"X-Rollout-Credential-Id": listed[1]["id"]}
    theirs = (await rollout.get(PEOPLE, headers=other)).json()["people"]
    ours = (await get(rollout, PEOPLE))["people"]
    assert not {one["id"] for one in theirs} & {one["id"] for one in ours}
    assert [row["id"] for row in double.truth("lofty.people")] == [one["id"] for one in theirs]
    assert (await rollout.delete(f"/api/credentials/{listed[1]['id']}")).status_code == 204
    assert (await rollout.get(PEOPLE, headers=other)).status_code == 403


async def test_data_that_is_not_ready_is_a_conflict(make_rollout: Make) -> None:
    double, rollout = make_rollout(settings={"sync_seconds": "30"})
    assert (await rollout.get(PEOPLE)).status_code == 409
    double.clock.advance(30)
    assert (await rollout.get(PEOPLE)).status_code == 200


async def test_the_tenant_has_so_many_calls_a_second(make_rollout: Make) -> None:
    double, rollout = make_rollout(settings={"rate_limit": "2"})
    statuses = [(await rollout.get(PEOPLE)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await rollout.get(PEOPLE)).headers["retry-after"] == "1"
    double.clock.advance(1)
    assert (await rollout.get(PEOPLE)).status_code == 200


@pytest.mark.parametrize("where", ["errorMessage", "error", "message"])
async def test_refusals_say_why_where_they_are_told_to(where: str, make_rollout: Make) -> None:
    _, rollout = make_rollout(settings={"errors": where})
    assert (await rollout.get("/api/people/5")).json() == {where: "Not found"}
    _, plain = make_rollout(settings={"errors": "text"})
    assert (await plain.get("/api/people/5")).text == "Not found"


async def test_faults_strike(make_rollout: Make) -> None:
    _, rollout = make_rollout(rows=20, faults=("429:1x", "500:1x", "no_cursor_field:1x", "duplicate_ids:1x"))
    assert (await rollout.get(PEOPLE)).status_code == 429
    assert (await rollout.get(PEOPLE)).json() == {"errorMessage": "Server error"}
    page = (await get(rollout, PEOPLE))["people"]
    assert all("rolloutUpdated" not in one for one in page)
    assert page[0] == page[-1]
    _, looping = make_rollout(rows=30, faults=("loop_token",))
    first = (await get(looping, PEOPLE))["_metadata"]["next"]
    assert (await get(looping, PEOPLE, next=first))["_metadata"]["next"] == first


async def test_events_are_signed_and_lead_to_the_records(make_rollout: Make) -> None:
    double, rollout = make_rollout(settings={"webhook_copies": "2"})
    for event in ("peopleCreated", "peopleUpdated", "peopleDeleted", "peopleTagsCreated"):
        hook = await add(rollout, "webhooks", url="https://app.example.com/hook", event=event)
    assert (await get(rollout, "/api/webhooks"))["_metadata"]["total"] == 4
    person = await add(rollout, "people", firstName="Ada")
    first, second = double.outbox(clear=True)
    assert first == second
    raw = str(first["body"])
    body = json.loads(raw)
    expected = hmac.new(double.credentials["client_secret"].encode(), raw.encode(), hashlib.sha256)
    assert first["headers"] == {
        "Content-Type": "application/json",
        "X-Rollout-Signature": expected.hexdigest(),
    }
    assert (body["event"], body["resourceIds"]) == ("peopleCreated", [person["id"]])
    assert body["eventCreated"] == "2026-01-01T09:00:00+00:00"
    (fetched,) = (await get(rollout, str(body["uri"])))["people"]
    assert fetched == person
    await rollout.put(f"{PEOPLE}/{person['id']}", json={"tags": ["Hot"]})
    assert events(double)[::2] == ["peopleUpdated", "peopleTagsCreated"]
    await rollout.delete(f"/api/webhooks/{hook['id']}")
    await rollout.delete(f"{PEOPLE}/{person['id']}")
    assert events(double)[::2] == ["peopleDeleted"]


@pytest.mark.parametrize(
    "values",
    [{}, {"url": "x", "event": "peopleCreated"}, {"url": "https://a.example", "event": "peopleMoved"}],
)
async def test_a_wrong_subscription_is_refused(values: dict[str, object], rollout: httpx.AsyncClient) -> None:
    assert (await rollout.post("/api/webhooks", json=values)).status_code == 400


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(SimulatorError, match="appointment_fields"):
        RolloutDouble(Options(settings={"appointment_fields": "x"}))


async def test_choices_are_made_while_it_runs(make_rollout: Make) -> None:
    _, rollout = make_rollout()
    changed = await rollout.put("/_settings", json={"sync_seconds": "30", "errors": "message"})
    assert changed.json()["settings"] == {"sync_seconds": "30", "errors": "message"}
    refused = await rollout.get(PEOPLE)
    assert (refused.status_code, list(refused.json())) == (409, ["message"])
    assert (await rollout.put("/_settings", json={"user_key": "user-2"})).status_code == 400


def test_the_same_seed_gives_the_same_team() -> None:
    first, same = (RolloutDouble(Options(rows=30, now=lambda: NOW)) for _ in range(2))
    other = RolloutDouble(Options(rows=30, seed=2, now=lambda: NOW))
    assert first.credentials == same.credentials != other.credentials
    for name in ("people", "deals", "appointments"):
        assert list(first.truth(name)) == list(same.truth(name)) != list(other.truth(name))
