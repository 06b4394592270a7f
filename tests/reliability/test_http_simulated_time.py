"""Hours of faults in seconds: the client on trio's mock clock against a CRM in process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import TypeAlias, cast
from urllib.parse import parse_qs

import anyio
import httpx
import msgspec
import pytest
import trio
from trio.testing import MockClock

from crmhub.clock import ManualClock
from crmhub.errors import CircuitOpen, ConnectorError, Unavailable, UnknownOutcome
from crmhub.events import Event, Events
from crmhub.http import (
    BreakerOptions,
    HttpClient,
    HttpSend,
    HttpSettings,
    Limit,
    MemoryTokenStore,
    OAuth,
    Token,
    asgi_transport,
    read_token,
)

pytestmark = pytest.mark.trio

Message: TypeAlias = MutableMapping[str, object]
BASE = "https://crm.test"
START = datetime(2026, 1, 1, tzinfo=UTC)


class ConnectionLost(Exception):
    cuts_connection = True


class Crm:
    """A strict CRM: rate limit, tokens that end and rotate, and a share of calls that go wrong."""

    def __init__(self, random: Random, *, faults: float, per_minute: int, life: float = 3_600.0) -> None:
        self.random = random
        self.faults = faults
        self.per_minute = per_minute
        self.life = life
        self.calls: list[float] = []
        self.throttled = 0
        self.created: dict[str, int] = {}
        self.token_requests = 0
        self.tokens: dict[str, float] = {}
        self.refresh = "refresh-0"
        self.broken_chains = 0

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        message = await receive()
        body = message["body"]
        assert isinstance(body, bytes)
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        status, reply, extra = await self.answer(str(scope["path"]), headers, body)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), *extra],
            }
        )
        await send({"type": "http.response.body", "body": msgspec.json.encode(reply)})

    async def answer(
        self, path: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> tuple[int, object, list[tuple[bytes, bytes]]]:
        await anyio.sleep(self.random.uniform(0.02, 0.5))
        now = trio.current_time()
        if path == "/token":
            return self.grant(parse_qs(body.decode())["refresh_token"][0], now)
        self.calls.append(now)
        if len([at for at in self.calls[-self.per_minute - 1 :] if at > now - 60.0]) > self.per_minute:
            self.throttled += 1
            return 429, {}, [(b"retry-after", b"20")]
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) < now:
            return 401, {}, []
        if self.random.random() < self.faults:
            return await self.fail(body)
        return self.create(body)

    def grant(self, refresh: str, now: float) -> tuple[int, object, list[tuple[bytes, bytes]]]:
        self.token_requests += 1
        if refresh != self.refresh:
            self.broken_chains += 1
            return 400, {"error": "invalid_grant"}, []
        if self.random.random() < self.faults:
            return 503, {}, []
        self.refresh = f"refresh-{self.token_requests}"
        access = f"access-{self.token_requests}"
        self.tokens[access] = now + self.life
        return 200, {"access_token": access, "refresh_token": self.refresh, "expires_in": self.life}, []

    async def fail(self, body: bytes) -> tuple[int, object, list[tuple[bytes, bytes]]]:
        kind = self.random.choice(["503", "cut", "lost", "hang", "429"])
        if kind == "503":
            return 503, {}, []
        if kind == "429":
            return 429, {}, [(b"retry-after", b"3")]
        if kind == "lost":
            self.create(body)
        if kind == "hang":
            await anyio.sleep_forever()
        raise ConnectionLost

    def create(self, body: bytes) -> tuple[int, object, list[tuple[bytes, bytes]]]:
        if body:
            name = msgspec.json.decode(body, type=dict[str, str])["name"]
            self.created[name] = self.created.get(name, 0) + 1
        return 200, {"ok": True}, []


def client(crm: Crm, told: list[Event], *, rate: int, breaker: BreakerOptions | None = None) -> HttpClient:
    clock = ManualClock(START, drive=trio.current_time)

    async def fetch(send: HttpSend, previous: Token | None) -> Token:
        refresh = previous.refresh if previous else None
        form = {"refresh_token": refresh.get_secret_value() if refresh else "refresh-0"}
        return read_token(await send(form), now=clock.now())

    events = Events(clock)
    events.subscribe(told.append)
    auth = OAuth(fetch, token_url=f"{BASE}/token", connection="crm", tokens=MemoryTokenStore())
    settings = HttpSettings(
        BASE,
        auth=auth,
        limits=[Limit("minute", rate=rate, per=60.0, burst=1)],
        timeout=30.0,
        retries=8,
        retry_budget=600.0,
        concurrency=8,
        breaker=breaker or BreakerOptions(),
    )
    return HttpClient(
        settings,
        connection="crm",
        clock=clock,
        events=events,
        random=Random(5),
        transport=asgi_transport(crm),
    )


def simulated(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hours_of_faults_lose_nothing_double_nothing_and_never_exceed_the_limit(seed: int) -> None:
    crm = Crm(Random(seed), faults=0.2, per_minute=61)
    told: list[Event] = []
    unknown: list[str] = []
    done: list[str] = []

    async def write(http: HttpClient, name: str) -> None:
        try:
            await http.request("POST", "/v1/x", json={"name": name})
            done.append(name)
        except UnknownOutcome:
            unknown.append(name)

    async def patiently(call: Callable[[], Awaitable[object]]) -> None:
        """Trio runs tasks in no fixed order, so faults may come in a row that opens the circuit."""
        while True:
            try:
                await call()
            except CircuitOpen:  # nothing was sent
                await anyio.sleep(30.0)
            else:
                return

    async def worker(http: HttpClient, number: int) -> None:
        for turn in range(60):
            await patiently(lambda: http.request("GET", "/v1/x"))
            await patiently(partial(write, http, f"{number}-{turn}"))
            await anyio.sleep(1_500.0 if turn % 10 == 9 else 5.0)

    async def main() -> None:
        http = client(crm, told, rate=60)
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(worker, http, number)
        await http.aclose()
        assert trio.current_time() > 2 * 3_600.0

    simulated(main)
    assert len(done) + len(unknown) == 360
    assert all(crm.created[name] == 1 for name in done)
    assert all(crm.created.get(name, 0) <= 1 for name in unknown)
    assert 0 < len(unknown) < 100
    assert crm.throttled == 0
    assert crm.broken_chains == 0
    assert {event.name for event in told} >= {"http.call", "http.retry", "http.waited", "auth.refreshed"}


def test_tokens_that_live_a_minute_are_renewed_for_hours_without_one_refused_call() -> None:
    crm = Crm(Random(1), faults=0.0, per_minute=1_000, life=60.0)
    told: list[Event] = []

    async def main() -> None:
        http = client(crm, told, rate=900)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(worker, http)

    async def worker(http: HttpClient) -> None:
        for _ in range(400):
            await http.request("GET", "/v1/x")
            await anyio.sleep(10.0)

    simulated(main)
    refused = [event for event in told if event.detail.get("status") == 401]
    assert refused == []
    assert 60 <= crm.token_requests <= 90


def test_an_outage_of_an_hour_costs_few_calls_and_ends_by_itself() -> None:
    crm = Crm(Random(1), faults=0.0, per_minute=10_000, life=10**6)
    told: list[Event] = []
    ended_after = 0.0

    async def main() -> None:
        nonlocal ended_after
        http = client(crm, told, rate=6_000, breaker=BreakerOptions(failures=3, cool_down=5.0))
        await http.request("GET", "/v1/x")
        crm.faults = 1.0
        crm.random.choice = lambda _: "503"  # pyright: ignore[reportAttributeAccessIssue]
        while trio.current_time() < 3_600.0:
            with pytest.raises(ConnectorError):
                await http.request("GET", "/v1/x")
            await anyio.sleep(1.0)
        crm.faults = 0.0
        while True:
            try:
                await http.request("GET", "/v1/x")
                break
            except ConnectorError:
                await anyio.sleep(1.0)
        ended_after = trio.current_time() - 3_600.0

    simulated(main)
    assert len(crm.calls) < 60
    assert ended_after <= 301.0


class SlowFile(httpx.AsyncByteStream):
    """A file that comes a piece every five seconds: body, stream and sink in one."""

    def __init__(self, pieces: int, piece: int) -> None:
        self.left = pieces
        self.piece = bytes(piece)
        self.size = pieces * piece
        self.taken = 0

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SlowFile]:
        yield self

    def __aiter__(self) -> SlowFile:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        await anyio.sleep(5.0)
        return self.piece

    async def begin(self) -> None:
        self.taken = 0

    async def write(self, chunk: bytes) -> None:
        self.taken += len(chunk)


async def took(request: httpx.Request) -> httpx.Response:
    """A server that reads a whole body and gives it back at the same pace."""
    size = len(await request.aread())
    return httpx.Response(200, stream=SlowFile(20, max(size // 20, 1)))


@pytest.mark.parametrize(("piece", "whole"), [(640_000, True), (1_000, False)], ids=["slow", "trickle"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_file_may_take_longer_than_the_timeout_while_it_comes_at_a_fair_pace(
    piece: int, whole: bool, way: str
) -> None:
    async def main() -> None:
        clock = ManualClock(START, drive=trio.current_time)
        file = SlowFile(20, piece)

        def given(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=file)

        http = HttpClient(
            HttpSettings(BASE, timeout=30.0, retries=0),
            connection="crm",
            clock=clock,
            events=Events(clock),
            random=Random(1),
            transport=httpx.MockTransport(took if way == "up" else given),
        )
        sink = SlowFile(0, 0)
        body = file if way == "up" else None
        if whole:
            response = await http.request("PUT" if body else "GET", "/v1/file", content=body, into=sink)
            assert response.taken == sink.taken == file.size
            assert trio.current_time() >= 100.0
        else:
            with pytest.raises(Unavailable, match="no complete answer"):
                await http.request("PUT" if body else "GET", "/v1/file", content=body, into=sink)
            assert trio.current_time() == pytest.approx(30.0, abs=1.0)

    simulated(main)


def test_a_body_that_trickles_in_is_given_up_after_the_timeout() -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncGenerator[bytes]:
            for letter in b'{"ok": true}':
                await anyio.sleep(5.0)
                yield bytes([letter])

    async def main() -> None:
        clock = ManualClock(START, drive=trio.current_time)
        http = HttpClient(
            HttpSettings(BASE, timeout=30.0, retries=0),
            connection="crm",
            clock=clock,
            events=Events(clock),
            random=Random(1),
            transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle())),
        )
        with pytest.raises(Unavailable, match="no complete answer within 30 s"):
            await http.request("GET", "/v1/x")
        assert trio.current_time() == pytest.approx(30.0)

    simulated(main)
