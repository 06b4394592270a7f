"""Threat 1: access tokens of an issuer: who may call, and what a token must be to be believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from crmhub.agent.policy.serving import Issuer, Serving
from crmhub.agent.serving.bearers import JwtBearer
from crmhub.clock import ManualClock
from crmhub.errors import Unavailable
from crmhub.events import Events
from crmhub.native import Native
from tests.agents import agents_of
from tests.integration.agent.serving import client_of, served

pytestmark = pytest.mark.anyio

HERE = "https://crm.example.com/mcp"
IDP = "https://idp.example.com"
KEY, OTHER = (generate_private_key(65537, 2048) for _ in range(2))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # uvicorn has no trio


def key_set(**keys: RSAPrivateKey) -> Native:
    found = [
        {**cast("Native", RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)), "kid": kid, "alg": "RS256"}
        for kid, key in keys.items()
    ]
    return cast("Native", {"keys": found})


class Idp:
    """The issuer's keys, as they are asked for."""

    def __init__(self) -> None:
        self.keys: Native | None = key_set(one=KEY)
        self.asked = 0

    async def fetch(self) -> Native:
        self.asked += 1
        if self.keys is None:
            raise Unavailable("the issuer is down")
        return self.keys


def bearer(idp: Idp, clock: ManualClock, **parts: object) -> JwtBearer:
    issuer = Issuer.model_validate({"issuer": IDP, "keys": f"{IDP}/keys", **parts})
    return JwtBearer(issuer, HERE, clock, Events(clock), idp.fetch)


def claims(clock: ManualClock, **parts: object) -> dict[str, object]:
    now = int(clock.now().timestamp())
    given = {"iss": IDP, "aud": HERE, "client_id": "bot", "sub": "ada", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**given, **parts}.items() if value is not None}


def signed(said: Mapping[str, object], key: RSAPrivateKey = KEY, kid: str | None = "one") -> str:
    return jwt.encode(dict(said), key, "RS256", headers={"kid": kid} if kid else None)


async def test_a_good_token_names_the_agent_and_the_person() -> None:
    idp, clock = Idp(), ManualClock()
    found = await bearer(idp, clock).verify_token(signed(claims(clock, scope="crm.read crm.write")))
    assert found is not None
    assert (found.client_id, found.subject, found.scopes) == ("bot", "ada", ["crm.read", "crm.write"])
    own = await bearer(idp, clock).verify_token(signed(claims(clock, sub="bot")))
    assert own is not None
    assert own.subject is None


async def test_a_token_that_is_wrong_in_any_way_is_nobodys() -> None:
    idp, clock = Idp(), ManualClock()
    door = bearer(idp, clock)
    now = int(clock.now().timestamp())
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = signed(claims(clock)).split(".")
    forged = jwt.encode(claims(clock, client_id="admin"), "", "none")
    wrong = {
        "expired": signed(claims(clock, exp=now - 31)),
        "not yet": signed(claims(clock, nbf=now + 31)),
        "no end": signed(claims(clock, exp=None)),
        "end as a text": signed(claims(clock, exp=str(now + 600))),
        "for another server": signed(claims(clock, aud="https://other.example.com/mcp")),
        "for nobody": signed(claims(clock, aud=None)),
        "of another issuer": signed(claims(clock, iss="https://evil.example.com")),
        "by another key": signed(claims(clock), OTHER),
        "by an unknown key": signed(claims(clock), OTHER, "two"),
        "unsigned": forged,
        "with its signature cut": f"{head}.{body}.",
        "with another body": f"{head}.{forged.split('.')[1]}.{signature}",
        "without an agent": signed(claims(clock, client_id=None)),
        "with an empty agent": signed(claims(clock, client_id="")),
        "signed with the public key": _confused(claims(clock), public),
        "no token": "a.b.c",
        "empty": "",
    }
    for name, token in wrong.items():
        assert await door.verify_token(token) is None, name


def _confused(said: Mapping[str, object], public: bytes) -> str:
    """A token whose signature takes the issuer's public key for a shared secret."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = b'{"alg":"HS256","kid":"one"}'
    text = f"{part(head)}.{part(json.dumps(said).encode())}"
    return f"{text}.{part(hmac.digest(public, text.encode(), hashlib.sha256))}"


async def test_keys_are_asked_for_once_and_again_for_one_that_is_new() -> None:
    idp, clock = Idp(), ManualClock()
    door = bearer(idp, clock)
    for _ in range(3):
        assert await door.verify_token(signed(claims(clock))) is not None
    assert idp.asked == 1
    idp.keys = key_set(one=KEY, two=OTHER)
    assert await door.verify_token(signed(claims(clock), OTHER, "two")) is None
    assert idp.asked == 1, "a stranger's tokens do not make it ask again and again"
    clock.advance(31)
    assert await door.verify_token(signed(claims(clock), OTHER, "two")) is not None
    idp.keys = None
    clock.advance(601)
    assert await door.verify_token(signed(claims(clock))) is not None, "known keys serve on"
    assert idp.asked == 3


@contextmanager
def issuer_on_a_socket() -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(key_set(one=KEY)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_client_is_told_where_to_get_a_token_and_what_it_lacks(tmp_path: Path) -> None:
    with issuer_on_a_socket() as idp:
        issuer = Issuer(issuer=idp, keys=f"{idp}/keys?tenant=1", scope="crm.read", audience="crm")
        agents = agents_of().model_copy(update={"serving": Serving(issuer=issuer)})
        async with served(tmp_path, agents) as server, httpx2.AsyncClient() as http:
            nobody = await http.post(server.url, json={})
            assert nobody.status_code == 401
            place = nobody.headers["www-authenticate"].partition('resource_metadata="')[2].strip('"')
            told = (await http.get(place)).json()
            assert (told["resource"], told["authorization_servers"]) == (server.url, [idp])
            said = claims(cast("ManualClock", server.hub.clock), iss=idp, aud="crm")
            less = {"authorization": f"Bearer {signed(said)}"}
            lacking = await http.post(server.url, json={}, headers=less)
            assert (lacking.status_code, lacking.json()["error"]) == (403, "insufficient_scope")
            async with client_of(server, token=signed({**said, "scope": "crm.read"})) as client:
                assert (await client.list_tools()).tools
            async with client_of(server) as client:  # a token of the server's own
                assert (await client.list_tools()).tools
