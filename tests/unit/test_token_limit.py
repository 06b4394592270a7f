"""Requests for tokens under a limit: refused at once, counted for all who share it, never made to wait."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from crmhub.clock import Clock, ManualClock
from crmhub.errors import RateLimited
from crmhub.http import Limit
from crmhub.http.limits import Limits
from crmhub.store import Store
from crmhub_zoho import ZohoConfig
from crmhub_zoho.auth import token_limit

pytestmark = pytest.mark.anyio

ZOHO = token_limit(ZohoConfig(client_id="1000.C", client_secret=SecretStr("a-secret")))


def limits(clock: Clock, *each: Limit, connection: str = "zoho", store: Store | None = None) -> Limits:
    def waited(_endpoint: str, _limit: str, _seconds: float) -> None:
        pytest.fail("a request for a token waits for nothing")

    quotas = store.quotas if store else None
    return Limits(each, concurrency=1, clock=clock, waited=waited, connection=connection, quotas=quotas)


async def taken(meter: Limits, tries: int) -> int:
    """How many of those tries were let through."""
    done = 0
    for _ in range(tries):
        with suppress(RateLimited):
            await meter.spend_at_once("token")
            done += 1
    return done


@given(gaps=st.lists(st.floats(0, 400), min_size=20, max_size=120))
async def test_no_ten_minutes_have_more_than_ten_whenever_they_are_asked_for(gaps: Sequence[float]) -> None:
    clock, times = ManualClock(), list[float]()
    meter = limits(clock, ZOHO)
    for gap in gaps:
        clock.advance(gap)
        times += [clock.monotonic()] * await taken(meter, 3)
    assert max(sum(begin <= at <= begin + 600 for at in times) for begin in times) <= 10


async def test_a_refusal_spends_nothing_and_says_how_long_to_wait(store: Store, clock: ManualClock) -> None:
    for meter in (limits(clock, ZOHO), limits(clock, ZOHO, store=store)):
        assert await taken(meter, 100) == 5
        with pytest.raises(RateLimited, match=r"'access tokens' is reached.*nothing was sent") as caught:
            await meter.spend_at_once("token")
        assert caught.value.retry_after == pytest.approx(120)
        clock.advance(119)
        assert await taken(meter, 100) == 0
        clock.advance(1.001)
        assert await taken(meter, 100) == 1
        clock.advance(10_000)


async def test_connections_with_one_refresh_token_spend_together(store: Store, clock: ManualClock) -> None:
    def limit(refresh: str) -> Limit:
        secrets = {"client_id": "1000.C", "client_secret": "a-secret", "refresh_token": refresh}
        return token_limit(ZohoConfig.model_validate(secrets))

    one = limits(clock, limit("1000.refresh-one"), connection="one", store=store)
    same = limits(clock, limit("1000.refresh-one"), connection="same", store=store)
    other = limits(clock, limit("1000.refresh-two"), connection="other", store=store)
    assert [await taken(each, 3) for each in (one, same, other)] == [3, 2, 3]


async def test_connections_with_tokens_of_their_own_do_not(store: Store, clock: ManualClock) -> None:
    one, other = (limits(clock, ZOHO, connection=name, store=store) for name in ("one", "other"))
    assert [await taken(each, 9) for each in (one, other)] == [5, 5]


def test_the_name_of_whose_limit_it_is_holds_no_secret() -> None:
    limit = token_limit(
        ZohoConfig(
            client_id="1000.C", client_secret=SecretStr("a-secret"), refresh_token=SecretStr("1000.refresh")
        )
    )
    assert "refresh" not in repr(limit)
    assert "a-secret" not in repr(limit)


async def test_limits_of_calls_are_not_spent_by_tokens(clock: ManualClock) -> None:
    every, calls = (
        Limit("every call", rate=1, per=60),
        Limit("calls", rate=1, per=60, endpoints=frozenset({"api"})),
    )
    meter = limits(clock, every, calls)
    assert await taken(meter, 50) == 50
    await meter.leave(await meter.enter("api", 0))
    assert clock.monotonic() == 0
