"""Signing in to Zoho as a person: codes, data centres, scopes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from crmhub.connector import Context
from crmhub.errors import AuthError, ConfigError, RateLimited, ReauthRequired
from crmhub.http import HttpClient, HttpSettings, MemoryTokenStore, asgi_transport
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_zoho import Connector, ZohoConfig
from crmhub_zoho.scopes import ASKED, covers
from crmhub_zoho.signing_in import ZohoSignIn
from crmhub_zoho.simulator.double import ZohoDouble

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

SCOPES = frozenset(ASKED)
BACK = "http://localhost:8765/callback"


def accounts(org: Org) -> ZohoDouble:
    assert isinstance(org.double, ZohoDouble)
    return org.double


def connect(org: Org, tokens: MemoryTokenStore, **settings: object) -> Connector:
    """A connection without a refresh token of its own."""
    return org.connect(tokens=tokens, **{"refresh_token": None, **settings})


def answered(org: Org, tokens: MemoryTokenStore, reply: dict[str, str]) -> ZohoSignIn:
    """The steps of a connection to Zoho's own hosts, whose token endpoint always gives that reply."""

    def client(settings: HttpSettings) -> HttpClient:
        answering = httpx.MockTransport(lambda _: httpx.Response(200, json=reply))
        return HttpClient(
            settings,
            connection="zoho",
            clock=org.clock,
            events=org.events,
            random=Random(1),
            transport=answering,
        )

    config = ZohoConfig(client_id="1000.CLIENT", client_secret=SecretStr("a-client-secret"))
    return Connector(config, Context("zoho", org.clock, org.events, tokens=tokens, http=client)).sign_in


async def agreed(org: Org, connector: Connector, attempt: Attempt) -> dict[str, str]:
    """What the browser comes back with once the person has decided."""
    url = connector.sign_in.authorize_url(attempt, connector.sign_in.scopes)
    async with httpx.AsyncClient(transport=asgi_transport(org.double.app)) as browser:
        reply = await browser.get(url)
    assert reply.status_code == 302, reply.text
    back = urlsplit(reply.headers["location"])
    assert reply.headers["location"].startswith(attempt.redirect_uri)
    told = {name: values[0] for name, values in parse_qs(back.query).items()}
    assert told.pop("state") == attempt.state
    return told


async def test_without_a_refresh_token_it_says_how_to_sign_in_and_asks_nobody(make_org: World) -> None:
    org = make_org()
    with pytest.raises(ReauthRequired, match=r"nobody has signed in yet.*crmhub auth zoho"):
        await org.pages(connect(org, MemoryTokenStore()), "Accounts")
    assert org.calls("") == []


async def test_a_self_clients_code_signs_in_and_the_next_process_finds_the_token(make_org: World) -> None:
    org, tokens = make_org({"Accounts": 2}), MemoryTokenStore()
    connector = connect(org, tokens)
    assert isinstance(connector, SupportsSignIn)
    assert "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL" in connector.sign_in.code_page(ASKED)
    await connector.sign_in.exchange(accounts(org).accounts.self_client_code(SCOPES))
    saved = await tokens.load("zoho")
    assert saved is not None
    assert saved.refresh is not None
    later = connect(org, tokens)
    assert await org.pages(later, "Accounts")
    org.clock.advance(3_700)
    assert await org.pages(later, "Accounts")  # renewed by the refresh token
    assert len(org.calls("/oauth/")) == 2


async def test_a_browser_signs_in(make_org: World) -> None:
    org, tokens = make_org({"Accounts": 1}), MemoryTokenStore()
    accounts(org).accounts.redirect_uris = frozenset({BACK})
    connector, attempt = connect(org, tokens), Attempt.at(BACK)
    told = await agreed(org, connector, attempt)
    await connector.sign_in.exchange(told["code"], attempt, told)
    assert await org.pages(connector, "Accounts")


async def test_a_client_that_was_refused_works_once_somebody_signs_in(make_org: World) -> None:
    org, tokens = make_org({"Accounts": 1}), MemoryTokenStore()
    running, signing = connect(org, tokens), connect(org, tokens)
    with pytest.raises(ReauthRequired):
        await org.pages(running, "Accounts")
    await signing.sign_in.exchange(accounts(org).accounts.self_client_code(SCOPES))
    assert await org.pages(running, "Accounts")


