"""Tokens, scopes, limits, faults."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem

pytestmark = pytest.mark.anyio
TOKEN = "/oauth/v1/token"
BACK = "https://app.example.com/back"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refreshing(double: HubSpotDouble, **more: str) -> dict[str, str]:
    known = {name: double.credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
    return {"grant_type": "refresh_token", **known, **more}


async def test_an_access_token_lives_half_an_hour_and_is_refreshed(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot()
    old = bearer(double.credentials["access_token"])
    assert (await hubspot.get(f"{OBJECTS}/contacts", headers=old)).status_code == 200
    double.clock.advance(1_807)
    reply = await hubspot.get(f"{OBJECTS}/contacts", headers=old)
    message = "The OAuth token used to make this call expired 7 second(s) ago."
    assert problem(reply) == (401, "EXPIRED_AUTHENTICATION", message)
    assert reply.json()["context"] == {"expire time": ["2026-01-01T09:30:00.000Z"]}
    body = (await hubspot.post(TOKEN, data=refreshing(double))).json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1_800)
    assert body["refresh_token"] == double.credentials["refresh_token"]
    assert (await hubspot.get(f"{OBJECTS}/contacts", headers=bearer(body["access_token"]))).status_code == 200
    info = (await hubspot.get(f"/oauth/v1/access-tokens/{body['access_token']}")).json()
    assert (info["hub_id"], info["expires_in"]) == (48_000_001, 1_800)


async def test_unknown_tokens_and_none_are_refused_and_the_private_apps_lasts(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot()
    double.clock.advance(10_000_000)
    assert (await hubspot.get(f"{OBJECTS}/contacts")).status_code == 200
    for header in (bearer("x"), {"Authorization": ""}, {"Authorization": "Basic x"}):
        assert problem(await hubspot.get(f"{OBJECTS}/contacts", headers=header))[:2] == (
            401,
            "INVALID_AUTHENTICATION",
        )


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN", "invalid_grant"),
        ({"client_id": "x"}, "BAD_CLIENT_ID", "invalid_client"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET", "invalid_client"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE", "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "BAD_AUTH_CODE", "invalid_grant"),
    ],
)
async def test_wrong_token_requests_are_named(
    empty: tuple[HubSpotDouble, httpx.AsyncClient], changed: dict[str, str], status: str, error: str
) -> None:
    double, hubspot = empty
    old = await hubspot.post(TOKEN, data=refreshing(double, **changed))
    assert (old.status_code, old.json()["status"]) == (400, status)
    new = await hubspot.post("/oauth/2026-03/token", data=refreshing(double, **changed))
    assert (new.status_code, new.json()["error"]) == (400, error)


async def test_a_user_grants_scopes_by_a_code_that_works_once(
    empty: tuple[HubSpotDouble, httpx.AsyncClient],
) -> None:
    double, hubspot = empty
    client = {name: double.credentials[name] for name in ("client_id", "client_secret")}
    scope = "oauth crm.objects.contacts.read"
    asked = {"client_id": client["client_id"], "redirect_uri": BACK, "scope": scope, "state": "s"}
    sent = await hubspot.get("/oauth/authorize", params=asked)
    given = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (sent.status_code, given["state"]) == (302, ["s"])
    form = {**client, "grant_type": "authorization_code", "code": given["code"][0], "redirect_uri": BACK}
    body = (await hubspot.post("/oauth/v3/token", data=form)).json()
    assert (body["token_use"], body["scopes"]) == ("access_token", sorted(scope.split()))
    assert (await hubspot.post(TOKEN, data=form)).json()["status"] == "BAD_AUTH_CODE"
    mine = bearer(body["access_token"])
    assert (await hubspot.get(f"{OBJECTS}/contacts", headers=mine)).status_code == 200
    refused = await hubspot.post(f"{OBJECTS}/contacts", headers=mine, json={"properties": {}})
    assert problem(refused)[:2] == (403, "MISSING_SCOPES")
    assert refused.json()["errors"][0]["context"] == {
        "requiredGranularScopes": ["crm.objects.contacts.write"]
    }
    double.tokens.consents = False
    denied = await hubspot.get("/oauth/authorize", params=asked)
    assert "error=access_denied" in denied.headers["location"]


async def test_refresh_tokens_rotate_where_they_are_told_to(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(settings={"rotate_refresh": "yes"})
    body = (await hubspot.post(TOKEN, data=refreshing(double))).json()
    assert body["refresh_token"] != double.credentials["refresh_token"]
    assert (await hubspot.post(TOKEN, data=refreshing(double))).json()["status"] == "BAD_REFRESH_TOKEN"
    again = refreshing(double, refresh_token=body["refresh_token"])
    assert (await hubspot.post(TOKEN, data=again)).status_code == 200


async def test_tokens_are_introspected_and_revoked(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> None:
    double, hubspot = empty
    token = {"token": double.credentials["access_token"]}
    assert (await hubspot.post("/oauth/2026-03/token/introspect", data=token)).json()["active"] is True
    await hubspot.post("/oauth/2026-03/token/revoke", data={"token": double.credentials["refresh_token"]})
    assert (await hubspot.post("/oauth/2026-03/token/introspect", data=token)).json()["active"] is False
    app = {**refreshing(double), "grant_type": "client_credentials", "scope": "crm.objects.contacts.read"}
    assert (await hubspot.post("/oauth/2026-03/token", data=app)).json()["token_use"] == "client_credentials"


async def test_calls_in_ten_seconds_are_limited_and_told(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(limited=True, settings={"burst": "3"})
    replies = [await hubspot.get(f"{OBJECTS}/contacts") for _ in range(4)]
    assert [one.status_code for one in replies] == [200, 200, 200, 429]
    assert [one.headers["X-HubSpot-RateLimit-Remaining"] for one in replies[:3]] == ["2", "1", "0"]
    headers = replies[0].headers
    assert headers["X-HubSpot-RateLimit-Max"] == "3"
    assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert (headers["X-HubSpot-RateLimit-Daily"], headers["X-HubSpot-RateLimit-Daily-Remaining"]) == (
        "625000",
        "624999",
    )
    body = replies[3].json()
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    double.clock.advance(10)
    oauth = bearer(double.credentials["access_token"])
    reply = await hubspot.get(f"{OBJECTS}/contacts", headers=oauth)
    assert reply.status_code == 200
    assert "X-HubSpot-RateLimit-Daily" not in reply.headers


async def test_searches_have_a_limit_of_their_own_and_tell_nothing(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(limited=True)
    replies = [await hubspot.post(f"{OBJECTS}/contacts/search", json={}) for _ in range(6)]
    assert [one.status_code for one in replies] == [200] * 5 + [429]
    assert replies[5].json()["policyName"] == "SECONDLY"
    assert not any(name.startswith("x-hubspot-ratelimit") for name in replies[0].headers)
    reply = await hubspot.get(f"{OBJECTS}/contacts")
    assert reply.headers["X-HubSpot-RateLimit-Remaining"] == "189"
    double.clock.advance(1)
    assert (await hubspot.post(f"{OBJECTS}/contacts/search", json={})).status_code == 200


async def test_the_day_ends_at_midnight_in_the_accounts_zone(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(settings={"daily": "2", "timezone": "America/New_York"})
    statuses = [(await hubspot.get(f"{OBJECTS}/contacts")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    reply = await hubspot.get(f"{OBJECTS}/contacts")
    assert reply.json()["policyName"] == "DAILY"
    assert double.limits.resets_at().isoformat() == "2026-01-02T00:00:00-05:00"
    double.clock.set(double.limits.resets_at())
    assert (await hubspot.get(f"{OBJECTS}/contacts")).status_code == 200


async def test_faults_come_in_hubspots_words(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(rows=15)
    url = f"{OBJECTS}/contacts"
    for status, category in (
        (401, "EXPIRED_AUTHENTICATION"),
        (403, "MISSING_SCOPES"),
        (423, "RESOURCE_LOCKED"),
        (500, "INTERNAL_ERROR"),
    ):
        double.faults.replace([f"{status}:1x"])
        assert problem(await hubspot.get(url))[:2] == (status, category)
    double.faults.replace(["429:1x", "html@/companies:1x", "lost@POST /contacts:1x", "expire@/deals:1x"])
    assert (await hubspot.get(url)).json()["errorType"] == "RATE_LIMIT"
    assert (await hubspot.get(f"{OBJECTS}/companies")).text.startswith("<html>")
    with pytest.raises(httpx.ReadError):
        await create(hubspot, "contacts", email="kept@x.example")
    found = await hubspot.get(f"{url}/kept@x.example", params={"idProperty": "email"})
    assert found.status_code == 200
    oauth = bearer(double.credentials["access_token"])
    assert (await hubspot.get(f"{OBJECTS}/deals", headers=oauth)).status_code == 401


async def test_data_faults_strike_pages(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(rows=30)
    double.faults.replace(["duplicate_ids:1x"])
    twice = [one["id"] for one in (await hubspot.get(f"{OBJECTS}/contacts")).json()["results"]]
    assert twice[0] == twice[1]
    double.faults.replace(["loop_token"])
    page = (await hubspot.get(f"{OBJECTS}/contacts")).json()
    assert page["paging"]["next"]["after"] == page["results"][0]["id"]
    found = (await hubspot.post(f"{OBJECTS}/contacts/search", json={"after": "10"})).json()
    assert found["paging"]["next"]["after"] == "10"
    double.faults.replace(["no_cursor_field"])
    one = (await hubspot.get(f"{OBJECTS}/contacts")).json()["results"][0]
    assert "updatedAt" not in one
    assert "lastmodifieddate" not in one["properties"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings": {"scopes": "everything"}}, "'everything' is not one of crm.objects"),
        ({"settings": {"timezone": "Mars"}}, "setting timezone: 'Mars' is not a time zone"),
        ({"rows": {"contact": 1}}, "rows: 'contact' cannot be seeded; use one of calls, companies"),
        ({"rows": -1}, "rows: -1 is less than none"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(SimulatorError, match=message.replace("(", r"\(")):
        HubSpotDouble(Options(**options))  # pyright: ignore[reportArgumentType]
