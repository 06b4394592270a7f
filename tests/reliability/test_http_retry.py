"""Which calls are sent again, when, and what is said when that does not help."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random
from typing import TypeAlias

import anyio
import httpx
import pytest

from crmhub.clock import ManualClock
from crmhub.errors import (
    BadResponse,
    CircuitOpen,
    ConnectorError,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)
from crmhub.events import Event, Events
from crmhub.http import BreakerOptions, HttpClient, HttpSettings, Limit, Response, asgi_transport

pytestmark = pytest.mark.anyio

Step: TypeAlias = "httpx.Response | Exception"
DOWN = httpx.Response(503, html="<html>down</html>")
FINE = httpx.Response(200, json={"ok": True})
TORN = httpx.Response(200, content=b'{"data": [', headers={"content-type": "application/json"})


class Crm:
    """A CRM that answers with the given steps, the last one for ever."""

    def __init__(self, *steps: Step, settings: HttpSettings | None = None, seed: int = 7) -> None:
        self.steps = list(steps)
        self.clock = ManualClock()
        self.sent_at: list[float] = []
        self.told: list[Event] = []
        events = Events()
        events.subscribe(self.told.append)
        self.http = HttpClient(
            settings or HttpSettings("https://crm.test"),
            connection="crm",
            clock=self.clock,
            events=events,
            random=Random(seed),
            transport=httpx.MockTransport(self._answer),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent_at.append(self.clock.monotonic())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    def names(self) -> list[str]:
        return [event.name for event in self.told]


LOST = [
    httpx.ReadError("reset"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("broken pipe"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
]
NEVER_SENT = [
    httpx.ConnectError("Name or service not known"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("step", [DOWN, *LOST, *NEVER_SENT, httpx.Response(429)], ids=repr)
async def test_what_is_safe_to_repeat_is_repeated_until_it_succeeds(method: str, step: Step) -> None:
    crm = Crm(step, step, FINE)
    assert (await crm.http.request(method, "/v1/x")).status == 200
    assert len(crm.sent_at) == 3
    assert crm.names() == ["http.call", "http.retry", "http.call", "http.retry", "http.call"]


@pytest.mark.parametrize("step", [TORN, httpx.Response(200, html="<html>"), httpx.Response(200)])
async def test_a_read_that_came_torn_is_read_again(step: httpx.Response) -> None:
    crm = Crm(step, FINE)
    assert (await crm.http.request("GET", "/v1/x")).json() == {"ok": True}
    always = Crm(step)
    with pytest.raises(BadResponse):
        await always.http.request("GET", "/v1/x")
    assert len(always.sent_at) == 5


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("step", [DOWN, *LOST, TORN, httpx.Response(500)], ids=repr)
async def test_a_write_whose_fate_is_not_known_is_never_sent_again(method: str, step: Step) -> None:
    crm = Crm(step, FINE)
    with pytest.raises(UnknownOutcome, match="read back") as caught:
        await crm.http.request(method, "/v1/x", json={"a": 1})
    assert caught.value.applied is None
    assert len(crm.sent_at) == 1


@pytest.mark.parametrize("step", [*NEVER_SENT, httpx.Response(429), httpx.Response(408)], ids=repr)
async def test_a_write_that_is_known_not_to_be_applied_is_sent_again(step: Step) -> None:
    crm = Crm(step, step, FINE)
    assert (await crm.http.request("POST", "/v1/x", json={"a": 1})).status == 200
    assert len(crm.sent_at) == 3


async def test_a_write_that_the_caller_calls_idempotent_is_sent_again() -> None:
    crm = Crm(DOWN, httpx.ReadError("reset"), FINE)
    assert (await crm.http.request("PATCH", "/v1/x/ext/1", idempotent=True)).status == 200
    assert len(crm.sent_at) == 3


async def test_a_put_that_the_caller_calls_not_idempotent_is_not() -> None:
    crm = Crm(DOWN)
    with pytest.raises(UnknownOutcome):
        await crm.http.request("PUT", "/v1/x", idempotent=False)
    assert len(crm.sent_at) == 1


async def test_the_connectors_word_that_nothing_was_applied_is_believed() -> None:
    def classify(reply: Response) -> ConnectorError | None:
        return Unavailable("the org is locked for maintenance") if reply.status == 503 else None

    crm = Crm(DOWN, FINE, settings=HttpSettings("https://crm.test", classify=classify))
    assert (await crm.http.request("POST", "/v1/x")).status == 200


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 412, 422])
async def test_what_the_crm_refuses_is_not_repeated(status: int) -> None:
    crm = Crm(httpx.Response(status, json={}))
    with pytest.raises(ConnectorError):
        await crm.http.request("GET", "/v1/x")
    assert len(crm.sent_at) == 1


@pytest.mark.parametrize(("method", "applied"), [("GET", False), ("PUT", None), ("DELETE", None)])
async def test_an_exhausted_call_says_whether_it_may_have_been_applied(
    method: str, applied: bool | None
) -> None:
    for step in (DOWN, httpx.ReadError("reset")):
        crm = Crm(step)
        with pytest.raises(Unavailable) as caught:
            await crm.http.request(method, "/v1/x")
        assert caught.value.applied is applied
    unreachable = Crm(NEVER_SENT[0])
    with pytest.raises(Unavailable) as caught:
        await unreachable.http.request(method, "/v1/x")
    assert caught.value.applied is False


async def test_waits_grow_and_are_jittered_by_the_injected_randomness() -> None:
    async def sent_at(seed: int) -> list[float]:
        crm = Crm(DOWN, seed=seed)
        with pytest.raises(Unavailable):
            await crm.http.request("GET", "/v1/x")
        return crm.sent_at

    times = await sent_at(1)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    for (least, most), wait in zip(((0.25, 0.5), (0.5, 1), (1, 2), (2, 4)), waits, strict=True):
        assert least <= wait <= most
    assert await sent_at(1) == times
    assert await sent_at(2) != times


@pytest.mark.parametrize("header", ["7", "7.0", "Thu, 01 Jan 2026 00:00:07 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_the_crm_says_how_long_to_wait(status: int, header: str) -> None:
    crm = Crm(httpx.Response(status, headers={"retry-after": header}), FINE)
    await crm.http.request("GET", "/v1/x")
    assert crm.sent_at == [0.0, 7.0]


@pytest.mark.parametrize(
    "header", ["soon", "-5", "", "Thu, 99 Jan 2026", "Thu, 01 Jan 2026 00:00:07", "²", "9" * 400]
)
async def test_a_broken_wait_is_not_a_broken_call(header: str) -> None:
    crm = Crm(httpx.Response(503, headers=[(b"retry-after", header.encode())]), FINE)
    if header.startswith("9"):
        with pytest.raises(Unavailable):
            await crm.http.request("GET", "/v1/x")
    else:
        await crm.http.request("GET", "/v1/x")
        assert crm.sent_at[1] < 1.0


async def test_a_429_holds_back_all_calls_of_its_class_and_no_others() -> None:
    crm = Crm(httpx.Response(429, headers={"retry-after": "90"}), FINE)
    await crm.http.request("GET", "/v1/x", endpoint="search")
    assert crm.sent_at == [0.0, 90.0]
    crm = Crm(httpx.Response(429, headers={"retry-after": "900"}), FINE)
    with pytest.raises(RateLimited) as caught:
        await crm.http.request("GET", "/v1/x", endpoint="search")
    assert caught.value.retry_after == 900.0
    with pytest.raises(RateLimited, match="900 s more"):
        await crm.http.request("GET", "/v1/y", endpoint="search")
    assert len(crm.sent_at) == 1
    await crm.http.request("GET", "/v1/z")
    assert crm.sent_at == [0.0, 0.0]
    crm.clock.advance(900)
    await crm.http.request("GET", "/v1/y", endpoint="search")
    assert crm.sent_at[-1] == 900.0


async def test_no_retry_begins_after_the_budget_on_the_injected_clock() -> None:
    crm = Crm(DOWN, settings=HttpSettings("https://crm.test", retries=1_000, retry_budget=100.0))
    with pytest.raises(Unavailable):
        await crm.http.request("GET", "/v1/x")
    assert 60.0 < crm.sent_at[-1] <= 100.0


async def test_the_circuit_opens_probes_once_and_closes() -> None:
    settings = HttpSettings("https://crm.test", retries=1, breaker=BreakerOptions(failures=2, cool_down=30.0))
    crm = Crm(*[DOWN] * 5, FINE, settings=settings)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await crm.http.request("GET", "/v1/x")
    with pytest.raises(CircuitOpen, match="tries again in 30 s"):
        await crm.http.request("GET", "/v1/x")
    assert len(crm.sent_at) == 4
    crm.clock.advance(30)
    with pytest.raises(Unavailable):
        await crm.http.request("GET", "/v1/x")
    assert len(crm.sent_at) == 5, "a probe is not retried"
    with pytest.raises(CircuitOpen, match="tries again in 60 s"):
        await crm.http.request("GET", "/v1/x")
    crm.clock.advance(60)
    await crm.http.request("GET", "/v1/x")
    circuit = [event.name for event in crm.told if event.name.startswith("circuit")]
    assert circuit == ["circuit.opened", "circuit.opened", "circuit.closed"]


async def test_waits_for_a_limit_are_told() -> None:
    settings = HttpSettings(
        "https://crm.test", limits=[Limit("search", rate=2, endpoints=frozenset({"search"}))]
    )
    crm = Crm(FINE, settings=settings)
    for _ in range(3):
        await crm.http.request("GET", "/v1/x", endpoint="search")
    waited = [event.detail for event in crm.told if event.name == "http.waited"]
    assert waited == [{"endpoint": "search", "limit": "search", "seconds": 0.5}] * 2
    assert crm.sent_at == [0.0, 0.5, 1.0]


class Cut(Exception):
    cuts_connection = True


@pytest.mark.parametrize("grouped", [False, True])
async def test_an_application_in_process_can_cut_the_connection(grouped: bool) -> None:
    calls: list[str] = []

    async def app(
        scope: dict[str, object], receive: Callable[..., object], send: Callable[..., object]
    ) -> None:
        calls.append(str(scope["method"]))
        if grouped:
            raise ExceptionGroup("middleware", [Cut()])
        raise Cut

    http = HttpClient(
        HttpSettings("https://crm.test", retries=2),
        connection="crm",
        clock=ManualClock(),
        events=Events(),
        random=Random(7),
        transport=asgi_transport(app),  # pyright: ignore[reportArgumentType]
    )
    with pytest.raises(UnknownOutcome):
        await http.request("POST", "/v1/x")
    with pytest.raises(Unavailable):
        await http.request("GET", "/v1/x")
    assert calls == ["POST", "GET", "GET", "GET"]


async def test_cancelling_a_call_cancels_its_retries() -> None:
    crm = Crm(DOWN)

    class Asleep(ManualClock):
        async def sleep(self, seconds: float) -> None:
            scope.cancel()
            await super().sleep(seconds)

    http = HttpClient(
        HttpSettings("https://crm.test"),
        connection="crm",
        clock=Asleep(),
        events=Events(),
        random=Random(7),
        transport=httpx.MockTransport(lambda _: httpx.Response(503)),
    )
    with anyio.CancelScope() as scope:
        await http.request("GET", "/v1/x")
    assert scope.cancelled_caught
    assert crm.sent_at == []
