"""Who renews a token, when several may: claims on the token, in memory and in the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from random import Random

import anyio
import httpx
import pytest
from pydantic import SecretStr

from crmhub.clock import ManualClock
from crmhub.errors import Unavailable
from crmhub.events import Events
from crmhub.http import (
    Claim,
    HttpClient,
    HttpSend,
    HttpSettings,
    MemoryTokenStore,
    OAuth,
    Token,
    TokenStore,
    read_token,
)
from crmhub.store import Store

pytestmark = pytest.mark.anyio

BASE = "https://crm.test"
OLD, NEWER, NEWEST = (Token(SecretStr(name), SecretStr(f"{name}-refresh")) for name in ("a", "b", "c"))


@pytest.fixture
async def tokens(any_url: str, clock: ManualClock) -> AsyncGenerator[TokenStore]:
    """Where tokens are kept: in the process, in a file, on a server."""
    if ":memory:" in any_url:
        yield MemoryTokenStore()
        return
    async with await Store.open(any_url, clock=clock) as opened:
        yield opened.tokens


async def test_a_claim_is_one_owners_at_a_time_and_another_connections_is_another(tokens: TokenStore) -> None:
    claim = await tokens.claim("crm", 60.0)
    assert claim is not None
    assert await tokens.claim("crm", 60.0) is None
    assert await tokens.claim("other", 60.0) is not None
    await tokens.release("crm", claim)
    assert await tokens.claim("crm", 60.0) is not None


async def test_saving_with_a_claim_ends_it(tokens: TokenStore) -> None:
    claim = await tokens.claim("crm", 60.0)
    assert await tokens.save("crm", OLD, claim)
    assert await tokens.load("crm") == OLD
    assert await tokens.claim("crm", 60.0) is not None


async def test_a_token_that_comes_after_a_newer_one_is_not_kept(tokens: TokenStore) -> None:
    claim = await tokens.claim("crm", 60.0)
    assert await tokens.save("crm", NEWEST)  # somebody has signed in
    assert not await tokens.save("crm", OLD, claim)
    assert await tokens.load("crm") == NEWEST


async def test_a_claim_ends_by_itself_and_what_its_owner_got_is_kept_unless_there_is_newer(
    store: Store, clock: ManualClock
) -> None:
    late = await store.tokens.claim("crm", 60.0)
    clock.advance(59.0)
    assert await store.tokens.claim("crm", 60.0) is None
    clock.advance(1.0)
    heir = await store.tokens.claim("crm", 60.0)
    assert heir is not None

    assert await store.tokens.save("crm", NEWER, late), (
        "the heir has nothing yet, and this is the CRM's newest"
    )
    assert not await store.tokens.save("crm", OLD, heir)
    assert await store.tokens.load("crm") == NEWER


async def test_a_token_forgotten_meanwhile_does_not_come_back(store: Store) -> None:
    await store.tokens.save("crm", OLD)
    claim = await store.tokens.claim("crm", 60.0)
    await store.tokens.forget("crm")
    assert not await store.tokens.save("crm", NEWER, claim)
    assert await store.tokens.load("crm") is None


# ── by OAuth ─────────────────────────────────────────────────────────────────────────────────────


class Crm(httpx.AsyncBaseTransport):
    """A CRM whose token endpoint answers when it is told to."""

    def __init__(self) -> None:
        self.asked = anyio.Event()
        self.answer = anyio.Event()
        self.requests = 0
        self.fails = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/token":
            return httpx.Response(200, json={})
        self.requests += 1
        self.asked.set()
        await self.answer.wait()
        if self.fails:
            self.fails = False
            return httpx.Response(503, text="down")
        return httpx.Response(200, json={"access_token": f"access-{self.requests}", "expires_in": 3600})


def org(crm: Crm, tokens: TokenStore, clock: ManualClock, timeout: float = 60.0) -> HttpClient:
    async def fetch(send: HttpSend, _: Token | None) -> Token:
        return read_token(await send({}), now=clock.now())

    auth = OAuth(fetch, token_url=f"{BASE}/token", connection="crm", tokens=tokens)
    return HttpClient(
        HttpSettings(BASE, auth=auth, retries=0, timeout=timeout),
        connection="crm",
        clock=clock,
        events=Events(clock),
        random=Random(1),
        transport=crm,
    )


async def call(http: HttpClient) -> None:
    await http.request("GET", "/x")


async def test_whoever_finds_the_token_claimed_waits_for_it_and_asks_for_none(
    tokens: TokenStore, clock: ManualClock
) -> None:
    crm = Crm()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, org(crm, tokens, clock))
        await crm.asked.wait()
        for _ in range(3):
            tasks.start_soon(call, org(crm, tokens, clock))
        while clock.monotonic() < 1.0:  # they look again and again
            await anyio.lowlevel.checkpoint()
        crm.answer.set()
    assert crm.requests == 1


async def test_when_the_one_that_renews_fails_the_next_one_does_it(
    tokens: TokenStore, clock: ManualClock
) -> None:
    crm = Crm()
    crm.fails = True

    async def first() -> None:
        with pytest.raises(Unavailable):
            await call(org(crm, tokens, clock))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await crm.asked.wait()
        tasks.start_soon(call, org(crm, tokens, clock))
        while clock.monotonic() < 1.0:
            await anyio.lowlevel.checkpoint()
        crm.answer.set()
    assert crm.requests == 2


async def test_nobody_waits_for_an_early_renewal_by_another(tokens: TokenStore, clock: ManualClock) -> None:
    crm = Crm()
    crm.answer.set()
    http = org(crm, tokens, clock)
    await call(http)
    assert await tokens.claim("crm", 3_600.0)
    clock.advance(3_550.0)
    before = clock.monotonic()
    for _ in range(3):
        await call(http)
    assert (clock.monotonic(), crm.requests) == (before, 1)


async def test_a_claim_lasts_longer_than_the_slowest_exchange_with_the_token_endpoint(
    clock: ManualClock,
) -> None:
    asked: list[float] = []

    class Watched(MemoryTokenStore):
        async def claim(self, connection: str, seconds: float) -> Claim | None:
            asked.append(seconds)
            return await super().claim(connection, seconds)

    crm = Crm()
    crm.answer.set()
    await call(org(crm, Watched(), clock, timeout=130.0))
    assert len(asked) == 1
    assert asked[0] > 130.0


async def test_a_cancelled_call_leaves_no_claim_behind(tokens: TokenStore, clock: ManualClock) -> None:
    crm = Crm()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, org(crm, tokens, clock))
        await crm.asked.wait()
        tasks.cancel_scope.cancel()
        crm.answer.set()
    assert await tokens.claim("crm", 60.0) is not None
