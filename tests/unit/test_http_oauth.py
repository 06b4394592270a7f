from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from urllib.parse import parse_qs

import anyio
import httpx
import msgspec
import pytest
from anyio.lowlevel import checkpoint
from pydantic import SecretStr

from crmhub.clock import ManualClock
from crmhub.errors import AuthError, BadResponse, RateLimited, ReauthRequired, StoreError, Unavailable
from crmhub.events import Events
from crmhub.http import (
    Claim,
    HttpClient,
    HttpSend,
    HttpSettings,
    MemoryTokenStore,
    OAuth,
    Response,
    Token,
    asgi_transport,
    read_token,
)

pytestmark = pytest.mark.anyio

BASE = "https://crm.test"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Crm(httpx.AsyncBaseTransport):
    """A CRM whose token endpoint counts, rotates and fails as it is told."""

    def __init__(self) -> None:
        self.token_requests: list[Mapping[str, list[str]]] = []
        self.calls: list[tuple[str, int]] = []
        self.good = ""
        self.rotate = False
        self.extra: dict[str, object] = {"expires_in": 3600}
        self.refusals: list[httpx.Response | httpx.HTTPError] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await checkpoint()
        if request.url.path == "/token":
            return self.token(request)
        status = 200 if request.headers["authorization"] == f"Bearer {self.good}" else 401
        self.calls.append((request.url.host, status))
        return httpx.Response(status, json={})

    def token(self, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        self.token_requests.append(parse_qs(request.content.decode()))
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, httpx.HTTPError):
                raise refusal
            return refusal
        number = len(self.token_requests)
        self.good = f"access-{number:04}"
        rotated = {"refresh_token": f"refresh-{number:04}"} if self.rotate else {}
        return httpx.Response(200, json={"access_token": self.good, **rotated, **self.extra})


class Org:
    """One connection to that CRM."""

    def __init__(
        self,
        crm: Crm,
        tokens: MemoryTokenStore | None = None,
        refresh: str = "refresh-0000",
        settings: HttpSettings | None = None,
    ) -> None:
        self.clock = ManualClock(START)
        self.told: list[str] = []
        self.tokens = tokens or MemoryTokenStore()
        events = Events()
        events.subscribe(lambda event: self.told.append(event.name))

        async def fetch(send: HttpSend, previous: Token | None) -> Token:
            known = previous.refresh if previous else None
            form = {
                "grant_type": "refresh_token",
                "refresh_token": known.get_secret_value() if known else refresh,
            }
            return read_token(await send(form), now=self.clock.now(), base_url="api_domain")

        self.auth = OAuth(
            fetch,
            token_url=f"{BASE}/token",
            connection="crm",
            tokens=self.tokens,
            secrets=(SecretStr(refresh), "id"),
        )
        base = settings or HttpSettings(BASE, retries=0)
        self.http = HttpClient(
            HttpSettings(base.base_url, auth=self.auth, retries=base.retries, allow_hosts=base.allow_hosts),
            connection="crm",
            clock=self.clock,
            events=events,
            random=Random(7),
            transport=crm,
        )

    async def call(self) -> int:
        return (await self.http.request("GET", "/v1/x")).status

    async def saved(self) -> Token:
        token = await self.tokens.load("crm")
        assert token is not None
        return token


async def test_the_first_call_fetches_a_token_and_the_next_ones_use_it() -> None:
    crm = Crm()
    org = Org(crm)
    assert [await org.call() for _ in range(3)] == [200, 200, 200]
    assert len(crm.token_requests) == 1
    assert crm.token_requests[0]["refresh_token"] == ["refresh-0000"]
    assert (await org.saved()).expires_at == datetime(2026, 1, 1, 1, tzinfo=UTC)


async def test_many_calls_at_once_fetch_one_token() -> None:
    crm = Crm()
    org = Org(crm)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(org.call)
    crm.good = "revoked"
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(org.call)
    assert len(crm.token_requests) == 2


async def test_a_token_is_renewed_shortly_before_its_end() -> None:
    crm = Crm()
    org = Org(crm)
    await org.call()
    org.clock.advance(3_539)
    await org.call()
    assert len(crm.token_requests) == 1
    org.clock.advance(2)
    await org.call()
    assert len(crm.token_requests) == 2
    assert [status for _, status in crm.calls] == [200] * 3, "no call had to be refused first"


