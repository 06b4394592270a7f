"""Signing in to the double: the OAuth server as apps use it, API tokens, and scopes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Made, Make

pytestmark = pytest.mark.anyio
CALLBACK = "https://app.example.com/callback"


def app(double: PipedriveDouble) -> tuple[str, str]:
    """The app's id and secret."""
    return double.credentials["client_id"], double.credentials["client_secret"]


async def token(empty: Made, secret: str = "", **form: str) -> httpx.Response:
    """The reply of the token endpoint."""
    double, client = empty
    ident, known = app(double)
    return await client.post("/oauth/token", data=form, auth=(ident, secret or known))


async def code(empty: Made, **more: str) -> str:
    """A code, as the user's browser brings it back."""
    double, client = empty
    params = {"client_id": double.credentials["client_id"], "redirect_uri": CALLBACK, **more}
    reply = await client.get("/oauth/authorize", params=params)
    assert reply.status_code == 302
    return parse_qs(urlsplit(reply.headers["location"]).query)["code"][0]


async def bearer(client: httpx.AsyncClient, value: str, path: str = f"{V2}/deals") -> httpx.Response:
    """A call with an access token alone."""
    del client.headers["x-api-token"]
    try:
        return await client.get(path, headers={"Authorization": f"Bearer {value}"})
    finally:
        client.headers["x-api-token"] = "gone"


async def test_a_code_becomes_tokens_and_the_address_for_calls(empty: Made) -> None:
    made = await token(
        empty, grant_type="authorization_code", code=await code(empty, state="s"), redirect_uri=CALLBACK
    )
    told = made.json()
    assert told.keys() == {"access_token", "token_type", "refresh_token", "scope", "expires_in", "api_domain"}
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    assert told["api_domain"] == "http://pipedrive.test"
    assert "base" in told["scope"].split(",")
    assert (await bearer(empty[1], told["access_token"])).status_code == 200


async def test_the_same_refresh_token_comes_back_and_lives_sixty_days_more(empty: Made) -> None:
    double, _ = empty
    refresh = double.credentials["refresh_token"]
    for _ in range(3):
        double.clock.advance(59 * 86_400)
        told = (await token(empty, grant_type="refresh_token", refresh_token=refresh)).json()
        assert told["refresh_token"] == refresh
    double.clock.advance(61 * 86_400)
    late = await token(empty, grant_type="refresh_token", refresh_token=refresh)
    assert late.status_code == 400
    assert late.json()["message"] == "Invalid grant: `refresh_token` is invalid"


async def test_refresh_tokens_rotate_where_they_are_told_to(make_pipedrive: Make) -> None:
    made = make_pipedrive(settings={"rotate_refresh_tokens": "true"})
    first = made[0].credentials["refresh_token"]
    second = (await token(made, grant_type="refresh_token", refresh_token=first)).json()["refresh_token"]
    assert second != first
    assert (await token(made, grant_type="refresh_token", refresh_token=first)).status_code == 400


async def test_an_access_token_lives_an_hour(empty: Made) -> None:
    double, client = empty
    double.clock.advance(3599)
    assert (await bearer(client, double.credentials["access_token"])).status_code == 200
    double.clock.advance(1)
    late = await bearer(client, double.credentials["access_token"])
    assert (late.status_code, late.json()["error"]) == (401, "Invalid token: access token is invalid")


async def test_a_code_works_once_and_for_five_minutes(empty: Made) -> None:
    double, _ = empty
    first, second = await code(empty), await code(empty)
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    assert (await token(empty, **form, code=first)).status_code == 200
    assert (await token(empty, **form, code=first)).json()["error"] == "invalid_grant"
    double.clock.advance(301)
    assert "expired" in (await token(empty, **form, code=second)).json()["message"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK}, "invalid_grant"),
    ],
)
async def test_wrong_requests_for_tokens_are_refused(empty: Made, form: dict[str, str], error: str) -> None:
    reply = await token(empty, **form)
    assert (reply.status_code, reply.json()["error"]) == (400, error)


