"""Checks 6 to 8: access tokens that end, refresh tokens that rotate, grants that are taken back."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.lowlevel

from crmhub.connector import Connector
from crmhub.errors import ConnectorError, ReauthRequired
from crmhub.http import MemoryTokenStore, Token
from crmhub.testing.conformance.check import check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror
from crmhub.testing.conformance.target import Org, Sample
from crmhub.testing.conformance.using import connected

__all__: list[str] = []

_TOGETHER = 20


@check(6, "one refresh for many calls")
async def one_refresh_for_many_calls(org: Org, sample: Sample) -> None:
    """When the access token ends, twenty calls at once, and a read between two pages, cost one refresh."""
    ids = await org.insert(sample.object, sample.rows(10))
    async with connected(org, sample) as used:
        await used.get(ids[0], [sample.text])
        org.expire_tokens()
        before = org.token_calls()
        errors = await _together(org, used.connector, sample, ids[0])
        expect(not errors, f"{len(errors)} of {_TOGETHER} calls fail when the token ends: {errors[:1]}")
        asked = org.token_calls() - before
        expect(asked == 1, f"{_TOGETHER} calls at once asked for a token {asked} times, not once")
        mirror = await Mirror.of(org, sample)
        before = org.token_calls()
        org.on_call = _Expiry(org, after=2)
        await mirror.follow(used.connector)
        org.on_call = None
        await mirror.against(org, "after a read during which the token ended")
        asked = org.token_calls() - before
        expect(asked <= 1, f"a token that ended once during a read was renewed {asked} times")


@check(7, "rotated refresh token is kept first")
async def rotated_refresh_token_is_kept_first(org: Org, sample: Sample) -> None:
    """A new refresh token is in the token store before its access token is used, and others use it then."""
    (id_,) = await org.insert(sample.object, [sample.row(1)])
    async with connected(org, sample) as used, connected(org, sample) as other:
        org.rotate()
        for turn in (used, other, used):
            org.expire_tokens()
            await _alive(turn.connector, sample, id_, "two connections with one token store, in turns")
        org.expire_tokens()
        org.on_call = kept = _Kept(org)
        await _alive(used.connector, sample, id_, "a connection whose token ended")
        org.on_call = None
        if kept.token is None:
            raise AssertionError("the first call after a refresh came before any token was kept")
        org.tokens = MemoryTokenStore()
        await org.tokens.save(org.name, kept.token)
        org.expire_tokens()
        await _alive(org.connect(), sample, id_, "a process started again after dying in its first call")


@check(8, "dead grant is told once")
async def dead_grant_is_told_once(org: Org, sample: Sample) -> None:
    """When the grant is taken back every call raises ``ReauthRequired`` with a hint, and the token endpoint
    is asked once.
    """
    (id_,) = await org.insert(sample.object, [sample.row(1)])
    async with connected(org, sample) as used:
        await used.get(id_, [sample.text])
        org.revoke()
        before = org.token_calls()
        errors = list(await _together(org, used.connector, sample, id_))
        for _ in range(3):
            errors += await _failed(used.connector, sample, id_)
        expect(len(errors) == _TOGETHER + 3, "calls succeed although the grant was taken back")
        wrong = [error for error in errors if not isinstance(error, ReauthRequired)]
        expect(not wrong, f"a dead grant raises {type(wrong[0]).__name__ if wrong else ''}: {wrong[:1]}")
        expect(errors[0].hint, "ReauthRequired does not say what to do")
        asked = org.token_calls() - before
        expect(asked == 1, f"{len(errors)} calls with a dead grant asked for a token {asked} times, not once")


class _Expiry:
    """Lets the token end just before a call, that many calls from now."""

    def __init__(self, org: Org, after: int) -> None:
        self._org = org
        self._at = len(org.calls) + after

    async def __call__(self, number: int) -> None:
        if number == self._at:
            self._org.expire_tokens()


class _Kept:
    """What the token store held when the first call after a refresh came."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._refreshed = org.token_calls()
        self._seen = False
        self.token: Token | None = None

    async def __call__(self, number: int) -> None:
        del number
        asked = self._org.token_calls()
        is_token_call = self._org.token_path is not None and self._org.token_path in self._org.calls[-1]
        if asked > self._refreshed and not is_token_call and not self._seen:
            self._seen = True
            self.token = await self._org.tokens.load(self._org.name)


async def _together(org: Org, connector: Connector, sample: Sample, id: str) -> Sequence[ConnectorError]:
    """Twenty calls at once; the errors of those that failed."""
    errors: list[ConnectorError] = []

    async def call() -> None:
        errors.extend(await _failed(connector, sample, id))

    async def crowd(number: int) -> None:
        """Nobody is answered before all have called: a CRM in process would serve them one by one."""
        del number
        await anyio.lowlevel.checkpoint()

    org.on_call = crowd
    async with anyio.create_task_group() as tasks:
        for _ in range(_TOGETHER):
            tasks.start_soon(call)
    org.on_call = None
    return errors


async def _failed(connector: Connector, sample: Sample, id: str) -> Sequence[ConnectorError]:
    """One call; its error, if it failed."""
    try:
        await connector.get(sample.object, [id], [sample.text])
    except ConnectorError as error:
        return [error]
    return []


async def _alive(connector: Connector, sample: Sample, id: str, who: str) -> None:
    for error in await _failed(connector, sample, id):
        raise AssertionError(f"{who}: {type(error).__name__}: {error}")
