"""The ways to sign in to the Salesforce double that have steps: codes, SOAP, introspection, shared hosts."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, MakeClient

pytestmark = pytest.mark.anyio

TOKEN = "/services/oauth2/token"
AUTHORIZE = "/services/oauth2/authorize"
BACK = "http://localhost:8765/callback"
VERIFIER = "a-verifier-of-forty-three-characters-or-more-x"
CHALLENGE = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def asked(client: Client, **more: str) -> dict[str, str]:
    """What the browser comes back with."""
    query = {
        "response_type": "code",
        "client_id": client.double.credentials["client_id"],
        "redirect_uri": BACK,
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }
    kept = {name: value for name, value in query.items() if value}
    reply = await client.http.get(AUTHORIZE, params=kept, headers={"Authorization": ""})
    assert reply.status_code == 302, reply.text
    assert reply.headers["location"].startswith(BACK + "?")
    return {name: value[0] for name, value in parse_qs(urlsplit(reply.headers["location"]).query).items()}


async def exchanged(client: Client, code: str, **more: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client.double.credentials["client_id"],
        "redirect_uri": BACK,
        "code": code,
        "code_verifier": VERIFIER,
        **more,
    }
    return await client.http.post(TOKEN, data=form, headers={"Authorization": ""})


def refusal(reply: httpx.Response) -> tuple[int, str, str]:
    body = reply.json()
    return reply.status_code, body["error"], body["error_description"]


async def test_a_code_gives_a_session_and_a_refresh_token_that_works(empty: Client) -> None:
    back = await asked(empty)
    assert back["state"] == "a state"
    reply = (await exchanged(empty, back["code"])).json()
    assert reply["scope"] == "api refresh_token"
    used = {"Authorization": f"Bearer {reply['access_token']}"}
    assert (await empty.call("GET", "/limits", headers=used)).status_code == 200
    form = {"grant_type": "refresh_token", "refresh_token": reply["refresh_token"]}
    form["client_id"] = empty.double.credentials["client_id"]
    assert (await empty.http.post(TOKEN, data=form)).status_code == 200


async def test_a_code_works_once_and_for_a_quarter_of_an_hour(empty: Client) -> None:
    once, late = (await asked(empty))["code"], (await asked(empty))["code"]
    assert (await exchanged(empty, once)).status_code == 200
    assert refusal(await exchanged(empty, once))[1:] == ("invalid_grant", "invalid authorization code")
    empty.double.clock.advance(900)
    assert refusal(await exchanged(empty, late)) == (400, "invalid_grant", "expired authorization code")


@pytest.mark.parametrize(
    ("change", "error", "description"),
    [
        ({"code_verifier": "another"}, "invalid_grant", "invalid code verifier"),
        ({"code_verifier": ""}, "invalid_grant", "invalid code verifier"),
        (
            {"redirect_uri": BACK + "/"},
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        ),
        ({"client_id": "x"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "x"}, "invalid_client", "invalid client credentials"),
        ({"code": ""}, "invalid_request", "missing required parameter: code"),
    ],
)
async def test_a_code_is_good_only_for_whoever_asked_for_it(
    empty: Client, change: dict[str, str], error: str, description: str
) -> None:
    code = (await asked(empty))["code"]
    reply = await exchanged(empty, **{"code": code, **change})
    assert refusal(reply) == (400, error, description)


async def test_an_app_may_want_its_secret_and_a_challenge(make_client: MakeClient) -> None:
    client = make_client(settings={"require_secret": "true", "require_pkce": "true"})
    bare = await asked(client, code_challenge="", code_challenge_method="")
    assert (bare["error"], bare["error_description"]) == (
        "invalid_request",
        "missing required code challenge",
    )
    code = (await asked(client))["code"]
    assert refusal(await exchanged(client, code))[1] == "invalid_client"
    secret = client.double.credentials["client_secret"]
    assert (await exchanged(client, code, client_secret=secret)).status_code == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "api everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_what_is_wrong_with_a_request_comes_back_to_the_app(
    empty: Client, change: dict[str, str], error: str
) -> None:
    back = await asked(empty, **change)
    assert (back["error"], back["state"]) == (error, "a state")


async def test_a_user_may_refuse(empty: Client) -> None:
    empty.double.sessions.codes.consents = False
    back = await asked(empty)
    assert back == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "a state",
    }


async def test_nobody_is_sent_where_the_app_did_not_say(empty: Client) -> None:
    empty.double.sessions.codes.redirect_uris = frozenset({BACK})
    query = {"response_type": "code", "client_id": empty.double.credentials["client_id"]}
    for change, error in (
        ({"redirect_uri": "https://evil.test/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": BACK, "client_id": "x"}, "invalid_client_id"),
        ({}, "invalid_request"),
    ):
        reply = await empty.http.get(AUTHORIZE, params={**query, **change})
        assert refusal(reply)[:2] == (400, error)


async def test_a_scope_without_the_api_is_no_session_for_it(empty: Client) -> None:
    code = (await asked(empty, scope="refresh_token"))["code"]
    token = (await exchanged(empty, code)).json()["access_token"]
    reply = await empty.call("GET", "/limits", headers={"Authorization": f"Bearer {token}"})
    assert (reply.status_code, reply.json()[0]["message"]) == (
        401,
        "This session is not valid for use with the REST API",
    )


async def test_without_the_refresh_scope_there_is_no_refresh_token(empty: Client) -> None:
    code = (await asked(empty, scope="api"))["code"]
    assert "refresh_token" not in (await exchanged(empty, code)).json()


async def test_introspection_tells_a_live_token_from_a_dead_one(empty: Client) -> None:
    known = empty.double.credentials
    client = {name: known[name] for name in ("client_id", "client_secret")}

    async def told(token: str) -> dict[str, object]:
        reply = await empty.http.post("/services/oauth2/introspect", data={**client, "token": token})
        assert reply.status_code == 200
        return reply.json()

    live = await told(known["access_token"])
    assert (live["active"], live["scope"], live["username"]) == (True, "api", known["username"])
    assert (await told(known["refresh_token"]))["token_type"] == "refresh_token"
    empty.double.expire_tokens()
    assert await told(known["access_token"]) == {"active": False}
    wrong = {**client, "client_secret": "x", "token": "x"}
    assert refusal(await empty.http.post("/services/oauth2/introspect", data=wrong))[1] == "invalid_client"


# ── the hosts that all orgs share ────────────────────────────────────────────────────────────────


async def test_a_shared_host_signs_in_for_the_orgs_own_and_serves_nothing_else(empty: Client) -> None:
    known = empty.double.credentials
    client = {name: known[name] for name in ("client_id", "client_secret", "refresh_token")}
    host = "https://login.salesforce.com"
    reply = await empty.http.post(host + TOKEN, data={"grant_type": "refresh_token", **client})
    place = str(reply.json()["instance_url"])
    assert urlsplit(place).hostname == "crmhub-double.my.salesforce.com"
    used = {"Authorization": f"Bearer {reply.json()['access_token']}"}
    assert (await empty.http.get(f"{place}/services/data/v62.0/limits", headers=used)).status_code == 200
    assert (await empty.http.get(f"{host}/services/data/v62.0/limits", headers=used)).status_code == 401
    reply = await empty.http.post(host + TOKEN, data={"grant_type": "client_credentials", **client})
    assert refusal(reply)[1:] == ("invalid_grant", "request not supported on this domain")


# ── passwords ────────────────────────────────────────────────────────────────────────────────────


def envelope(username: str, password: str) -> str:
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Body><urn:login>'
        f"<urn:username>{username}</urn:username><urn:password>{password}</urn:password>"
        "</urn:login></soapenv:Body></soapenv:Envelope>"
    )


async def soap(client: Client, body: str, version: str = "62.0") -> httpx.Response:
    return await client.http.post(
        f"/services/Soap/u/{version}",
        content=body.encode(),
        headers={"Authorization": "", "Content-Type": "text/xml", "SOAPAction": "login"},
    )


async def test_soap_login_opens_a_session(empty: Client) -> None:
    known = empty.double.credentials
    reply = await soap(empty, envelope(known["username"], known["password"] + known["security_token"]))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    session = reply.text.partition("<sessionId>")[2].partition("</sessionId>")[0]
    assert "<serverUrl>http://acme.my.salesforce.test/services/Soap/u/62.0/00D" in reply.text
    used = {"Authorization": f"Bearer {session}"}
    assert (await empty.call("GET", "/limits", headers=used)).status_code == 200


async def test_soap_login_refuses_by_a_fault(empty: Client) -> None:
    known = empty.double.credentials
    right = envelope(known["username"], known["password"] + known["security_token"])
    for body, version, code in (
        (envelope(known["username"], "wrong & <secret>".replace("&", "&amp;").replace("<", "&lt;")),
         "62.0", "INVALID_LOGIN"),
        (envelope(known["username"], known["password"]), "62.0", "LOGIN_MUST_USE_SECURITY_TOKEN"),
        (right, "65.0", "INVALID_OPERATION"),
        (right, "30.0", "UNSUPPORTED_API_VERSION"),
        (right.replace("urn:login", "urn:query"), "62.0", "INVALID_OPERATION"),
        ("<not-xml", "62.0", "UNKNOWN_EXCEPTION"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "62.0", "UNKNOWN_EXCEPTION"),
    ):  # fmt: skip
        reply = await soap(empty, body, version)
        assert reply.status_code == 500
        assert f"<sf:exceptionCode>{code}</sf:exceptionCode>" in reply.text
        assert "secret" not in reply.text


async def test_newer_orgs_know_no_passwords(make_client: MakeClient) -> None:
    client = make_client(settings={"password_logins": "false"})
    known = client.double.credentials
    password = known["password"] + known["security_token"]
    reply = await soap(client, envelope(known["username"], password))
    assert "SOAP API login() is disabled by default in this org." in reply.text
    form = {name: known[name] for name in ("client_id", "client_secret", "username")}
    form |= {"grant_type": "password", "password": password}
    reply = await client.http.post(TOKEN, data=form, headers={"Authorization": ""})
    assert refusal(reply) == (400, "invalid_grant", "authentication failure")


async def test_an_inactive_user_has_no_sessions_and_gets_none(empty: Client) -> None:
    known = empty.double.credentials
    empty.double.sessions.deactivate_user()
    assert (await empty.call("GET", "/limits")).status_code == 401
    client = {name: known[name] for name in ("client_id", "client_secret")}
    password = known["password"] + known["security_token"]
    for form, description in (
        ({"grant_type": "client_credentials"}, "inactive user"),
        ({"grant_type": "password", "username": known["username"], "password": password}, "inactive user"),
        (
            {"grant_type": "refresh_token", "refresh_token": known["refresh_token"]},
            "expired access/refresh token",
        ),
    ):
        reply = await empty.http.post(TOKEN, data={**client, **form}, headers={"Authorization": ""})
        assert refusal(reply) == (400, "invalid_grant", description)
    assert "INVALID_LOGIN" in (await soap(empty, envelope(known["username"], password))).text
