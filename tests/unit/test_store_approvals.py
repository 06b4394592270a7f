"""Approvals and the ledger of writes, among processes that share a store."""

from __future__ import annotations

import json
from datetime import timedelta

import anyio
import pytest
from msgspec.structs import replace

from crmhub.clock import ManualClock
from crmhub.errors import UsageError
from crmhub.store import Store
from crmhub.store.approvals import Claimed, Request, Written
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio


def a_request(clock: ManualClock, **more: str) -> Request:
    now = clock.now()
    made = Request(
        agent="bot",
        tool="propose_changes",
        plan='[{"canary":"canary"}]',
        plan_hash="h" * 64,
        policy="v1",
        key="key-0001",
        created_at=now,
        expires_at=now + timedelta(hours=1),
        subject="ada@seller.example",
    )
    return replace(made, **more)


async def test_stores_that_claim_one_approval_at_once_get_it_once(store_url: str) -> None:
    clock = ManualClock()
    async with (
        await Store.open(store_url, clock=clock) as one,
        await Store.open(store_url, clock=clock) as two,
    ):
        parked = await one.approvals.park(a_request(clock), "digest")
        assert (await two.approvals.park(a_request(clock), "digest")).handle == parked.handle
        assert [each.state for each in await two.approvals.listed()] == ["pending"]
        await two.approvals.decide(parked.handle, True, "ada", parked.request.plan_hash)
        claims: list[Claimed] = []

        async def claim(store: Store) -> None:
            claims.append(await store.approvals.claim(parked.handle, "bot", "v1"))

        async with anyio.create_task_group() as group:
            for store in (one, two, one, two):
                group.start_soon(claim, store)
        assert sorted(str(each.refused) for each in claims) == ["None", "used", "used", "used"]
        await one.approvals.end("bot", "key-0001", "[]")
        known = await two.approvals.known("bot", "key-0001")
        assert isinstance(known, Written)
        assert (known.handle, known.outcome) == (parked.handle, "[]")

        await one.rotate_key()
        again = await two.approvals.get(parked.handle)
        assert again is not None
        assert (again.state, again.decision and again.decision.by) == ("used", "ada")
        assert (await one.audit.verify()).broken is None
        kinds = [json.loads(entry.body)["kind"] async for entry in two.audit.entries()]
    assert kinds == ["approval.parked", "approval.approved", "approval.used", "audit.key"]
    with behind_its_back(store_url) as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM approval").all())
    assert "canary" not in stored
    assert "ada@" not in stored


async def test_stores_that_enter_one_key_at_once_enter_it_once(store_url: str) -> None:
    async with await Store.open(store_url) as one, await Store.open(store_url) as two:
        entered: list[Written | None] = []

        async def enter(store: Store) -> None:
            entered.append(await store.approvals.begin("bot", "k", "tool", "digest"))

        async with anyio.create_task_group() as group:
            for store in (one, two, one, two):
                group.start_soon(enter, store)
        assert entered.count(None) == 1


async def test_a_key_is_entered_once_and_forgotten_after_a_month(store_url: str) -> None:
    clock = ManualClock()
    async with await Store.open(store_url, clock=clock) as store:
        assert await store.approvals.begin("bot", "k", "tool", "digest") is None
        known = await store.approvals.begin("bot", "k", "tool", "digest")
        assert known == Written("k", "tool", "digest", clock.now())
        assert await store.approvals.begin("other", "k", "tool", "digest") is None
        await store.approvals.end("bot", "k", None)
        assert await store.approvals.known("bot", "k") is None, "nothing was sent"

        parked = await store.approvals.park(a_request(clock), "digest")
        clock.advance(timedelta(days=32).total_seconds())
        assert await store.approvals.begin("bot", "new", "tool", "digest") is None
        assert await store.approvals.known("other", "k") is None
        assert await store.approvals.get(parked.handle) is None


async def test_a_policy_that_changed_an_agent_that_is_another_and_a_decision_twice_are_refused(
    store_url: str,
) -> None:
    clock = ManualClock()
    async with await Store.open(store_url, clock=clock) as store:
        parked = await store.approvals.park(a_request(clock), "digest", by="policy:p@v1")
        assert (await store.approvals.claim(parked.handle, "bot", "v2")).refused == "policy"
        assert (await store.approvals.claim(parked.handle, "other", "v1")).refused == "unknown"
        assert (await store.approvals.claim("forged", "bot", "v1")).refused == "unknown"
        with pytest.raises(UsageError, match="it is approved"):
            await store.approvals.decide(parked.handle, False, "ada")
        await store.approvals.void(parked.handle, "a record has moved")
        assert (await store.approvals.claim(parked.handle, "bot", "v1")).refused == "void"
        with pytest.raises(UsageError, match="no approval has that handle"):
            await store.approvals.decide("forged", True, "ada")
