"""Signing in to a described CRM: a person's code becomes tokens that every later connection finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.connector import ReadRequest
from crmhub.errors import AuthError, ConfigError, ReauthRequired
from crmhub.http.transport import asgi_transport
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_rest.conformance.pipedrive import PipedriveOrg

pytestmark = pytest.mark.anyio
_BACK = "http://localhost:8765/callback"


@pytest.fixture
async def org(anyio_backend: str) -> AsyncGenerator[PipedriveOrg]:
    org = PipedriveOrg()
    yield org
    await org.aclose()


def _settings(org: PipedriveOrg) -> dict[str, object]:
    """Settings for whom nobody has signed in yet."""
    return {name: value for name, value in org.settings.items() if name != "refresh_token"}


async def _code(org: PipedriveOrg, url: str) -> str:
    """What the browser comes back with once the person has agreed."""
    transport = asgi_transport(org.double.app)
    async with httpx.AsyncClient(transport=transport) as browser:
        reply = await browser.get(url)
    assert reply.status_code == 302
    return parse_qs(urlsplit(reply.headers["location"]).query)["code"][0]


async def test_a_code_becomes_tokens_that_later_connections_find(org: PipedriveOrg) -> None:
    org.settings = _settings(org)
    connector = org.connect()
    assert isinstance(connector, SupportsSignIn)
    attempt = Attempt.at(_BACK)
    url = connector.sign_in.authorize_url(attempt, connector.sign_in.scopes)
    assert parse_qs(urlsplit(url).query)["state"] == [attempt.state]
    await connector.sign_in.exchange(await _code(org, url), attempt)
    await org.insert("deals", [{"title": "One"}])
    later = org.connect()
    pages = [page async for page in later.read(ReadRequest("deals", ("title",)))]
    assert [row["title"] for page in pages for row in page.upserts] == ["One"]


async def test_before_anybody_has_signed_in_it_is_told_what_to_do(org: PipedriveOrg) -> None:
    org.settings = _settings(org)
    with pytest.raises(ReauthRequired, match="crmhub auth pipedrive"):
        await org.connect().describe("deals")


async def test_a_code_that_was_used_is_told_as_such(org: PipedriveOrg) -> None:
    org.settings = _settings(org)
    connector = org.connect()
    assert isinstance(connector, SupportsSignIn)
    attempt = Attempt.at(_BACK)
    code = await _code(org, connector.sign_in.authorize_url(attempt, ()))
    await connector.sign_in.exchange(code, attempt)
    with pytest.raises(AuthError, match="does not accept the code") as caught:
        await connector.sign_in.exchange(code, attempt)
    assert not isinstance(caught.value, ReauthRequired)
    assert code not in str(caught.value)


async def test_signing_in_is_refused_where_it_would_not_be_used(org: PipedriveOrg) -> None:
    connector = org.connect()
    assert isinstance(connector, SupportsSignIn)
    with pytest.raises(ConfigError, match="refresh token is configured"):
        connector.sign_in.demand_useful()
    keyed = org.connect(api_token="a-token-of-forty-characters")
    assert isinstance(keyed, SupportsSignIn)
    with pytest.raises(ConfigError, match="other settings"):
        keyed.sign_in.demand_useful()
