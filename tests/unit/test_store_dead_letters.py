from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from crmhub.clock import ManualClock
from crmhub.store import Changes, DeadLetter, Link, RecordRef, Store

pytestmark = pytest.mark.anyio

JOB = "zoho-sf"


def a_letter(id: str = "1", **changes: object) -> DeadLetter:
    letter = DeadLetter(
        JOB,
        RecordRef("zoho", "Deals", id),
        "sf",
        "deal",
        "rejected",
        "Close Date: required",
        "REQUIRED",
        "CloseDate",
    )
    return replace(letter, **changes)  # pyright: ignore[reportArgumentType]


async def save(store: Store, *letters: DeadLetter) -> None:
    await store.commit(Changes(job=JOB, dead_letters=letters))


async def link(store: Store, source: RecordRef, target: RecordRef, model: str = "account") -> Link:
    made = Link(model, source, target)
    await store.commit(Changes(job=JOB, links=[made]))
    return made


async def test_a_letter_says_what_failed_where_and_when(store: Store, clock: ManualClock) -> None:
    await save(store, a_letter(awaiting=("Accounts", "77")))

    (found,) = await store.dead_letters.open(JOB)

    assert found == a_letter(awaiting=("Accounts", "77"), first_at=clock.now(), last_at=clock.now())


async def test_a_repeated_failure_is_one_letter_that_counts(store: Store, clock: ManualClock) -> None:
    start = clock.now()
    await save(store, a_letter())
    clock.advance(60)

    await save(store, a_letter(reason="waiting", code=None, field=None, message="account 77 is not linked"))

    (found,) = await store.dead_letters.open()
    assert (found.reason, found.code, found.field) == ("waiting", None, None)
    assert (found.attempts, found.first_at, found.last_at) == (2, start, start + timedelta(minutes=1))


async def test_a_record_that_succeeds_resolves_its_letter(store: Store) -> None:
    await save(store, a_letter("1"), a_letter("2"))

    await store.commit(Changes(job=JOB, resolved=[a_letter("1").source, a_letter("none").source]))

    assert [letter.source.id for letter in await store.dead_letters.open(JOB)] == ["2"]
    kept = await store.dead_letters.get(a_letter("1").id)
    assert kept is not None
    assert kept.state == "resolved"


async def test_a_failure_after_success_starts_anew(store: Store, clock: ManualClock) -> None:
    await save(store, a_letter())
    await save(store, a_letter())
    await store.dead_letters.resolve(JOB, [a_letter().source])
    clock.advance(60)

    await save(store, a_letter())

    (found,) = await store.dead_letters.open(JOB)
    assert (found.attempts, found.first_at) == (1, clock.now())


async def test_a_dropped_letter_stays_dropped_when_the_record_fails_again(store: Store) -> None:
    await save(store, a_letter())

    assert await store.dead_letters.drop([a_letter().id, "no-such-letter"]) == 1
    await save(store, a_letter())

    assert await store.dead_letters.open(JOB) == []
    found = await store.dead_letters.of(JOB, [a_letter().source, a_letter("2").source])
    assert [(letter.state, letter.attempts) for letter in found.values()] == [("dropped", 2)]


async def test_letters_of_another_job_are_apart(store: Store) -> None:
    await save(store, a_letter())
    await save(store, a_letter(job="other"))

    assert [letter.job for letter in await store.dead_letters.open(JOB)] == [JOB]
    assert len(await store.dead_letters.open()) == 2
    await store.commit(Changes(job=JOB, resolved=[a_letter().source]))
    assert [letter.job for letter in await store.dead_letters.open()] == ["other"]


async def test_letters_are_paged_oldest_first_even_while_they_are_resolved(
    store: Store, clock: ManualClock
) -> None:
    for n in range(7):
        await save(store, a_letter(f"{n}a"), a_letter(f"{n}b"))
        clock.advance(1)
    seen: list[str] = []
    after: DeadLetter | None = None
    while page := await store.dead_letters.open(JOB, limit=3, after=after):
        seen += [letter.source.id for letter in page]
        after = page[-1]
        await store.dead_letters.resolve(JOB, [letter.source for letter in page])

    assert sorted(seen) == sorted(f"{n}{half}" for n in range(7) for half in "ab")
    assert [name[0] for name in seen] == sorted(name[0] for name in seen)


async def test_letters_are_listed_and_counted_by_reason_and_model(store: Store) -> None:
    await save(store, a_letter("1"), a_letter("2", reason="mapping"), a_letter("3", model="account"))

    assert await store.dead_letters.counts(JOB) == {"mapping": 1, "rejected": 2}
    assert [letter.source.id for letter in await store.dead_letters.open(JOB, reason="mapping")] == ["2"]
    assert [letter.source.id for letter in await store.dead_letters.open(JOB, model="account")] == ["3"]


@pytest.mark.parametrize("awaited", ["Accounts", "account", "*"], ids=["by object", "by model", "by id"])
async def test_a_waiting_letter_is_ready_once_its_record_is_linked(store: Store, awaited: str) -> None:
    waiting = a_letter("1", reason="waiting", awaiting=(awaited, "77"))
    await save(store, waiting, a_letter("2", reason="waiting", awaiting=(awaited, "78")), a_letter("3"))
    assert await store.dead_letters.awaiting_ready(JOB) == []

    await link(store, RecordRef("zoho", "Accounts", "77"), RecordRef("sf", "Account", "001"))

    assert [letter.id for letter in await store.dead_letters.awaiting_ready(JOB)] == [waiting.id]


async def test_a_letter_is_ready_when_its_connection_sorts_first_too(store: Store) -> None:
    await save(store, a_letter("1", target="zz-target", awaiting=("Accounts", "77")))

    await link(store, RecordRef("zoho", "Accounts", "77"), RecordRef("zz-target", "Account", "001"))

    assert len(await store.dead_letters.awaiting_ready(JOB)) == 1


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(("zoho", "Contacts", "77"), ("sf", "Account", "001"), id="other object"),
        pytest.param(("zoho", "Accounts", "77"), ("hubspot", "companies", "1"), id="other target"),
        pytest.param(("sf", "Accounts", "77"), ("zoho", "Accounts", "1"), id="other side"),
    ],
)
async def test_a_letter_does_not_wait_for_just_any_link(
    store: Store, source: tuple[str, str, str], target: tuple[str, str, str]
) -> None:
    await save(store, a_letter("1", awaiting=("Accounts", "77")))

    await link(store, RecordRef(*source), RecordRef(*target), model="other")

    assert await store.dead_letters.awaiting_ready(JOB) == []


async def test_an_unlinked_pair_makes_no_letter_ready(store: Store) -> None:
    await save(store, a_letter("1", awaiting=("Accounts", "77")))
    made = await link(store, RecordRef("zoho", "Accounts", "77"), RecordRef("sf", "Account", "001"))

    await store.commit(Changes(job=JOB, unlinked=[made]))

    assert await store.dead_letters.awaiting_ready(JOB) == []
