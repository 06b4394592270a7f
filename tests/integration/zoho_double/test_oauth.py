"""Tokens: how they are got, how long they live, what they may do."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.anyio
TOKEN = "/oauth/v2/token"
ME = "/crm/v8/users?type=CurrentUser"


async def refresh(zoho: httpx.AsyncClient, double: ZohoDouble, **changes: str) -> httpx.Response:
    names = ("client_id", "client_secret", "refresh_token")
    form = {name: double.credentials[name] for name in names} | {"grant_type": "refresh_token"} | changes
    return await zoho.post(TOKEN, data=form)


async def status_with(zoho: httpx.AsyncClient, header: str) -> tuple[int, Any]:
    reply = await zoho.get(ME, headers={"Authorization": header})
    return reply.status_code, reply.json().get("code")


async def test_a_refresh_gives_an_hour_and_the_doubles_own_address(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    reply = await refresh(zoho, double)
    body = reply.json()
    assert body["expires_in"] == 3600
    assert body["token_type"] == "Bearer"
    assert body["api_domain"] == "http://zoho.test"
    assert "refresh_token" not in body
    assert await status_with(zoho, f"Zoho-oauthtoken {body['access_token']}") == (200, None)
    double.clock.advance(3600)
    assert await status_with(zoho, f"Zoho-oauthtoken {body['access_token']}") == (401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"refresh_token": "1000.x"}, "invalid_code"),
        ({"client_id": "1000.X"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client_secret"),
        ({"grant_type": "password"}, "invalid_request"),
    ],
)
async def test_token_errors_arrive_as_success(
    double: ZohoDouble, zoho: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    reply = await refresh(zoho, double, **changes)
    assert (reply.status_code, reply.json()) == (200, {"error": error})


async def test_the_eleventh_refresh_in_ten_minutes_is_denied(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    for _ in range(10):
        assert "access_token" in (await refresh(zoho, double)).json()
    denied = await refresh(zoho, double)
    assert denied.status_code == 400
    assert denied.json()["error"] == "Access Denied"
    double.clock.advance(601)
    assert "access_token" in (await refresh(zoho, double)).json()


async def test_the_sixteenth_live_token_kills_the_oldest(double: ZohoDouble, zoho: httpx.AsyncClient) -> None:
    for turn in range(15):
        if turn == 10:
            double.clock.advance(601)
        await refresh(zoho, double)
    oldest = double.credentials["access_token"]
    assert await status_with(zoho, f"Zoho-oauthtoken {oldest}") == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("header", ["", "Bearer {}", "{}", "Basic eDp5"])
async def test_only_zohos_own_scheme_is_accepted(
    double: ZohoDouble, zoho: httpx.AsyncClient, header: str
) -> None:
    token = double.credentials["access_token"]
    assert await status_with(zoho, header.format(token)) == (401, "AUTHENTICATION_FAILURE")


async def test_a_revoked_refresh_token_takes_its_access_tokens_along(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    reply = await zoho.post(f"{TOKEN}/revoke", params={"token": double.credentials["refresh_token"]})
    assert reply.json() == {"status": "success"}
    assert (await refresh(zoho, double)).json() == {"error": "invalid_code"}
    header = f"Zoho-oauthtoken {double.credentials['access_token']}"
    assert await status_with(zoho, header) == (401, "INVALID_TOKEN")


async def test_a_grant_token_works_once_and_gives_a_refresh_token(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    asked = {
        "client_id": double.credentials["client_id"],
        "response_type": "code",
        "access_type": "offline",
        "scope": "ZohoCRM.modules.deals.READ,ZohoCRM.users.READ",
        "redirect_uri": "http://localhost/back",
    }
    sent_back = await zoho.get("/oauth/v2/auth", params=asked)
    query = parse_qs(urlsplit(sent_back.headers["location"]).query)
    assert query["accounts-server"] == ["http://zoho.test"]
    form = {
        "grant_type": "authorization_code",
        "client_id": double.credentials["client_id"],
        "client_secret": double.credentials["client_secret"],
        "redirect_uri": "http://localhost/back",
        "code": query["code"][0],
    }
    first = (await zoho.post(TOKEN, data=form)).json()
    assert first["refresh_token"]
    assert (await zoho.post(TOKEN, data=form)).json() == {"error": "invalid_code"}
    held = {"Authorization": f"Zoho-oauthtoken {first['access_token']}"}
    assert (await zoho.get("/crm/v8/Deals?fields=id", headers=held)).status_code == 204
    refused = await zoho.get("/crm/v8/Accounts?fields=id", headers=held)
    assert (refused.status_code, refused.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    written = await zoho.post("/crm/v8/Deals", json={"data": [{"Deal_Name": "D"}]}, headers=held)
    assert written.json()["code"] == "OAUTH_SCOPE_MISMATCH"
    queried = await zoho.post(
        "/crm/v8/coql", json={"select_query": "select id from Deals where id > 0"}, headers=held
    )
    assert queried.json()["code"] == "OAUTH_SCOPE_MISMATCH"


async def test_forms_may_be_multipart_or_in_the_query(double: ZohoDouble, zoho: httpx.AsyncClient) -> None:
    names = ("client_id", "client_secret", "refresh_token")
    form = {name: double.credentials[name] for name in names} | {"grant_type": "refresh_token"}
    parts: dict[str, Any] = {name: (None, value) for name, value in form.items()}
    assert "access_token" in (await zoho.post(TOKEN, files=parts)).json()
    assert "access_token" in (await zoho.post(TOKEN, params=form)).json()


async def exchanged(zoho: httpx.AsyncClient, double: ZohoDouble, code: str, **more: str) -> dict[str, Any]:
    form = {name: double.credentials[name] for name in ("client_id", "client_secret")} | {"code": code}
    reply = await zoho.post(TOKEN, data={"grant_type": "authorization_code", **form, **more})
    assert reply.status_code == 200
    return reply.json()


async def test_a_self_clients_code_needs_no_redirect_and_ages(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    scopes = frozenset({"ZohoCRM.users.READ"})
    first, second, third = (double.accounts.self_client_code(scopes, life) for life in (180, 180, 600))
    double.clock.advance(179)
    assert (await exchanged(zoho, double, first))["refresh_token"]
    assert await exchanged(zoho, double, first) == {"error": "invalid_code"}
    double.clock.advance(1)
    assert await exchanged(zoho, double, second) == {"error": "invalid_code"}
    double.clock.advance(419)
    reply = await exchanged(zoho, double, third)
    assert reply["scope"] == "ZohoCRM.users.READ"
    with pytest.raises(ValueError, match="up to 600 s"):
        double.accounts.self_client_code(scopes, 601)


async def test_only_registered_redirect_uris_and_ten_codes_in_ten_minutes_are_given(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    double.accounts.redirect_uris = frozenset({"http://localhost:1/back"})
    asked = {
        "client_id": double.credentials["client_id"],
        "response_type": "code",
        "access_type": "offline",
        "scope": "ZohoCRM.users.READ",
        "redirect_uri": "http://localhost:1/back/",
        "state": "a-state",
    }
    refused = await zoho.get("/oauth/v2/auth", params=asked)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_redirect_uri"})
    asked["redirect_uri"] = "http://localhost:1/back"
    for _ in range(10):
        assert (await zoho.get("/oauth/v2/auth", params=asked)).status_code == 302
    assert (await zoho.get("/oauth/v2/auth", params=asked)).json()["error"] == "Access Denied"
    double.clock.advance(600)
    double.accounts.consents = False
    back = (await zoho.get("/oauth/v2/auth", params=asked)).headers["location"]
    assert parse_qs(urlsplit(back).query) == {"error": ["access_denied"], "state": ["a-state"]}


async def test_a_new_refresh_tokens_first_access_token_counts(
    double: ZohoDouble, zoho: httpx.AsyncClient
) -> None:
    code = double.accounts.self_client_code(frozenset({"ZohoCRM.users.READ"}))
    given = (await exchanged(zoho, double, code))["refresh_token"]
    for _ in range(9):
        assert "access_token" in (await refresh(zoho, double, refresh_token=given)).json()
    assert (await refresh(zoho, double, refresh_token=given)).status_code == 400
    assert double.accounts.throttled == 1


async def test_the_console_gives_a_code_to_paste(double: ZohoDouble, zoho: httpx.AsyncClient) -> None:
    code = (await zoho.post("/_code")).json()["code"]
    reply = await exchanged(zoho, double, code)
    assert reply["refresh_token"]
    assert "ZohoCRM.modules.ALL" in reply["scope"]
    for _ in range(9):
        await zoho.post("/_code")
    refused = await zoho.post("/_code")
    assert (refused.status_code, refused.json()) == (400, {"error": "more than 10 codes in 600 s"})