async def test_a_code_works_once_and_the_token_of_the_first_time_stays(make_org: World) -> None:
    org, tokens = make_org({"Accounts": 1}), MemoryTokenStore()
    connector = connect(org, tokens)
    code = accounts(org).accounts.self_client_code(SCOPES)
    await connector.sign_in.exchange(code)
    saved = await tokens.load("zoho")
    with pytest.raises(AuthError, match=r"does not accept the code: it works once.*invalid_code"):
        await connector.sign_in.exchange(code)
    assert await tokens.load("zoho") == saved
    assert await org.pages(connector, "Accounts")


@pytest.mark.parametrize("life", [180.0, 600.0])
async def test_a_code_that_is_too_old_is_refused(make_org: World, life: float) -> None:
    org = make_org()
    code = accounts(org).accounts.self_client_code(SCOPES, life)
    org.clock.advance(life)
    with pytest.raises(AuthError, match="for a few minutes"):
        await connect(org, MemoryTokenStore()).sign_in.exchange(code)


async def test_a_code_comes_back_to_the_redirect_uri_that_asked_for_it(make_org: World) -> None:
    org = make_org()
    connector, attempt = connect(org, MemoryTokenStore()), Attempt.at(BACK)
    told = await agreed(org, connector, attempt)
    with pytest.raises(AuthError, match=r"invalid_redirect_uri.*letter for letter"):
        await connector.sign_in.exchange(told["code"], Attempt.at(BACK + "/"), told)


async def test_a_wrong_client_is_told_to_look_at_the_region(make_org: World) -> None:
    org = make_org()
    connector = connect(org, MemoryTokenStore(), client_id="1000.SOMEBODY")
    with pytest.raises(AuthError, match=r"invalid_client.*region.*'us'.*region: eu"):
        await connector.sign_in.exchange(accounts(org).accounts.self_client_code(SCOPES))


async def test_another_data_centre_is_named_and_gets_no_code(make_org: World) -> None:
    org = make_org()
    settings = {"api_url": None, "accounts_url": None}
    connector, attempt = connect(org, MemoryTokenStore(), **settings), Attempt.at(BACK)
    for told in (
        {"location": "eu", "accounts-server": "https://accounts.zoho.eu"},
        {"accounts-server": "https://accounts.zoho.eu"},
        {"location": "eu"},
    ):
        with pytest.raises(AuthError, match=r"data centre 'eu'.*set to 'us'.*set region: eu"):
            await connector.sign_in.exchange("1000.code", attempt, told)
    with pytest.raises(AuthError, match="of another name"):
        await connector.sign_in.exchange("1000.code", attempt, {"accounts-server": "https://evil.example"})
    assert org.calls("") == []


