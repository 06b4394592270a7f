from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest

from crmhub.clock import ManualClock
from crmhub.errors import SyncError
from crmhub.events import Event, Events
from crmhub.store import Changes, Intent, Link, RecordRef, Run, Store

pytestmark = pytest.mark.anyio

JOB = "zoho-sf"


@pytest.fixture
async def store(clock: ManualClock, store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url, clock=clock) as opened:
        yield opened


async def start(store: Store, job: str = JOB) -> Run:
    return await store.runs.start(job, "sync", "zoho", "sf", ["account", "deal"])


def an_intent(run: Run, id: str = "a" * 32, **changes: object) -> Intent:
    values: dict[str, object] = {
        "id": id,
        "job": run.job,
        "run": run.id,
        "source": RecordRef("zoho", "Accounts", "1"),
        "target_object": "Account",
        "operation": "create",
        "marker": "zoho:1",
        "payload_hash": b"hash",
        "payload": '{"Name": "Acme"}',
        "sent_at": run.started_at,
    }
    return Intent(**(values | changes))  # pyright: ignore[reportArgumentType]


async def test_a_run_tells_its_beginning_its_totals_and_its_end(store: Store, clock: ManualClock) -> None:
    run = await start(store)
    await store.commit(Changes(job=JOB, run=run.id, counts={"created": 200, "rejected": 0}))
    await store.commit(Changes(job=JOB, run=run.id, counts={"created": 3, "updated": 1}))
    clock.advance(5)

    ended = await store.runs.finish(run.id, "partial", error="2 records were rejected")

    assert ended == await store.runs.get(run.id)
    assert (ended.state, ended.error) == ("partial", "2 records were rejected")
    assert ended.counts == {"created": 203, "rejected": 0, "updated": 1}
    assert (ended.started_at, ended.finished_at) == (run.started_at, clock.now())
    assert (ended.kind, ended.source, ended.target, ended.models) == (
        "sync",
        "zoho",
        "sf",
        ("account", "deal"),
    )


async def test_final_totals_replace_what_the_pages_added_up(store: Store) -> None:
    run = await start(store)
    await store.commit(Changes(job=JOB, run=run.id, counts={"created": 200}))

    ended = await store.runs.finish(run.id, "done", {"created": 199, "linked": 1})

    assert ended.counts == {"created": 199, "linked": 1}


async def test_two_stores_with_the_same_randomness_make_different_runs(
    clock: ManualClock, store_url: str
) -> None:
    ids: set[str] = set()
    for _ in range(2):
        async with await Store.open(store_url, clock=clock, random=Random(1)) as store:
            ids.add((await start(store)).id)

    assert len(ids) == 2


async def test_recent_runs_come_newest_first(store: Store, clock: ManualClock) -> None:
    ids: list[str] = []
    for job in ("a", "b", "a"):
        run = await start(store, job)
        await store.runs.finish(run.id, "done")
        ids.insert(0, run.id)
        clock.advance(1)

    assert [run.id for run in await store.runs.recent(2)] == ids[:2]
    assert [run.id for run in await store.runs.recent(job="a")] == [ids[0], ids[2]]
    assert await store.runs.get("no-such-run") is None


async def test_a_job_runs_once_at_a_time(store: Store) -> None:
    run = await start(store)

    with pytest.raises(SyncError, match=rf"{JOB} is already running since 2026-01-01 .* by pid {run.pid}"):
        await start(store)

    await start(store, "another-job")
    await store.runs.finish(run.id, "done")
    await start(store)


async def test_a_run_without_a_sign_of_life_is_taken_over_and_may_write_no_more(
    store: Store, clock: ManualClock
) -> None:
    left = await start(store)
    clock.advance(61)
    run = await start(store)

    with pytest.raises(SyncError, match="interrupted"):
        await store.commit(
            Changes(
                job=JOB,
                run=left.id,
                links=[Link("account", RecordRef("zoho", "Accounts", "1"), RecordRef("sf", "Account", "2"))],
                checkpoint=("Accounts", {"page": 2}),
            )
        )
    with pytest.raises(SyncError, match="interrupted"):
        await store.intents.plan([an_intent(left)])
    with pytest.raises(SyncError, match="interrupted"):
        await store.runs.finish(left.id, "done")

    assert await store.checkpoints.all(JOB) == {}
    assert await store.links.of_record("zoho", "Accounts", "1") == []
    assert await store.intents.open(JOB) == []
    assert [(kept.id, kept.state) for kept in await store.runs.recent()] == [
        (run.id, "running"),
        (left.id, "interrupted"),
    ]


async def test_commits_and_renewals_keep_a_long_run_alive(store: Store, clock: ManualClock) -> None:
    run = await start(store)
    for _ in range(3):
        clock.advance(50)
        await store.commit(Changes(job=JOB, run=run.id))
        clock.advance(50)
        await store.runs.renew(run.id)

    with pytest.raises(SyncError, match="already running"):
        await start(store)


async def test_an_unknown_run_may_not_write(store: Store) -> None:
    with pytest.raises(SyncError, match="no run nobody"):
        await store.commit(Changes(job=JOB, run="nobody"))


async def test_closing_the_store_interrupts_the_runs_it_leaves_behind(
    clock: ManualClock, store_url: str
) -> None:
    heard: list[Event] = []
    events = Events(clock)
    events.subscribe(heard.append)
    async with await Store.open(store_url, clock=clock) as first:
        left = await start(first)

    async with await Store.open(store_url, clock=clock, events=events) as second:
        await start(second)
        assert [run.state for run in await second.runs.recent()].count("interrupted") == 1
        kept = await second.runs.get(left.id)
        assert kept is not None
        assert kept.finished_at == clock.now()


async def test_taking_a_run_over_is_told(store: Store, clock: ManualClock, store_url: str) -> None:
    heard: list[Event] = []
    events = Events(clock)
    events.subscribe(heard.append)
    left = await start(store)
    clock.advance(61)

    async with await Store.open(store_url, clock=clock, events=events) as other:
        await start(other)

    assert [(event.name, event.run) for event in heard] == [("run.interrupted", left.id)]


async def test_an_intent_is_open_until_a_page_settles_it(store: Store) -> None:
    run = await start(store)
    first, second = an_intent(run, "a" * 32), an_intent(run, "b" * 32, operation="update")
    await store.intents.plan([first, second])
    assert await store.intents.open(JOB) == [first, second]

    await store.commit(Changes(job=JOB, run=run.id, intents_settled=[first.id]))

    assert await store.intents.open(JOB) == [second]
    assert await store.intents.open("another-job") == []


async def test_a_resend_replaces_the_intent(store: Store, clock: ManualClock) -> None:
    run = await start(store)
    await store.intents.plan([an_intent(run)])
    clock.advance(30)
    again = an_intent(run, sent_at=clock.now(), state="unknown")

    await store.intents.plan([again])

    assert await store.intents.open(JOB) == [again]


async def test_planning_nothing_is_nothing(store: Store) -> None:
    await store.intents.plan([])

    assert await store.intents.open(JOB) == []