async def test_the_app_signs_in_by_basic_or_in_the_body(empty: Made) -> None:
    double, client = empty
    form = {
        "grant_type": "refresh_token",
        "refresh_token": double.credentials["refresh_token"],
    }
    ident, secret = app(double)
    body = {**form, "client_id": ident, "client_secret": secret}
    assert (await client.post("/oauth/token", data=body)).status_code == 200
    assert (await client.post("/oauth/token", data=form)).json()["error"] == "invalid_client"
    assert (await token(empty, "wrong", **form)).json()["error"] == "invalid_client"
    assert (await client.post("/oauth/token", json=body)).status_code == 400


async def test_a_code_is_for_the_address_that_it_was_sent_to(empty: Made) -> None:
    made = await code(empty)
    reply = await token(
        empty, grant_type="authorization_code", code=made, redirect_uri="https://evil.example"
    )
    assert "`redirect_uri` is invalid" in reply.json()["message"]


async def test_a_user_who_declines_sends_back_an_error(empty: Made) -> None:
    double, client = empty
    await client.put("/_settings", json={"consents": False})
    params = {"client_id": double.credentials["client_id"], "redirect_uri": CALLBACK, "state": "s"}
    reply = await client.get("/oauth/authorize", params=params)
    assert parse_qs(urlsplit(reply.headers["location"]).query) == {"error": ["user_denied"], "state": ["s"]}


async def test_a_revoked_refresh_token_takes_its_access_tokens_along(empty: Made) -> None:
    double, client = empty
    held = double.credentials
    sent = {"token": held["refresh_token"], "token_type_hint": "refresh_token"}
    assert (await client.post("/oauth/revoke", data=sent, auth=app(double))).status_code == 200
    assert (await bearer(client, held["access_token"])).status_code == 401


async def test_scopes_limit_apps_but_not_api_tokens(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(settings={"scopes": "deals:read"})
    value = double.credentials["access_token"]
    assert (await client.get(f"{V2}/persons")).status_code == 200
    assert (await bearer(client, value, f"{V1}/users/me")).status_code == 200
    refused = await bearer(client, value, f"{V2}/persons")
    assert (refused.status_code, refused.json()["error"]) == (403, "Scope and URL mismatch")


async def test_calls_without_a_good_token_are_refused(empty: Made) -> None:
    _, client = empty
    path = f"{V2}/deals"
    wrong = await client.get(path, headers={"x-api-token": "wrong"})
    assert (wrong.status_code, wrong.json()["errorCode"]) == (401, 401)
    del client.headers["x-api-token"]
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers={"Authorization": "Token x"})).status_code == 400


async def test_only_v1_takes_the_token_in_the_address(empty: Made) -> None:
    double, client = empty
    del client.headers["x-api-token"]
    params = {"api_token": double.credentials["api_token"]}
    assert (await client.get(f"{V1}/users", params=params)).status_code == 200
    assert (await client.get("/api/v1/users", params=params)).status_code == 200
    assert (await client.get(f"{V2}/deals", params=params)).status_code == 401


async def test_there_is_no_v2_without_api(pipedrive: httpx.AsyncClient) -> None:
    assert (await pipedrive.get("/v2/deals")).status_code == 404
    assert (await pipedrive.get(f"{V1}/nothing")).status_code == 404
    assert (await pipedrive.put(f"{V2}/deals/1", json={})).status_code == 405


async def test_a_code_can_be_pasted(empty: Made) -> None:
    code = (await empty[1].post("/_code")).json()["code"]
    reply = await token(empty, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert reply.status_code == 200


async def test_people_take_access_away(empty: Made) -> None:
    double, client = empty
    held = dict(double.credentials)
    renewed = (await client.post("/_act/renew_api_token")).json()["api_token"]
    assert (await client.get(f"{V2}/deals")).status_code == 401
    assert (await client.get(f"{V2}/deals", headers={"x-api-token": renewed})).status_code == 200
    await client.post("/_act/uninstall")
    assert (await bearer(client, held["access_token"])).status_code == 401
    reply = await token(empty, grant_type="refresh_token", refresh_token=held["refresh_token"])
    assert reply.json()["error"] == "invalid_grant"