async def test_a_token_that_lives_shortly_is_not_renewed_with_every_call() -> None:
    crm = Crm()
    crm.extra = {"expires_in": "30"}
    org = Org(crm)
    for _ in range(26):
        await org.call()
        org.clock.advance(1)
    assert len(crm.token_requests) == 1


async def test_a_refused_token_is_renewed_once_and_the_call_goes_on() -> None:
    crm = Crm()
    org = Org(crm)
    await org.call()
    crm.good = "revoked"
    assert (await org.http.request("POST", "/v1/x")).status == 200
    assert [status for _, status in crm.calls] == [200, 401, 200]
    assert org.told.count("auth.refreshed") == 2


async def test_when_the_renewed_token_is_refused_too_the_error_says_where_to_look() -> None:
    crm = Crm()
    org = Org(crm)

    class Deaf(Crm):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/token":
                return await crm.handle_async_request(request)
            return httpx.Response(401, json={})

    org = Org(Deaf())
    with pytest.raises(AuthError, match="refreshing the access token did not help") as caught:
        await org.call()
    assert caught.value.hint is not None
    assert "IP restriction" in caught.value.hint
    assert "a scope that lacks" in caught.value.hint
    assert len(crm.token_requests) == 2


async def test_a_rotated_refresh_token_is_saved_before_the_access_token_is_used() -> None:
    crm = Crm()
    crm.rotate = True
    order: list[str] = []

    class Watched(MemoryTokenStore):
        async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
            assert token.refresh is not None
            order.append(f"saved {token.refresh.get_secret_value()} after {len(crm.calls)} calls")
            return await super().save(connection, token, claim)

    org = Org(crm, Watched())
    await org.call()
    crm.good = "revoked"
    await org.call()
    assert order == ["saved refresh-0001 after 0 calls", "saved refresh-0002 after 2 calls"]
    assert crm.token_requests[1]["refresh_token"] == ["refresh-0001"]


async def test_a_token_that_could_not_be_saved_is_not_used_nor_fetched_again() -> None:
    crm = Crm()
    crm.rotate = True

    class Failing(MemoryTokenStore):
        broken = True

        async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
            if self.broken:
                raise StoreError("the disk is full")
            return await super().save(connection, token, claim)

    tokens = Failing()
    org = Org(crm, tokens)
    for _ in range(2):
        with pytest.raises(StoreError):
            await org.call()
    assert crm.calls == []
    tokens.broken = False
    assert await org.call() == 200
    assert len(crm.token_requests) == 1


async def test_cancelling_a_call_does_not_lose_the_rotated_refresh_token() -> None:
    class Cancelling(Crm):
        def token(self, request: httpx.Request) -> httpx.Response:
            scope.cancel()
            return super().token(request)

    crm = Cancelling()
    crm.rotate = True
    org = Org(crm)
    with anyio.CancelScope() as scope:
        await org.call()
    assert scope.cancelled_caught
    assert crm.calls == []
    refresh = (await org.saved()).refresh
    assert refresh is not None
    assert refresh.get_secret_value() == "refresh-0001"


async def test_a_reply_without_a_refresh_token_keeps_the_one_before() -> None:
    crm = Crm()
    crm.rotate = True
    org = Org(crm)
    await org.call()
    crm.rotate = False
    crm.good = "revoked"
    await org.call()
    refresh = (await org.saved()).refresh
    assert refresh is not None
    assert refresh.get_secret_value() == "refresh-0001"


async def test_a_dead_refresh_token_is_asked_for_once_and_every_later_call_says_so() -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(400, json={"error": "invalid_grant", "error_description": "jane@x.com"})]
    org = Org(crm)
    for _ in range(20):
        with pytest.raises(ReauthRequired, match="sign in again"):
            await org.call()
    with pytest.raises(ReauthRequired) as caught:
        await org.call()
    assert len(crm.token_requests) == 1
    assert crm.calls == []
    assert (caught.value.code, caught.value.status, caught.value.where.connection) == (
        "invalid_grant",
        400,
        "crm",
    )
    assert "jane" not in str(caught.value)
    assert org.told.count("auth.failed") == 1


async def test_a_refresh_token_that_dies_in_mid_run_stops_the_calls_as_well() -> None:
    crm = Crm()
    org = Org(crm)
    await org.call()
    crm.good = "revoked"
    crm.refusals = [httpx.Response(200, json={"error": "invalid_grant"})]
    for _ in range(5):
        with pytest.raises(ReauthRequired):
            await org.call()
    assert len(crm.token_requests) == 2
    assert len(crm.calls) == 2


