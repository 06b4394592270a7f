"""Tokens: private ones, the code flow, refresh tokens that work once, an agency's way to a location."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
REDIRECT = "https://app.example.com/callback"


def app(double: GoHighLevelDouble, **more: str) -> dict[str, str]:
    known = double.credentials
    return {"client_id": known["client_id"], "client_secret": known["client_secret"], **more}


async def call(ghl: httpx.AsyncClient, token: str, path: str = "/users/", **params: str) -> httpx.Response:
    return await ghl.get(path, params=params, headers={"Authorization": f"Bearer {token}"})


async def test_a_refresh_token_works_once(double: GoHighLevelDouble, ghl: httpx.AsyncClient) -> None:
    form = app(double, grant_type="refresh_token", refresh_token=double.credentials["refresh_token"])
    first = (await ghl.post("/oauth/token", data=form)).json()
    assert (first["expires_in"], first["userType"], first["token_type"]) == (86_399, "Location", "Bearer")
    assert first["locationId"] == double.credentials["location_id"]
    again = await ghl.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["message"]) == (400, "Invalid grant: refresh token is invalid")
    assert (await call(ghl, first["access_token"], locationId=first["locationId"])).status_code == 200
    rotated = await ghl.post("/oauth/token", data={**form, "refresh_token": first["refresh_token"]})
    assert rotated.status_code == 200
    double.clock.advance(366 * 86_400)
    late = await ghl.post("/oauth/token", data={**form, "refresh_token": rotated.json()["refresh_token"]})
    assert late.status_code == 400


async def test_access_tokens_expire_and_private_ones_do_not(
    double: GoHighLevelDouble, ghl: httpx.AsyncClient, location: str
) -> None:
    double.clock.advance(86_399)
    late = await call(ghl, double.credentials["access_token"], locationId=location)
    assert (late.status_code, late.json()["message"]) == (401, "Invalid token: access token is invalid")
    assert late.json()["error"] == "Unauthorized"
    assert (await ghl.get("/users/", params={"locationId": location})).status_code == 200
    wrong = await call(ghl, "pit-nobody", locationId=location)
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid Private Integration token")
    nothing = await ghl.get("/users/", headers={"Authorization": ""})
    assert nothing.status_code == 401


@pytest.mark.parametrize("path", ["/oauth/chooselocation", "/v2/oauth/chooselocation"])
async def test_a_user_signs_in_with_a_browser(
    double: GoHighLevelDouble, ghl: httpx.AsyncClient, path: str
) -> None:
    asked = {
        "response_type": "code",
        "client_id": double.credentials["client_id"],
        "redirect_uri": REDIRECT,
        "scope": "contacts.readonly users.readonly",
        "state": "s",
    }
    sent = await ghl.get(path, params=asked)
    assert sent.status_code == 302
    back = parse_qs(urlsplit(sent.headers["location"]).query)
    assert back["state"] == ["s"]
    form = app(double, grant_type="authorization_code", code=back["code"][0], redirect_uri=REDIRECT)
    reply = (await ghl.post("/oauth/token", data=form)).json()
    assert reply["scope"] == "contacts.readonly users.readonly"
    assert (await ghl.post("/oauth/token", data=form)).status_code == 400
    own = {"locationId": reply["locationId"]}
    assert (await call(ghl, reply["access_token"], "/contacts/", **own)).status_code == 200
    refused = await call(ghl, reply["access_token"], "/businesses/", **own)
    assert (refused.status_code, refused.json()["message"]) == (
        401,
        "The token is not authorized for this scope.",
    )


async def test_an_agencys_token_is_exchanged_for_a_locations(
    double: GoHighLevelDouble, ghl: httpx.AsyncClient, location: str
) -> None:
    agency, company = double.credentials["agency_access_token"], double.credentials["company_id"]
    refused = await call(ghl, agency, "/contacts/", locationId=location)
    assert (refused.status_code, refused.json()["message"][:24]) == (401, "This authClass type is n")
    other = double.credentials["other_location_id"]
    header = {"Authorization": f"Bearer {agency}"}
    for version, path, key in (
        ("2021-07-28", "/oauth/locationToken", "access_token"),
        ("v3", "/oauth/location-token", "accessToken"),
    ):
        form = {"companyId": company, "locationId": other}
        reply = await ghl.post(path, data=form, headers={**header, "Version": version})
        assert reply.status_code == 200
        assert not {"refresh_token", "refreshToken"} & set(reply.json())
        token = reply.json()[key]
        assert (await call(ghl, token, "/contacts/", locationId=other)).json()["meta"]["total"] == 0
        stranger = await call(ghl, token, "/contacts/", locationId=location)
        assert (stranger.status_code, stranger.json()["message"]) == (
            403,
            "The token does not have access to this location.",
        )
    app_id = double.credentials["client_id"].split("-")[0]
    found = await call(ghl, agency, "/oauth/installedLocations", companyId=company, appId=app_id)
    assert [one["_id"] for one in found.json()["locations"]] == [location, other]
    pages, token = list[str](), {}
    while True:
        params = {"companyId": company, "appId": app_id, "pageSize": "1", **token}
        page = (await call(ghl, agency, "/oauth/installed-locations", **params)).json()
        pages += [one["_id"] for one in page["items"]]
        if not page["pagination"]["hasNextPage"]:
            break
        token = {"pageToken": page["pagination"]["nextPageToken"]}
    assert pages == [location, other]


async def test_an_agencys_private_token_opens_no_location(
    double: GoHighLevelDouble, ghl: httpx.AsyncClient, location: str
) -> None:
    token = double.credentials["agency_private_integration_token"]
    users = await call(ghl, token, "/users/", locationId=location)
    assert (users.status_code, users.json()["message"]) == (401, "Token's user type mismatch!")
    contacts = await call(ghl, token, "/contacts/", locationId=location)
    assert contacts.json()["message"] == "The token is not authorized for this scope."
    assert (await call(ghl, token, "/locations/search")).json()["locations"][0]["id"] == location


async def test_the_version_header_must_be_there_and_known(ghl: httpx.AsyncClient, location: str) -> None:
    async def versioned(version: str | None) -> Any:
        headers = {} if version is None else {"Version": version}
        request = ghl.build_request("GET", "/users/", params={"locationId": location})
        del request.headers["version"]
        request.headers.update(headers)
        return await ghl.send(request)

    for version in ("2021-07-28", "2021-04-15", "2023-02-21", "v3"):
        assert (await versioned(version)).status_code == 200
    missing, unknown = await versioned(None), await versioned("2020-01-01")
    assert (missing.status_code, missing.json()["message"]) == (401, "version header was not found.")
    assert (unknown.status_code, unknown.json()["message"]) == (401, "version header is invalid")


async def test_the_third_version_writes_tokens_in_camel_case(
    double: GoHighLevelDouble, ghl: httpx.AsyncClient
) -> None:
    known, v3 = double.credentials, {"Version": "v3"}
    body = {
        "clientId": known["client_id"],
        "clientSecret": known["client_secret"],
        "grantType": "refresh_token",
        "refreshToken": known["refresh_token"],
    }
    reply = await ghl.post("/oauth/token", json=body, headers=v3)
    assert set(reply.json()) >= {"accessToken", "refreshToken", "expiresIn", "tokenType"}
    missing = await ghl.post("/oauth/token", data={"clientSecret": "x"}, headers=v3)
    assert missing.json()["message"] == "Missing parameter: clientId"


async def test_a_paused_location_keeps_its_refresh_token(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"paused": "true"})
    form = app(double, grant_type="refresh_token", refresh_token=double.credentials["refresh_token"])
    for _ in range(2):
        reply = await ghl.post("/oauth/token", data=form)
        assert (reply.status_code, reply.json()["message"]) == (400, "Location is not active")


async def test_wrong_credentials_get_nothing(double: GoHighLevelDouble, ghl: httpx.AsyncClient) -> None:
    good = app(double, grant_type="refresh_token", refresh_token=double.credentials["refresh_token"])
    for change, status in (
        ({"client_id": "x"}, 400),
        ({"client_secret": "x"}, 401),
        ({"grant_type": "password"}, 400),
        ({"user_type": "Robot"}, 400),
        ({"refresh_token": ""}, 400),
    ):
        assert (await ghl.post("/oauth/token", data={**good, **change})).status_code == status
    assert (await ghl.post("/oauth/token", data=good)).status_code == 200


async def test_credentials_depend_on_the_seed_alone(make_ghl: Make) -> None:
    first, second, other = make_ghl()[0], make_ghl(rows=5)[0], make_ghl(seed=2)[0]
    assert first.credentials == second.credentials
    assert not set(first.credentials.values()) & set(other.credentials.values())
