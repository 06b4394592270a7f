"""Signing in to a described CRM: a person's code becomes tokens that every later connection finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmhub.connector import ReadRequest
from crmhub.errors import AuthError, ConfigError, ReauthRequired
from crmhub.http.transport import asgi_transport
from crmhub.hub import Hub
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_rest.conformance.pipedrive import PipedriveOrg
from crmhub_rest.connector import connector
from crmhub_rest.language.load import parse
from tests.integration.rest.desk import DESK, Desk

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
    connected = org.connect()
    assert isinstance(connected, SupportsSignIn)
    attempt = Attempt.at(_BACK)
    url = connected.sign_in.authorize_url(attempt, connected.sign_in.scopes)
    assert parse_qs(urlsplit(url).query)["state"] == [attempt.state]
    await connected.sign_in.exchange(await _code(org, url), attempt)
    await org.insert("deals", [{"title": "One"}])
    later = org.connect()
    pages = [page async for page in later.read(ReadRequest("deals", ("title",)))]
    assert [row["title"] for page in pages for row in page.upserts] == ["One"]


async def test_a_refusal_names_the_settings_by_which_the_connection_signs_in() -> None:
    async with Hub(transports={"desk": Desk().transport}) as hub:
        connection = hub.add("desk", connector(parse(DESK, "desk.yaml")), key="a-key-that-nobody-gave")
        with pytest.raises(AuthError, match=r"the key is not right.* look at key of the connection"):
            await connection.connector.get("people", ["100"], ("name",))


async def test_before_anybody_has_signed_in_it_is_told_what_to_do(org: PipedriveOrg) -> None:
    org.settings = _settings(org)
    with pytest.raises(ReauthRequired, match="crmhub auth pipedrive"):
        await org.connect().describe("deals")


async def test_a_code_that_was_used_is_told_as_such(org: PipedriveOrg) -> None:
    org.settings = _settings(org)
    connected = org.connect()
    assert isinstance(connected, SupportsSignIn)
    attempt = Attempt.at(_BACK)
    code = await _code(org, connected.sign_in.authorize_url(attempt, ()))
    await connected.sign_in.exchange(code, attempt)
    with pytest.raises(AuthError, match="does not accept the code") as caught:
        await connected.sign_in.exchange(code, attempt)
    assert not isinstance(caught.value, ReauthRequired)
    assert code not in str(caught.value)


async def test_signing_in_is_refused_where_it_would_not_be_used(org: PipedriveOrg) -> None:
    connected = org.connect()
    assert isinstance(connected, SupportsSignIn)
    with pytest.raises(ConfigError, match="refresh token is configured"):
        connected.sign_in.demand_useful()
    keyed = org.connect(api_token="a-token-of-forty-characters")
    assert isinstance(keyed, SupportsSignIn)
    with pytest.raises(ConfigError, match="other settings"):
        keyed.sign_in.demand_useful()


def test_what_is_missing_is_told_without_what_the_description_fills_in() -> None:
    with pytest.raises(ConfigError, match=r"set api_token or client_id, client_secret$"):
        _ = Hub().add("pipedrive", "pipedrive").connector
