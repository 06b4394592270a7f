"""Signing in to Salesforce by each flow, as a user without a person, and as a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.requests import Request
from starlette.responses import Response

from crmhub.errors import (
    AuthError,
    BadResponse,
    ConfigError,
    ConnectorError,
    PermissionDenied,
    RateLimited,
    ReauthRequired,
    Unavailable,
    UsageError,
)
from crmhub.http import MemoryTokenStore, TokenStore, asgi_transport
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_salesforce import Connector
from crmhub_salesforce.signing_in import ASKED

if TYPE_CHECKING:
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

BACK = "http://localhost:8765/callback"
NOBODY: dict[str, object] = {"client_id": None, "client_secret": None, "refresh_token": None}
SOAP = "/services/Soap/u/62.0"


@dataclass(frozen=True)
class Keys:
    """The app's key, as the connection has it, and the file of its public half, as the app has it."""

    private: str
    public: Path
    other: str
    """A key that the app does not know."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    key = rsa.generate_private_key(65537, 2048)
    public = tmp_path_factory.mktemp("app") / "app.pem"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return Keys(pem(key), public, pem(rsa.generate_private_key(65537, 2048)))


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def locked(text: str) -> str:
    """The same key behind a passphrase."""
    key = serialization.load_pem_private_key(text.encode(), password=None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    ).decode()


def by_key(org: Org, key: str, tokens: TokenStore | None = None, **more: object) -> Connector:
    """A connection by the JWT bearer flow."""
    known = org.double.credentials
    given = {**NOBODY, "client_id": known["client_id"], "username": known["username"], "private_key": key}
    return org.connect(tokens=tokens, **{**given, **more})


def by_password(org: Org, flow: str, **more: object) -> Connector:
    """A connection by a password."""
    known = org.double.credentials
    names = ("username", "password", "security_token")
    app = ("client_id", "client_secret") if flow == "password" else ()
    return org.connect(tokens=None, **{**NOBODY, **{name: known[name] for name in (*names, *app)}, **more})


def as_person(org: Org, tokens: MemoryTokenStore, **more: object) -> Connector:
    """A connection to which somebody has to sign in."""
    return org.connect(tokens=tokens, **{"refresh_token": None, "client_secret": None, **more})


# ── without a person ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["jwt_bearer", "password", "soap", "client_credentials"])
async def test_a_session_that_ends_is_opened_again_once_for_all_calls(
    make_org: World, keys: Keys, way: str
) -> None:
    org = make_org({"Account": 1}, settings={"jwt_certificate": str(keys.public)})
    ways = {
        "jwt_bearer": lambda: by_key(org, keys.private),
        "client_credentials": lambda: org.connect(refresh_token=None),
    }
    connector = ways[way]() if way in ways else by_password(org, way)
    assert await connector.count("Account") == 1
    org.double.expire_tokens()
    before = org.double.sessions.issued

    async def ask() -> None:
        assert await connector.count("Account") == 1

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert org.double.sessions.issued == before + 1
    secrets = {*org.double.credentials.values(), keys.private} - {org.double.credentials["username"]}
    assert [secret for secret in secrets if secret in repr(org.heard)] == []


async def test_processes_that_share_a_token_store_share_the_session(make_org: World, keys: Keys) -> None:
    org, tokens = make_org({"Account": 1}, settings={"jwt_certificate": str(keys.public)}), MemoryTokenStore()
    for _ in range(3):
        assert await by_key(org, keys.private, tokens=tokens).count("Account") == 1
    assert len(org.forms) == 1


async def test_a_key_may_be_written_in_one_line(make_org: World, keys: Keys) -> None:
    org = make_org({"Account": 1}, settings={"jwt_certificate": str(keys.public)})
    assert await by_key(org, keys.private.strip().replace("\n", "\\n")).count("Account") == 1


async def test_a_key_that_cannot_sign_is_told_before_anything_is_sent(make_org: World, keys: Keys) -> None:
    org = make_org()
    for key, why in (
        ("nonsense", "no key in PEM"),
        (keys.public.read_text(), "no key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
        (locked(keys.private), "passphrase"),
    ):
        with pytest.raises(ConfigError, match=why):
            by_key(org, key)
    assert org.forms == []


async def test_a_refused_assertion_says_what_to_mend(make_org: World, keys: Keys) -> None:
    org = make_org(settings={"jwt_certificate": str(keys.public)})
    for connector, why in (
        (by_key(org, keys.other), "signature is not accepted"),
        (by_key(org, keys.private, username="somebody@example.com"), "pre-authorize"),
        (by_key(org, keys.private, client_id="another"), "client_id or client_secret"),
    ):
        with pytest.raises(AuthError, match=why):
            await connector.count("Account")


async def test_a_clock_that_is_wrong_is_what_an_expired_assertion_means(make_org: World, keys: Keys) -> None:
    org = make_org(settings={"jwt_certificate": str(keys.public)})
    org.double.clock.advance(600)
    with pytest.raises(AuthError, match="set this machine's clock"):
        await by_key(org, keys.private).count("Account")


@pytest.mark.parametrize("flow", ["password", "soap"])
async def test_a_wrong_password_is_tried_once(make_org: World, flow: str) -> None:
    org = make_org()
    connector = by_password(org, flow, password="wrong-password")
    for _ in range(3):
        with pytest.raises(AuthError, match="username, password or security token is wrong") as caught:
            await connector.count("Account")
        assert "wrong-password" not in str(caught.value)
    assert len(org.forms) + len(org.calls("/services/Soap/")) == 1


@pytest.mark.parametrize("flow", ["password", "soap"])
async def test_an_org_without_password_logins_says_so(make_org: World, flow: str) -> None:
    org = make_org(settings={"password_logins": "false"})
    with pytest.raises(AuthError, match="does not allow"):
        await by_password(org, flow).count("Account")


async def test_soap_wants_the_security_token_and_says_so(make_org: World) -> None:
    org = make_org()
    with pytest.raises(AuthError, match=r"LOGIN_MUST_USE_SECURITY_TOKEN.*set security_token"):
        await by_password(org, "soap", security_token=None).count("Account")


async def test_soap_login_goes_by_the_last_version_that_has_it(make_org: World) -> None:
    org = make_org({"Account": 1})
    assert await by_password(org, "soap", version="67.0").count("Account") == 1
    assert org.calls("/services/Soap/") == ["POST /services/Soap/u/64.0"]


def faulty(code: str) -> str:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><detail>'
        f"<f:x xmlns:f='urn:x'><f:exceptionCode>{code}</f:exceptionCode></f:x></detail></e:Fault></e:Body>"
        "</e:Envelope>"
    )


def answered(session: str, place: str, more: str = "") -> str:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f"<r><sessionId>{session}</sessionId><serverUrl>{place}</serverUrl>{more}</r></e:Body></e:Envelope>"
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (500, faulty("LOGIN_RATE_EXCEEDED"), RateLimited, "too often"),
        (500, faulty("SERVER_UNAVAILABLE"), Unavailable, "not available"),
        (500, faulty("API_DISABLED_FOR_ORG"), PermissionDenied, "API Enabled"),
        (500, faulty("SOMETHING_NEW"), AuthError, "SOMETHING_NEW"),
        (500, faulty("&lt;b&gt;"), BadResponse, "no code"),
        (500, "<html>an error page", BadResponse, "no XML"),
        (200, "", BadResponse, "no XML"),
        (200, answered("", "https://na1.salesforce.com/x"), BadResponse, "without a session"),
        (200, '<!DOCTYPE x [<!ENTITY a "secret-session">]><x>&a;</x>', BadResponse, "document type"),
        (
            200,
            answered("secret-session", "https://a.salesforce.com", "<passwordExpired>true</passwordExpired>"),
            ReauthRequired,
            "has expired",
        ),
        (200, answered("secret-session", "https://evil.test/services"), AuthError, "does not allow"),
        (200, answered("secret-session", "http://na1.salesforce.com/s"), AuthError, "does not allow"),
    ],
)  # fmt: skip
async def test_strange_answers_to_soap_login_are_told_and_lead_nowhere(
    make_org: World, status: int, body: str, kind: type[ConnectorError], words: str
) -> None:
    org = make_org()

    def strange(request: Request, sent: bytes) -> Response | None:
        del sent
        found = request.url.path.startswith("/services/Soap/")
        return Response(body, status, media_type="text/xml") if found else None

    org.instead = strange
    with pytest.raises(kind, match=words) as caught:
        await by_password(org, "soap").count("Account")
    assert type(caught.value) is kind
    assert "secret-session" not in str(caught.value)
    assert org.calls() == []


async def test_a_flow_that_is_about_to_end_is_told_by_the_check(make_org: World) -> None:
    org = make_org()
    lines = {line.name: line for line in await by_password(org, "soap").check()}
    assert lines["sign in"].ok
    assert "retired everywhere with Summer '27" in lines["sign in"].detail
    assert "move to client_id" in lines["sign in"].mend
    lines = {line.name: line for line in await org.connect(refresh_token=None).check()}
    assert lines["sign in"].detail == "flow client_credentials"


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ('<?xml version="1.0"?><error><exceptionCode>InvalidSessionId</exceptionCode></error>', "text/xml"),
        ('{"exceptionCode":"InvalidSessionId","exceptionMessage":"Invalid session"}', "application/json"),
        ('[{"errorCode":"InvalidSessionId","message":"Invalid session"}]', "application/json"),
    ],
)
async def test_the_bulk_apis_own_word_for_an_ended_session_renews_it_once(
    make_org: World, body: str, media: str
) -> None:
    org = make_org({"Account": 1})
    connector = org.connect()
    left = [Response(body, 400, media_type=media)]

    def ended(request: Request, sent: bytes) -> Response | None:
        del sent
        return left.pop() if left and "/query" in request.url.path else None

    org.instead = ended
    assert await connector.count("Account") == 1
    assert len(org.forms) == 2


async def test_a_given_session_that_ends_says_that_it_cannot_be_renewed(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector = org.connect(tokens=None, **NOBODY, access_token=org.double.credentials["access_token"])
    assert await connector.count("Account") == 1
    org.double.expire_tokens()
    before = len(org.calls())
    with pytest.raises(AuthError, match="cannot be renewed: give a new one"):
        await connector.count("Account")
    assert len(org.calls()) == before + 1
    assert org.forms == []


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_host_one_signs_in_where_all_orgs_do_and_calls_ones_own(make_org: World) -> None:
    org = make_org({"Account": 1})
    hosts: list[str] = []

    def note(request: Request, sent: bytes) -> Response | None:
        del sent
        hosts.append(f"{request.url.scheme}://{request.url.netloc}")
        return None

    org.instead = note
    assert await org.connect(instance_url=None).count("Account") == 1
    assert hosts[0] == "https://login.salesforce.com"
    assert set(hosts[1:]) == {"https://crmhub-double.my.salesforce.com"}


async def test_a_sign_in_to_another_org_than_the_configured_one_is_refused(make_org: World) -> None:
    org, tokens = make_org({"Account": 1}), MemoryTokenStore()
    settings = {"login_url": "https://login.salesforce.com", "instance_url": "https://acme.my.salesforce.com"}
    with pytest.raises(AuthError, match=r"org at crmhub-double\.my\..*one at acme\.my\.") as caught:
        await org.connect(tokens=tokens, **settings).count("Account")
    assert "set instance_url: https://crmhub-double.my.salesforce.com if" in str(caught.value)
    assert org.calls() == []
    assert await tokens.load("sf") is None
    right = {**settings, "instance_url": "https://crmhub-double.my.salesforce.com"}
    assert await org.connect(tokens=None, **right).count("Account") == 1


# ── as a person ──────────────────────────────────────────────────────────────────────────────────


async def agreed(org: Org, connector: Connector, attempt: Attempt) -> dict[str, str]:
    """What the browser comes back with once the person has decided."""
    return _told(await visited(org, connector.sign_in.authorize_url(attempt, ASKED)), attempt)


async def visited(org: Org, url: str) -> str:
    """Where the browser ends once the person has decided."""
    async with httpx.AsyncClient(transport=asgi_transport(org.double.app)) as browser:
        reply = await browser.get(url)
    assert reply.status_code == 302, reply.text
    return reply.headers["location"]


def _told(place: str, attempt: Attempt) -> dict[str, str]:
    told = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
    assert told.pop("state") == attempt.state
    return told


async def test_nobody_has_signed_in_is_told_and_nothing_is_sent(make_org: World) -> None:
    org = make_org()
    with pytest.raises(ReauthRequired, match=r"nobody has signed in yet.*crmhub auth sf"):
        await as_person(org, MemoryTokenStore()).count("Account")
    assert org.forms == []


@pytest.mark.parametrize("rotation", ["true", "false"])
async def test_a_browser_signs_in_and_later_processes_find_the_token(make_org: World, rotation: str) -> None:
    settings = {"require_pkce": "true", "require_secret": "true", "rotate_refresh_tokens": rotation}
    org, tokens = make_org({"Account": 1}, settings=settings), MemoryTokenStore()
    org.double.sessions.codes.redirect_uris = frozenset({BACK})
    secret = org.double.credentials["client_secret"]
    connector = as_person(org, tokens, client_secret=secret, flow="web_server")
    assert isinstance(connector, SupportsSignIn)
    attempt = Attempt.at(BACK)
    told = await agreed(org, connector, attempt)
    await connector.sign_in.exchange(told["code"], attempt, told)
    for _ in range(3):
        org.double.expire_tokens()
        later = as_person(org, tokens, client_secret=secret, flow="web_server")
        assert await later.count("Account") == 1
    saved = await tokens.load("sf")
    assert saved is not None
    assert saved.refresh is not None
    assert saved.refresh.get_secret_value() != org.double.credentials["refresh_token"]


@pytest.mark.parametrize("what", ["address", "code", "encoded code"])
async def test_what_is_pasted_may_be_the_address_or_the_code_in_it(make_org: World, what: str) -> None:
    org, tokens = make_org({"Account": 1}), MemoryTokenStore()
    connector = as_person(org, tokens)
    page = connector.sign_in.code_page(ASKED)
    url = next(line for line in page.splitlines() if line.startswith("http"))
    place = await visited(org, url)
    assert place.startswith("http://localhost:8081/services/oauth2/success?")
    code = parse_qs(urlsplit(place).query)["code"][0]
    await connector.sign_in.exchange({"address": place, "code": code, "encoded code": quote(code)}[what])
    assert await connector.count("Account") == 1


async def test_an_address_of_another_sign_in_is_turned_away(make_org: World) -> None:
    org = make_org()
    connector = as_person(org, MemoryTokenStore())
    with pytest.raises(UsageError, match="no code page"):
        await connector.sign_in.exchange("aPrx")
    connector.sign_in.code_page(ASKED)
    base = "http://localhost:8081/services/oauth2/success"
    for address, words in (
        (f"{base}?code=x&state=other", "another sign-in"),
        (f"{base}?code=x", "another sign-in"),
        (f"{base}?error=access_denied", "another sign-in"),
        ("http://[?code=x", "another sign-in"),
    ):
        with pytest.raises(AuthError, match=words):
            await connector.sign_in.exchange(address)
    assert org.forms == []


async def test_a_person_who_refuses_is_heard(make_org: World) -> None:
    org = make_org()
    org.double.sessions.codes.consents = False
    connector = as_person(org, MemoryTokenStore())
    page = connector.sign_in.code_page(ASKED)
    place = await visited(org, next(line for line in page.splitlines() if line.startswith("http")))
    with pytest.raises(AuthError, match="ended without access"):
        await connector.sign_in.exchange(place)


async def test_a_code_works_once_and_for_a_quarter_of_an_hour(make_org: World) -> None:
    org, tokens = make_org({"Account": 1}), MemoryTokenStore()
    connector = as_person(org, tokens)
    first, second = Attempt.at(BACK), Attempt.at(BACK)
    once, late = await agreed(org, connector, first), await agreed(org, connector, second)
    await connector.sign_in.exchange(once["code"], first)
    saved = await tokens.load("sf")
    with pytest.raises(AuthError, match="works once"):
        await connector.sign_in.exchange(once["code"], first)
    org.clock.advance(900)
    with pytest.raises(AuthError, match="fifteen minutes"):
        await connector.sign_in.exchange(late["code"], second)
    assert await tokens.load("sf") == saved


async def test_a_code_is_good_only_for_the_attempt_that_asked_for_it(make_org: World) -> None:
    org = make_org()
    connector, attempt = as_person(org, MemoryTokenStore()), Attempt.at(BACK)
    for other, words in (
        (Attempt.at(BACK), "belongs to another sign-in"),
        (Attempt.at(BACK + "/"), "callback URLs, letter for letter"),
    ):
        told = await agreed(org, connector, attempt)
        with pytest.raises(AuthError, match=words):
            await connector.sign_in.exchange(told["code"], other)


async def test_without_the_scope_there_is_no_refresh_token_and_no_sign_in(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    connector, attempt = as_person(org, tokens), Attempt.at(BACK)
    place = await visited(org, connector.sign_in.authorize_url(attempt, ("api",)))
    with pytest.raises(AuthError, match="ask for the scope refresh_token"):
        await connector.sign_in.exchange(_told(place, attempt)["code"], attempt)
    assert await tokens.load("sf") is None


async def test_a_person_signs_in_only_where_that_is_used(make_org: World) -> None:
    org = make_org()
    for connector, words in (
        (org.connect(refresh_token=None), "signs in by itself .flow client_credentials"),
        (by_password(org, "soap"), "signs in by itself .flow soap"),
        (org.connect(), "a refresh_token is configured"),
        (
            org.connect(tokens=None, **NOBODY, access_token=org.double.credentials["access_token"]),
            "signs in by itself .flow session",
        ),
    ):
        with pytest.raises(ConfigError, match=words):
            await connector.sign_in.exchange("aPrx", Attempt.at(BACK))
    assert org.forms == []


async def test_what_was_granted_and_what_lacks_is_told(make_org: World) -> None:
    org, tokens = make_org(), MemoryTokenStore()
    connector, attempt = as_person(org, tokens), Attempt.at(BACK)
    place = await visited(org, connector.sign_in.authorize_url(attempt, ("refresh_token",)))
    await connector.sign_in.exchange(_told(place, attempt)["code"], attempt)
    granted = await connector.sign_in.granted()
    assert granted == {"refresh_token"}
    lines = {line.capability: line.missing for line in connector.sign_in.allowances(granted)}
    assert lines == {"read and write by the API": ("api",), "stay signed in": ()}
    for enough in (frozenset(ASKED), frozenset({"full", "offline_access"})):
        assert [line for line in connector.sign_in.allowances(enough) if line.missing] == []
    byself = org.connect(refresh_token=None).sign_in
    assert await byself.granted() == {"api"}
    assert [line for line in byself.allowances(await byself.granted()) if line.missing] == []
    assert await by_password(org, "soap").sign_in.granted() == frozenset()
    session = org.connect(tokens=None, **NOBODY, access_token=org.double.credentials["access_token"])
    assert await session.sign_in.granted() == frozenset()


async def test_a_refusal_by_the_token_endpoint_names_the_command(make_org: World) -> None:
    org = make_org()
    answer = {"error": "invalid_grant", "error_description": "expired access/refresh token"}

    def refuse(request: Request, sent: bytes) -> Response | None:
        del sent
        found = request.url.path.endswith("/token")
        return Response(json.dumps(answer), 400, media_type="application/json") if found else None

    org.instead = refuse
    with pytest.raises(ReauthRequired, match="crmhub auth sf"):
        await org.connect().count("Account")
