"""Schemes, tokens, scopes and limits of the Lofty double."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.lofty.double import LoftyDouble
from tests.integration.lofty_double.conftest import NOW, Make, refusal

pytestmark = pytest.mark.anyio
TOKEN = "/oauth/token"


async def me(client: httpx.AsyncClient, authorization: str) -> httpx.Response:
    return await client.get("/v1.0/me", headers={"Authorization": authorization})


async def test_an_api_key_goes_by_token_and_an_access_token_by_bearer(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    key, access = double.credentials["api_key"], double.credentials["access_token"]
    assert (await me(lofty, f"token {key}")).status_code == 200
    assert (await me(lofty, f"Bearer {access}")).status_code == 200
    wrong = await me(lofty, f"Bearer {key}")
    assert wrong.json() == {"code": 200058, "message": "User in token does not exist."}
    assert wrong.status_code == 400
    for header in (f"token {access}", "Bearer nobody", ""):
        assert refusal(await me(lofty, header)) == (401, "BAD_CREDENTIALS")


@pytest.mark.parametrize("path", [TOKEN, "/api/user-web/oauth/token"])
async def test_a_refresh_gives_a_new_pair_and_voids_the_old_one(
    path: str, double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    names = ("client_id", "client_secret", "refresh_token")
    client_id, secret, refresh = (double.credentials[name] for name in names)
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    first = await lofty.post(path, data=form, auth=(client_id, secret))
    assert first.status_code == 200
    assert first.json()["refresh_token"] != refresh
    again = await lofty.post(path, data=form, auth=(client_id, secret))
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    access = f"Bearer {first.json()['access_token']}"
    assert (await me(lofty, access)).status_code == 200
    double.clock.advance(first.json()["expires_in"])
    assert (await me(lofty, access)).status_code == 401


async def test_client_credentials_need_the_key_of_a_user(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    names = ("client_id", "client_secret")
    form = {"grant_type": "client_credentials", **{name: double.credentials[name] for name in names}}
    assert (await lofty.post(TOKEN, data=form)).status_code == 400
    given = (await lofty.post(TOKEN, data={**form, "customer_key": double.accounts.api_key})).json()
    assert "refresh_token" not in given
    assert (await me(lofty, f"Bearer {given['access_token']}")).status_code == 200


async def test_a_code_needs_the_secret_or_the_verifier_of_its_challenge(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    client_id, secret = double.credentials["client_id"], double.credentials["client_secret"]
    back = "https://app.example.com/back"
    challenge = base64.urlsafe_b64encode(sha256(b"proof").digest()).decode().rstrip("=")
    consent = {"clientId": client_id, "redirect_uri": back, "state": "s"}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}

    async def code(**more: str) -> dict[str, str]:
        reply = await lofty.get("/page/vendor-auth.html", params={**consent, **more})
        sent = parse_qs(urlsplit(reply.headers["location"]).query)
        assert sent["state"] == ["s"]
        form = {"grant_type": "authorization_code", "client_id": client_id, "redirect_uri": back}
        return {**form, "code": sent["code"][0]}

    form = await code()
    assert (await lofty.post(TOKEN, data={**form, "client_secret": secret})).status_code == 200
    assert (await lofty.post(TOKEN, data={**form, "client_secret": secret})).status_code == 400
    assert (await lofty.post(TOKEN, data=await code())).status_code == 401
    assert (await lofty.post(TOKEN, data={**await code(**pkce), "code_verifier": "proof"})).status_code == 200
    assert (await lofty.post(TOKEN, data={**await code(**pkce), "code_verifier": "no"})).status_code == 400
    denied = await lofty.get("/page/vendor-auth.html", params={**consent, "deny": "1"})
    assert "error=access_denied" in denied.headers["location"]


async def test_calls_outside_of_the_scopes_are_forbidden(make_lofty: Make) -> None:
    _, lofty = make_lofty(settings={"scopes": "members"})
    assert (await lofty.get("/v1.0/me")).status_code == 200
    assert refusal(await lofty.get("/v1.0/leads")) == (403, 200100)


async def test_a_minute_has_so_many_calls_and_each_reply_tells_what_is_left(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"app_mode": "development"})
    first = await lofty.get("/v1.0/me")
    assert first.headers["x-ratelimit-limit"] == "100"
    assert first.headers["x-ratelimit-remaining"] == "99"
    assert first.headers["x-ratelimit-reset"] == str(int(NOW) + 60)
    for _ in range(99):
        await lofty.get("/v1.0/me")
    over = await lofty.get("/v1.0/me")
    assert (over.status_code, over.json()) == (429, {"message": "Too Many Requests"})
    assert over.headers["x-ratelimit-remaining"] == "0"
    double.clock.advance(60)
    assert (await lofty.get("/v1.0/me")).status_code == 200


async def test_the_reset_can_be_the_milliseconds_that_are_left(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"reset": "left"})
    await lofty.get("/v1.0/me")
    double.clock.advance(39)
    assert (await lofty.get("/v1.0/me")).headers["x-ratelimit-reset"] == "21000"


async def test_errors_can_be_bare_texts(make_lofty: Make) -> None:
    _, lofty = make_lofty(settings={"errors": "text"})
    assert (await lofty.get("/v1.0/leads/5")).json() == "LEAD_NOT_EXIST"


async def test_faults_strike_in_loftys_words(make_lofty: Make) -> None:
    _, lofty = make_lofty(faults=("429+7:1x", "503:1x", "html:1x", "401:1x"))
    limited = await lofty.get("/v1.0/me")
    assert (limited.json(), limited.headers["retry-after"]) == ({"message": "Too Many Requests"}, "7")
    assert refusal(await lofty.get("/v1.0/me")) == (503, "SYSTEM_ERROR")
    assert (await lofty.get("/v1.0/me")).headers["content-type"].startswith("text/html")
    assert refusal(await lofty.get("/v1.0/me")) == (401, "BAD_CREDENTIALS")


@pytest.mark.parametrize(
    ("name", "value"),
    [("no", "x"), ("app_mode", "x"), ("rate_limit", "0"), ("scopes", "x"), ("timezone", "Mars/Olympus")],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SimulatorError, match=name):
        LoftyDouble(Options(settings={name: value}))


async def test_choices_are_made_and_keys_are_revoked_while_it_runs(make_lofty: Make) -> None:
    _, lofty = make_lofty()
    changed = await lofty.put("/_settings", json={"rate_limit": "2", "errors": "text"})
    assert changed.json()["settings"] == {"rate_limit": "2", "errors": "text"}
    assert (await lofty.get("/v1.0/leads/5")).json() == "LEAD_NOT_EXIST"
    await lofty.get("/v1.0/me")
    assert (await lofty.get("/v1.0/me")).status_code == 429
    assert (await lofty.put("/_settings", json={"timezone": "Mars/Olympus"})).status_code == 400
    await lofty.put("/_settings", json={"rate_limit": "500", "errors": "object"})
    await lofty.post("/_act/revoke_key", json={})
    assert refusal(await lofty.get("/v1.0/me")) == (401, "BAD_CREDENTIALS")


async def test_a_registered_address_needs_not_be_named(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"redirect_uri": "https://app.example.com/back"})
    consent = {"clientId": double.credentials["client_id"]}
    reply = await lofty.get("/page/vendor-auth.html", params=consent)
    assert reply.headers["location"].startswith("https://app.example.com/back?code=")
    other = {**consent, "redirect_uri": "https://other.example.com"}
    assert (await lofty.get("/page/vendor-auth.html", params=other)).status_code == 400


async def test_writes_are_json(lofty: httpx.AsyncClient) -> None:
    reply = await lofty.post(
        "/v1.0/leads", content=b'{"firstName": "A"}', headers={"Content-Type": "text/plain"}
    )
    assert refusal(reply) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_same_seed_gives_the_same_team() -> None:
    first, same = (LoftyDouble(Options(rows=30, now=lambda: NOW)) for _ in range(2))
    other = LoftyDouble(Options(rows=30, seed=2, now=lambda: NOW))
    assert first.credentials == same.credentials != other.credentials
    for name in ("Leads", "Transactions", "Tasks", "Notes", "Communications"):
        assert list(first.truth(name)) == list(same.truth(name)) != list(other.truth(name))


async def test_files_declare_custom_fields_and_members(make_lofty: Make, tmp_path: Path) -> None:
    schema, users = tmp_path / "schema.yaml", tmp_path / "users.yaml"
    schema.write_text(
        "Leads:\n  - {name: Pet, type: single_select, choices: [Cat, Dog]}\n"
        "Transactions:\n  - {name: Lender, type: text}\n"
    )
    users.write_text("- {name: Grace Hopper, email: grace@example.com}\n")
    _, lofty = make_lofty(schema=schema, users=users)
    fields = (await lofty.get("/v1.0/teamFeatures/listCustomField")).json()
    assert fields[-1]["params"] == '{"option": ["Cat", "Dog"]}'
    assert (await lofty.get("/v1.0/transaction/customfields")).json()[-1]["type"] == "TEXT"
    assert (await lofty.get("/v1.0/me")).json()["email"] == "grace@example.com"
    schema.write_text("Deals:\n  - {name: A, type: text}\n")
    with pytest.raises(SimulatorError, match="Deals"):
        LoftyDouble(Options(schema=schema))
    schema.write_text("Leads:\n  - {name: A, type: blob}\n")
    with pytest.raises(SimulatorError, match="blob"):
        LoftyDouble(Options(schema=schema))