async def test_signing_in_again_mends_a_dead_refresh_token() -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(400, json={"error": "invalid_grant"})]
    org = Org(crm)
    with pytest.raises(ReauthRequired):
        await org.call()
    crm.good = "signed-in-again"
    await org.tokens.save("crm", Token(SecretStr("signed-in-again"), SecretStr("refresh-new")))
    assert await org.call() == 200
    assert len(crm.token_requests) == 1


async def test_a_reset_asks_the_token_endpoint_again() -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(400, json={"error": "invalid_client"})]
    org = Org(crm)
    for _ in range(2):
        with pytest.raises(AuthError, match="check client id"):
            await org.call()
    assert len(crm.token_requests) == 1
    org.auth.reset()
    assert await org.call() == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_that_is_not_oauths_own_is_asked_about_again_after_a_while(status: int) -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(status, json={"message": "a proxy says no"})]
    org = Org(crm)
    for _ in range(20):
        with pytest.raises(AuthError, match=f"HTTP {status}"):
            await org.call()
    assert len(crm.token_requests) == 1, "no storm"
    org.clock.advance(61)
    assert await org.call() == 200


async def test_a_kept_token_is_used_by_the_next_process() -> None:
    crm = Crm()
    first = Org(crm)
    await first.call()
    second = Org(crm, first.tokens)
    assert await second.call() == 200
    assert len(crm.token_requests) == 1


async def test_a_token_that_another_process_renewed_is_taken_over() -> None:
    crm = Crm()
    first = Org(crm)
    await first.call()
    second = Org(crm, first.tokens)
    await second.call()
    crm.good = "revoked"
    await second.call()
    assert await first.call() == 200
    assert len(crm.token_requests) == 2


async def test_a_token_that_another_process_renewed_and_that_has_ended_too_is_renewed() -> None:
    crm = Crm()
    crm.extra = {}  # nobody says when a token ends
    first = Org(crm)
    await first.call()
    second = Org(crm, first.tokens)
    crm.good = "ended"
    await second.call()
    crm.good = "ended again"
    assert await first.call() == 200
    assert len(crm.token_requests) == 3


async def test_a_kept_token_made_from_other_credentials_is_not_used() -> None:
    crm = Crm()
    crm.rotate = True
    first = Org(crm)
    await first.call()
    second = Org(crm, first.tokens, refresh="another-refresh-token")
    await second.call()
    assert crm.token_requests[1]["refresh_token"] == ["another-refresh-token"]
    third = Org(crm, first.tokens, refresh="another-refresh-token")
    await third.call()
    assert len(crm.token_requests) == 2


async def test_the_mark_of_a_kept_token_does_not_tell_the_credentials() -> None:
    org, other = Org(Crm()), Org(Crm())
    await org.call()
    await other.call()
    token = await org.saved()
    assert "refresh-0000" not in str(token.extra)
    assert token.extra != (await other.saved()).extra, "it is salted"
    assert "access-0001" not in repr(token)
    assert "made_from" not in repr(token)


async def test_a_throttled_token_endpoint_is_left_alone_for_as_long_as_it_asks() -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(429, headers={"retry-after": "600"}, json={})]
    org = Org(crm)
    with pytest.raises(RateLimited) as caught:
        await org.call()
    assert caught.value.retry_after == 600.0
    org.clock.advance(100)
    with pytest.raises(RateLimited) as caught:
        await org.call()
    assert caught.value.retry_after == pytest.approx(500.0)
    assert len(crm.token_requests) == 1
    org.clock.advance(500)
    assert await org.call() == 200


async def test_a_throttled_token_endpoint_that_does_not_say_how_long_is_left_alone_for_a_minute() -> None:
    crm = Crm()
    crm.refusals = [httpx.Response(429, json={})]
    org = Org(crm, settings=HttpSettings(BASE, retries=3))
    assert await org.call() == 200
    assert (org.clock.monotonic(), len(crm.token_requests)) == (60.0, 2)


@pytest.mark.parametrize("refusal", [httpx.Response(503, text="down"), httpx.Response(429, json={})])
async def test_when_an_early_renewal_fails_the_present_token_still_serves(refusal: httpx.Response) -> None:
    crm = Crm()
    org = Org(crm)
    await org.call()
    org.clock.advance(3_550)
    crm.refusals = [refusal]
    for _ in range(10):
        assert await org.call() == 200
    assert len(crm.token_requests) == 2
    org.clock.advance(61)
    assert await org.call() == 200
    assert len(crm.token_requests) == 3


