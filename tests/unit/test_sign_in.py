"""A browser's way back to this machine: what is heard, and what is turned away."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import anyio
import httpx
import pytest

from crmhub.callback import sign_in_by_browser
from crmhub.clock import Clock, ManualClock
from crmhub.errors import AuthError, ConfigError, CrmhubError, UsageError
from crmhub.sign_in import Allowance, Attempt

pytestmark = pytest.mark.anyio


class Steps:
    """A CRM of which only the way back counts."""

    scopes: Sequence[str] = ("everything",)

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.exchanged: list[tuple[str, Mapping[str, str]]] = []

    def code_page(self, scopes: Sequence[str]) -> str | None:
        del scopes

    def demand_useful(self) -> None: ...

    def authorize_url(self, attempt: Attempt, scopes: Sequence[str]) -> str:
        self.attempts.append(attempt)
        return f"https://crm.test/{','.join(scopes)}"

    async def exchange(
        self, code: str, attempt: Attempt | None = None, told: Mapping[str, str] | None = None
    ) -> None:
        assert attempt is self.attempts[-1]
        self.exchanged.append((code, told or {}))

    async def granted(self) -> frozenset[str]:
        return frozenset()

    def allowances(self, granted: frozenset[str]) -> Sequence[Allowance]:
        return [Allowance("all", tuple(granted))]


def free_uri(host: str = "127.0.0.1") -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://{host}:{free.getsockname()[1]}/callback"


async def came_back(*visits: str, steps: Steps | None = None, uri: str = "") -> list[httpx.Response]:
    """What a browser is told that makes those visits, one after the other; ``STATE`` is the right one."""
    steps, uri = steps or Steps(), uri or free_uri()
    replies: list[httpx.Response] = []
    base = uri.removesuffix("/callback")

    async def visit() -> None:
        async with httpx.AsyncClient() as browser:
            for each in visits:
                method, _, target = each.partition(" ")
                target = target.replace("STATE", steps.attempts[0].state)
                replies.append(await browser.request(method, base + target))

    failed: CrmhubError | None = None
    async with anyio.create_task_group() as tasks:

        def show(_url: str) -> None:
            tasks.start_soon(visit)

        try:
            await sign_in_by_browser(
                steps,
                redirect_uri=uri,
                scopes=("everything",),
                show=show,
                clock=Clock(),
                patience=30,
            )
        except CrmhubError as error:  # raised out here, not in a group
            failed = error
    if failed is not None:
        raise failed
    return replies


async def test_the_code_is_exchanged_with_what_else_came_back() -> None:
    steps = Steps()
    (reply,) = await came_back("GET /callback?code=c1&state=STATE&location=eu", steps=steps)
    assert reply.status_code == 200
    assert "c1" not in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert steps.exchanged == [("c1", {"code": "c1", "location": "eu"})]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_it_listens_where_the_redirect_uri_leads(host: str) -> None:
    (reply,) = await came_back("GET /callback?code=c1&state=STATE", uri=free_uri(host))
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("visit", "status"),
    [
        ("GET /callback?code=evil&state=guessed", 400),
        ("GET /callback?code=evil", 400),
        ("GET /callback?code=evil&state=STATE&state=STATE", 400),
        ("GET /callback?code=evil&code=evil&state=STATE", 400),
        ("GET /callback?error=no&code=evil&state=STATE", 400),
        ("GET /callback?state=STATE", 400),
        ("POST /callback?code=evil&state=STATE", 405),
        ("GET /callback/?code=evil&state=STATE", 404),
        ("GET /favicon.ico", 404),
        (f"GET /callback?{urlencode({'code': 'x' * 20_000})}", 400),
    ],
)
async def test_what_does_not_belong_to_the_attempt_is_turned_away_and_the_right_one_still_heard(
    visit: str, status: int
) -> None:
    steps = Steps()
    refused, heard = await came_back(visit, "GET /callback?code=good&state=STATE", steps=steps)
    assert (refused.status_code, heard.status_code) == (status, 200)
    assert [code for code, _ in steps.exchanged] == ["good"]


async def test_nobody_listens_once_the_answer_was_heard() -> None:
    steps, uri = Steps(), free_uri()
    await came_back("GET /callback?code=c1&state=STATE", steps=steps, uri=uri)
    async with httpx.AsyncClient() as browser:
        with pytest.raises(httpx.ConnectError):
            await browser.get(f"{uri}?code=c2&state={steps.attempts[0].state}")


async def test_who_does_not_agree_is_told_so_and_nothing_is_exchanged() -> None:
    steps = Steps()
    with pytest.raises(AuthError, match="without access: access_denied"):
        await came_back("GET /callback?error=access_denied&state=STATE", steps=steps)
    assert steps.exchanged == []


async def test_the_wait_ends_on_the_clock() -> None:
    clock = ManualClock()
    with pytest.raises(AuthError, match="nobody signed in within 300 s"):
        await sign_in_by_browser(
            Steps(), redirect_uri=free_uri(), scopes=(), show=lambda _: None, clock=clock, patience=300
        )
    assert clock.monotonic() == 300


@pytest.mark.parametrize(
    "uri",
    [
        "https://localhost:8765/callback",
        "http://crm.example.com:8765/callback",
        "http://localhost/callback",
        "http://localhost:port/callback",
        "http://localhost:8765/callback?x=1",
        "http://localhost.evil.example:8765/callback",
    ],
)
async def test_a_redirect_uri_that_leads_elsewhere_is_refused_before_anything_is_shown(uri: str) -> None:
    steps = Steps()
    with pytest.raises(UsageError, match="does not lead to this machine"):
        await came_back(uri=uri, steps=steps)
    assert steps.attempts == []


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="cannot listen on 127"):
            await came_back(uri=f"http://127.0.0.1:{taken.getsockname()[1]}/callback")


def test_the_challenge_is_that_of_rfc_7636() -> None:
    attempt = Attempt("http://localhost:1/", "state", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_an_attempt_shows_nothing_and_no_two_are_alike() -> None:
    one, other = Attempt.at("http://localhost:1/"), Attempt.at("http://localhost:1/")
    assert one.state != other.state
    assert one.verifier != other.verifier
    assert 43 <= len(one.verifier) <= 128  # RFC 7636, 4.1
    assert one.state not in repr(one)
    assert one.verifier not in repr(one)
