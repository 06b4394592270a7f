"""Somebody agrees in a browser, and the connection has a refresh token of HubSpot's."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.errors import AuthError
from crmhub.http import asgi_transport
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_rest.connector import RestConnector
from tests.integration.hubspot.conftest import Portals

pytestmark = pytest.mark.anyio


def _unsigned(portal: Portals) -> RestConnector:
    known = portal.org.settings
    portal.org.settings = {name: value for name, value in known.items() if name != "refresh_token"}
    return portal.again()


async def test_a_code_becomes_a_token_that_is_kept(portal: Portals) -> None:
    connector = _unsigned(portal)
    assert isinstance(connector, SupportsSignIn)
    signing, attempt = connector.sign_in, Attempt.at("http://localhost:8765/callback")
    page = urlsplit(signing.authorize_url(attempt, signing.scopes))
    assert (page.netloc, page.path) == ("app.hubspot.com", "/oauth/authorize")
    transport = asgi_transport(portal.org.played.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        back = urlsplit((await browser.get(f"/oauth/authorize?{page.query}")).headers["location"])
    told = parse_qs(back.query)
    assert told["state"] == [attempt.state]
    await signing.exchange(told["code"][0], attempt)
    assert all(one.ok for one in await portal.again().check())
    with pytest.raises(AuthError, match="does not accept the code"):
        await signing.exchange(told["code"][0], attempt)
