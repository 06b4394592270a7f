"""Signing in to GoHighLevel: tokens of the location, of the agency, and refusals in the vendor's words."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.errors import AuthError, PermissionDenied, ReauthRequired, Unavailable
from crmhub.http import MemoryTokenStore, asgi_transport
from crmhub.sign_in import Attempt, SupportsSignIn
from tests.integration.gohighlevel.conftest import Make, Place

pytestmark = pytest.mark.anyio


def _agency(place: Place) -> dict[str, object]:
    known = place.org.played.credentials
    return {"refresh_token": known["agency_refresh_token"], "company_id": known["company_id"]}


def _asked(place: Place, path: str) -> int:
    return sum(call.endswith(f" {path}") for call in place.org.calls)


async def test_a_private_integrations_token_reads(place: Place) -> None:
    await place.insert("contacts", {"firstName": "Ada"})
    private = place.again(access_token=place.org.played.credentials["private_integration_token"])
    assert all(line.ok for line in await private.check())
    assert place.org.token_calls() == 0


async def test_an_agencys_token_is_changed_for_the_locations(place: Place) -> None:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    agency = place.again(tokens=MemoryTokenStore(), **_agency(place))
    for _ in range(2):
        assert await agency.get("contacts", [id_], ["firstName"])
    assert (_asked(place, "/oauth/token"), _asked(place, "/oauth/locationToken")) == (1, 1)


async def test_when_both_tokens_end_both_steps_are_gone_again_and_the_new_refresh_token_is_kept(
    place: Place,
) -> None:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    tokens = MemoryTokenStore()
    agency = place.again(tokens=tokens, **_agency(place))
    await agency.get("contacts", [id_], ["firstName"])
    place.org.expire_tokens()
    await agency.get("contacts", [id_], ["firstName"])
    assert _asked(place, "/oauth/token") == 2
    place.org.expire_tokens()
    later = place.again(tokens=tokens, **_agency(place))
    assert await later.get("contacts", [id_], ["firstName"])


async def test_a_wrong_company_is_told_as_the_second_step(place: Place) -> None:
    agency = place.again(tokens=MemoryTokenStore(), **{**_agency(place), "company_id": "nobody"})
    with pytest.raises(AuthError, match="not changed for the account's part"):
        await agency.describe("contacts")


async def test_a_refresh_token_that_was_used_needs_a_person(place: Place) -> None:
    await place.connector.describe("contacts")
    with pytest.raises(ReauthRequired, match="refresh token is invalid") as caught:
        await place.again(tokens=MemoryTokenStore()).describe("contacts")
    assert "sign in again" in (caught.value.hint or "")


async def test_a_paused_location_is_tried_later_with_the_same_refresh_token(make_place: Make) -> None:
    place = make_place(paused="true")
    with pytest.raises(Unavailable, match="Location is not active"):
        await place.connector.describe("contacts")
    place.org.played.change_settings({"paused": "false"})
    place.org.clock.advance(600)
    assert (await place.connector.describe("contacts")).fields


async def test_a_missing_scope_is_no_matter_of_signing_in(make_place: Make) -> None:
    place = make_place(scopes="contacts.readonly,locations/customFields.readonly")
    with pytest.raises(PermissionDenied, match="not authorized for this scope"):
        await place.read("businesses", "name")
    assert place.org.token_calls() == 1


async def test_another_locations_id_is_refused(place: Place) -> None:
    known = place.org.played.credentials
    other = place.again(
        location_id=known["other_location_id"], access_token=known["private_integration_token"]
    )
    with pytest.raises(PermissionDenied) as caught:
        await other.describe("contacts")
    assert "location_id" in (caught.value.hint or "")


@pytest.mark.parametrize("install", ["location", "agency"])
async def test_a_person_chooses_the_location_or_the_agency_in_a_browser(
    make_place: Make, install: str
) -> None:
    place = make_place(install=install)
    known = place.org.played.credentials
    settings = {name: value for name, value in place.org.settings.items() if name != "refresh_token"}
    company = {"company_id": known["company_id"]} if install == "agency" else {}
    place.org.settings = {**settings, **company, "login_url": place.org.base_url}
    tokens = MemoryTokenStore()
    connector = place.again(tokens=tokens)
    assert isinstance(connector, SupportsSignIn)
    attempt = Attempt.at("http://localhost:8765/callback")
    url = connector.sign_in.authorize_url(attempt, connector.sign_in.scopes)
    async with httpx.AsyncClient(transport=asgi_transport(place.org.double.app)) as browser:
        reply = await browser.get(url)
    code = parse_qs(urlsplit(reply.headers["location"]).query)["code"][0]
    await connector.sign_in.exchange(code, attempt)
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    later = place.again(tokens=tokens)
    (row,) = await later.get("contacts", [id_], ["firstName"])
    assert isinstance(row, dict)
    assert row["firstName"] == "Ada"
