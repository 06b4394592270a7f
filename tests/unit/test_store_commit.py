from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import anyio
import pytest

from crmhub.clock import Clock, ManualClock
from crmhub.connector import Checkpoint
from crmhub.errors import StoreError
from crmhub.store import Changes, DeadLetter, Intent, Link, RecordRef, Store

pytestmark = pytest.mark.anyio

JOB = "zoho-sf"


@pytest.fixture(params=["in threads", "inline"])
async def store(request: pytest.FixtureRequest, any_url: str) -> AsyncIterator[Store]:
    clock = ManualClock() if request.param == "inline" else Clock()
    async with await Store.open(any_url, clock=clock) as opened:
        yield opened


def record(n: int) -> RecordRef:
    return RecordRef("zoho", "Accounts", str(n))


def a_link(n: int) -> Link:
    return Link("account", record(n), RecordRef("sf", "Account", f"00{n}"), b"digest", "{}")


@pytest.mark.trio
async def test_a_page_is_stored_whole(store: Store) -> None:
    run = await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])
    intent = Intent(
        "a" * 32, JOB, run.id, record(1), "Account", "create", "zoho:1", b"h", "{}", datetime.now(UTC)
    )
    letter = DeadLetter(JOB, record(2), "sf", "account", "rejected", "bad e-mail")
    await store.intents.plan([intent])
    await store.commit(
        Changes(job=JOB, dead_letters=[DeadLetter(JOB, record(1), "sf", "account", "unknown", "?")])
    )

    await store.commit(
        Changes(
            job=JOB,
            run=run.id,
            links=[a_link(1)],
            intents_settled=[intent.id],
            resolved=[record(1)],
            dead_letters=[letter],
            checkpoint=("Accounts", {"after": "1"}),
            counts={"created": 1, "rejected": 1},
        )
    )

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1", "2"]) == {"1": a_link(1)}
    assert await store.intents.open(JOB) == []
    assert [kept.source for kept in await store.dead_letters.open(JOB)] == [record(2)]
    assert await store.checkpoints.get(JOB, "Accounts") == {"after": "1"}
    kept = await store.runs.get(run.id)
    assert kept is not None
    assert kept.counts == {"created": 1, "rejected": 1}


async def test_a_page_that_cannot_be_stored_leaves_nothing_behind(store: Store) -> None:
    run = await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])
    clashing = Link("account", record(2), a_link(1).target)

    with pytest.raises(StoreError):
        await store.commit(
            Changes(
                job=JOB,
                run=run.id,
                links=[a_link(1), clashing],
                dead_letters=[DeadLetter(JOB, record(3), "sf", "account", "rejected", "no")],
                checkpoint=("Accounts", {"after": "2"}),
                counts={"created": 2},
            )
        )

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1", "2"]) == {}
    assert await store.dead_letters.open(JOB) == []
    assert await store.checkpoints.get(JOB, "Accounts") is None
    kept = await store.runs.get(run.id)
    assert kept is not None
    assert kept.counts == {}


@pytest.mark.parametrize(
    "checkpoint",
    [
        {},
        {"at": "2026-01-01T00:00:00Z", "ids": ["1", "2"], "deep": {"more": [None, True, 3]}},
        {"amount": Decimal("0.1000"), "large": 2**60},
    ],
)
async def test_a_checkpoint_comes_back_as_it_was(store: Store, checkpoint: Checkpoint) -> None:
    await store.checkpoints.put(JOB, "Accounts", {"older": True})
    await store.checkpoints.put(JOB, "Accounts", checkpoint)
    await store.checkpoints.put(JOB, "Deals", {})

    assert await store.checkpoints.get(JOB, "Accounts") == checkpoint
    assert await store.checkpoints.all(JOB) == {"Accounts": checkpoint, "Deals": {}}
    assert await store.checkpoints.all("another-job") == {}


@pytest.mark.trio
async def test_many_tasks_may_read_and_write_at_once(store: Store) -> None:
    async def work(n: int) -> None:
        await store.commit(Changes(job=JOB, links=[a_link(n)], checkpoint=(f"stream {n}", {"n": n})))
        assert await store.links.find(("zoho", "Accounts"), "sf", [str(n)]) == {str(n): a_link(n)}

    async with anyio.create_task_group() as tasks:
        for n in range(20):
            tasks.start_soon(work, n)

    assert len(await store.checkpoints.all(JOB)) == 20


async def test_a_cancelled_commit_is_stored_whole_or_not_at_all(store: Store) -> None:
    for n in range(5):
        with anyio.move_on_after(0) as scope:
            await store.commit(Changes(job=JOB, links=[a_link(n)], checkpoint=("Accounts", {"after": n})))
        assert scope.cancel_called

        saved = await store.checkpoints.get(JOB, "Accounts")
        linked = await store.links.find(("zoho", "Accounts"), "sf", [str(n)])
        assert (saved == {"after": n}) == bool(linked)


async def test_a_naive_time_is_refused(store: Store) -> None:
    run = await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake this is about
    intent = Intent("a" * 32, JOB, run.id, record(1), "Account", "create", "zoho:1", b"h", "{}", naive)

    with pytest.raises(StoreError):
        await store.intents.plan([intent])

    assert await store.intents.open(JOB) == []


async def test_instants_come_back_in_utc(store: Store) -> None:
    run = await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])
    instant = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    await store.intents.plan(
        [Intent("a" * 32, JOB, run.id, record(1), "Account", "create", "zoho:1", b"h", "{}", instant)]
    )

    (found,) = await store.intents.open(JOB)

    assert (found.sent_at, found.sent_at.tzinfo) == (datetime(2026, 1, 1, tzinfo=UTC), UTC)