async def test_the_token_says_where_to_call_and_is_believed_within_the_allowed_hosts() -> None:
    crm = Crm()
    crm.extra["api_domain"] = "https://eu.crm.cloud/"
    org = Org(crm, settings=HttpSettings(BASE, allow_hosts=frozenset({"crm.cloud"})))
    await org.call()
    assert crm.calls == [("eu.crm.cloud", 200)]
    strict = Org(crm, settings=HttpSettings(BASE, retries=0))
    for _ in range(3):
        with pytest.raises(AuthError, match=r"eu\.crm\.cloud.*not allow"):
            await strict.call()
    assert len(crm.token_requests) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(200, html="<html>login</html>"), BadResponse),
        (httpx.Response(200, json={}), BadResponse),
        (httpx.Response(200, json={"access_token": ""}), BadResponse),
        (httpx.Response(200, json={"access_token": 7}), BadResponse),
        (httpx.Response(200, json=["access_token"]), BadResponse),
        (httpx.Response(200, content=b'{"access_token": "abc'), BadResponse),
        (httpx.Response(200, json={"error": "invalid_client"}), AuthError),
        (httpx.Response(200, json={"error": {"deep": "jane@example.com"}}), AuthError),
        (httpx.Response(401, json={}), AuthError),
        (httpx.Response(400, json={"error": "temporarily_unavailable"}), Unavailable),
        (httpx.Response(500, html="<html>"), Unavailable),
        (httpx.Response(302, headers={"location": "https://evil.test"}), BadResponse),
    ],
)  # fmt: skip
async def test_a_token_reply_that_grants_nothing_is_a_clear_error(
    reply: httpx.Response, kind: type[Exception]
) -> None:
    crm = Crm()
    crm.refusals = [reply]
    with pytest.raises(kind) as caught:
        await Org(crm).call()
    assert type(caught.value) is kind
    assert crm.calls == []
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize("life", [None, "soon", True, 10**30, [1]])
async def test_a_token_whose_life_is_not_told_is_used_until_it_is_refused(life: object) -> None:
    crm = Crm()
    crm.extra = {"expires_in": life}
    org = Org(crm)
    await org.call()
    org.clock.advance(10_000_000)
    assert await org.call() == 200
    assert len(crm.token_requests) == 1


async def test_the_token_endpoint_is_not_asked_in_clear_text() -> None:
    async def fetch(send: HttpSend, _: Token | None) -> Token:
        return read_token(await send({}), now=START)

    auth = OAuth(fetch, token_url="http://accounts.test/token", connection="crm")

    async def app(*_: object) -> None:
        raise AssertionError("nothing may be sent")

    http = HttpClient(
        HttpSettings(BASE, auth=auth, retries=0),
        connection="crm",
        clock=ManualClock(),
        events=Events(),
        random=Random(7),
        transport=asgi_transport(app),
    )
    with pytest.raises(AuthError, match="without TLS"):
        await http.request("GET", "/v1/x")


@pytest.mark.parametrize("cut", [httpx.ReadError("reset"), httpx.ConnectError("no route")])
async def test_a_token_request_that_is_cut_is_repeated_even_for_a_write(cut: httpx.HTTPError) -> None:
    crm = Crm()
    crm.refusals = [cut, httpx.Response(503, text="down"), httpx.Response(200, html="<html>")]
    org = Org(crm, settings=HttpSettings(BASE, retries=3))
    assert (await org.http.request("POST", "/v1/x")).status == 200
    assert len(crm.token_requests) == 4
    assert [status for _, status in crm.calls] == [200]


async def test_a_vendors_own_codes_for_a_dead_token_and_too_many_requests_are_understood() -> None:
    def reply(code: str) -> Response:
        body = msgspec.json.encode({"error": code})
        return Response(200, {"content-type": "application/json"}, body, connection="crm")

    with pytest.raises(ReauthRequired):
        read_token(reply("invalid_code"), now=START, dead=frozenset({"invalid_code"}))
    with pytest.raises(RateLimited):
        read_token(reply("Access Denied"), now=START, throttled=frozenset({"Access Denied"}))
    with pytest.raises(AuthError) as caught:
        read_token(reply("invalid_code"), now=START)
    assert not isinstance(caught.value, ReauthRequired)