async def test_scopes_that_zoho_does_not_tell_are_not_asked_for_again_and_again(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    steps = answered(org, tokens, {"access_token": "a", "refresh_token": "b"})
    await steps.exchange("1000.code")
    for _ in range(3):
        assert await steps.granted() == frozenset()
    assert len(org.calls("/oauth/")) == 1


async def test_a_reply_without_a_refresh_token_is_no_sign_in(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    with pytest.raises(AuthError, match="no refresh token"):
        await answered(org, tokens, {"access_token": "a"}).exchange("1000.code")
    assert await tokens.load("zoho") is None


async def test_a_token_that_names_another_data_centre_is_not_kept(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    steps = answered(
        org,
        tokens,
        {"access_token": "a", "refresh_token": "b", "api_domain": "https://www.zohoapis.in"},
    )
    with pytest.raises(AuthError, match=r"data centre 'in'.*set region: in"):
        await steps.exchange("1000.code")
    assert await tokens.load("zoho") is None


async def test_a_configured_refresh_token_makes_signing_in_vain_and_is_told(make_org: World) -> None:
    org = make_org()
    code = accounts(org).accounts.self_client_code(SCOPES)
    with pytest.raises(ConfigError, match=r"remove refresh_token"):
        await org.connect().sign_in.exchange(code)
    assert org.calls("") == []


async def test_a_refresh_token_that_is_configured_later_goes_before_the_stored_one(make_org: World) -> None:
    org, tokens = make_org({"Accounts": 1}), MemoryTokenStore()
    narrow = accounts(org).accounts.self_client_code(frozenset({"ZohoCRM.users.READ"}))
    await connect(org, tokens).sign_in.exchange(narrow)
    assert await org.pages(org.connect(tokens=tokens), "Accounts")


async def test_the_scopes_that_lack_are_told_by_capability(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    steps = connect(org, tokens).sign_in
    granted = {"ZohoCRM.modules.accounts.ALL", "ZohoCRM.modules.READ", "ZohoCRM.settings.ALL"}
    await steps.exchange(accounts(org).accounts.self_client_code(frozenset(granted)))
    assert await steps.granted() == granted
    lines = {line.capability: line for line in steps.allowances(await steps.granted())}
    assert lines["write Accounts"].missing == ()
    assert lines["read Deals"].missing == ()
    assert lines["write Deals"].missing == tuple(
        f"ZohoCRM.modules.deals.{one}" for one in ("CREATE", "UPDATE", "DELETE")
    )
    assert lines["bulk write"].missing == ("ZohoCRM.bulk.CREATE", "ZohoFiles.files.ALL", "ZohoCRM.org.READ")
    assert {line.capability for line in lines.values() if line.missing and line.needed} == {
        "sign in and read users",
        "queries and full reads (COQL)",
    }


async def test_what_is_asked_for_covers_every_capability(make_org: World) -> None:
    steps = connect(make_org(), MemoryTokenStore()).sign_in
    assert [line for line in steps.allowances(frozenset(steps.scopes)) if line.missing] == []


@pytest.mark.parametrize(
    ("granted", "needed", "enough"),
    [
        ("ZohoCRM.modules.ALL", "ZohoCRM.modules.deals.READ", True),
        ("zohocrm.MODULES.deals.all", "ZohoCRM.modules.deals.READ", True),
        ("ZohoCRM.modules.WRITE", "ZohoCRM.modules.deals.UPDATE", True),
        ("ZohoCRM.modules.WRITE", "ZohoCRM.modules.deals.DELETE", False),
        ("ZohoCRM.modules.deals.READ", "ZohoCRM.modules.READ", False),
        ("ZohoCRM.modules.deals.READ", "ZohoCRM.modules.leads.READ", False),
        ("ZohoCRM.ALL", "ZohoCRM.modules.leads.READ", False),
        ("ALL", "ZohoCRM.modules.leads.READ", False),
        ("ZohoBooks.modules.ALL", "ZohoCRM.modules.leads.READ", False),
    ],
)
def test_a_scope_covers_its_parts(granted: str, needed: str, enough: bool) -> None:
    assert covers([granted], needed) is enough


async def test_a_token_that_was_kept_without_its_scopes_is_renewed_to_learn_them(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await org.pages(connector, "users")
    saved = await org.tokens.load("zoho")
    assert saved is not None
    without = {name: value for name, value in saved.extra.items() if name != "scope"}
    await org.tokens.save("zoho", replace(saved, extra=without))
    assert "ZohoCRM.modules.ALL" in await org.connect().sign_in.granted()


async def test_more_than_ten_tokens_in_ten_minutes_are_never_asked_for(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    connector, times = org.connect(), list[float]()
    for _ in range(600):  # a token that is dead at once, for two and a half hours
        before = len(org.calls("/oauth/"))
        org.double.expire_tokens()
        with suppress(RateLimited):
            await org.pages(connector, "users")
        times += [org.clock.monotonic()] * (len(org.calls("/oauth/")) - before)
        org.clock.advance(15)
    assert accounts(org).accounts.throttled == 0
    assert max(sum(begin <= at <= begin + 600 for at in times) for begin in times) == 10
    assert len(times) > 60


async def test_no_secret_of_a_sign_in_is_in_any_event_or_error(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    connector = connect(org, tokens)
    code = accounts(org).accounts.self_client_code(SCOPES)
    await connector.sign_in.exchange(code)
    with pytest.raises(AuthError) as caught:
        await connector.sign_in.exchange(code)
    saved = await tokens.load("zoho")
    assert saved is not None
    assert saved.refresh is not None
    told = f"{org.heard} {caught.value} {caught.value!r} {saved}"
    for secret in (code, saved.access.get_secret_value(), saved.refresh.get_secret_value()):
        assert secret not in told
    assert org.double.credentials["client_secret"] not in told
