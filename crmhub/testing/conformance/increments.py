"""Checks 28 to 37: reading what is new, from any checkpoint, after any interruption."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import cast

import anyio
import anyio.lowlevel

from crmhub.connector import Checkpoint
from crmhub.testing.conformance.check import able_of, check, needs
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import PAGE, Mirror, beyond_lag, some
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__: list[str] = []

_AGES = 300 * 86_400  # seconds; less than the year for which some refresh tokens live
_MOST_KILLS = 60

INCREMENTAL = needs("the object has no incremental read", lambda able: able.incremental is not None)
LAG = needs(
    "the connector declares that no change shows late",
    lambda able: able.incremental is not None and able.incremental.lag > 0,
)
DELETES = needs("deletions do not show", lambda able: able.deletes != "none" and able.incremental is not None)


@check(28, "second run reads nothing", INCREMENTAL)
async def second_run_reads_nothing(org: Org, sample: Sample) -> None:
    """A run after which nothing changed gives nothing new: at most what lies within the declared lag."""
    old = set(await org.insert(sample.object, sample.rows(2 * PAGE)))
    await beyond_lag(org, sample)
    new = set(await org.insert(sample.object, sample.rows(2, 50)))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    for run in ("second", "third"):
        await beyond_lag(org, sample)
        await mirror.follow(connector)
        again = old & set(mirror.came)
        expect(not again, f"the {run} run reads {len(again)} records again that are older than the lag")
        expect(set(mirror.came) <= new, f"the {run} run gives records that do not exist")
        expect(not mirror.gone, f"the {run} run tells of deletions; nothing was deleted")


@check(29, "changes are seen", INCREMENTAL)
async def changes_are_seen(org: Org, sample: Sample) -> None:
    """A record made or changed after the checkpoint comes; key, cursor and time of change always with it."""
    ids = await org.insert(sample.object, sample.rows(2 * PAGE))
    able = await able_of(org, sample)
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    bare = await Mirror.of(org, sample, ())
    await bare.follow(connector)
    cursor = able.incremental.cursor if able.incremental else None
    for name in dict.fromkeys(name for name in (able.key, cursor, able.modified) if name):
        without = [id_ for id_, row in bare.rows.items() if row.get(name) is None]
        expect(not without, f"records come without {name}, which must always be there: {some(without)}")
    for round_ in range(2):
        await beyond_lag(org, sample)
        await org.change(sample.object, ids[round_], {sample.text: f"Changed {round_}"})
        (made,) = await org.insert(sample.object, sample.rows(1, 100 + round_))
        org.clock.advance(1)
        await mirror.follow(connector)
        expect(mirror.came[ids[round_]], f"the change of {ids[round_]} is not seen")
        expect(mirror.came[made], f"the new record {made} is not seen")
        await mirror.against(org, f"after change {round_ + 1}")


@check(30, "many records of one instant", INCREMENTAL)
async def many_records_of_one_instant(org: Org, sample: Sample) -> None:
    """Records with the same time of change, more than a page, all come, from whichever page one goes on."""
    await org.insert(sample.object, sample.rows(2))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    await beyond_lag(org, sample)
    await org.insert(sample.object, sample.rows(3 * PAGE + 1, 10))
    before = mirror.starting(mirror.checkpoint, mirror.rows)
    await mirror.follow(connector)
    await mirror.against(org, f"{3 * PAGE + 1} records of one instant, page size {PAGE}")
    await _from_every_checkpoint(org, before)


@check(31, "late records are caught", LAG)
async def late_records_are_caught(org: Org, sample: Sample) -> None:
    """A record that shows up later than its time of change, within the declared lag, is not missed."""
    able = await able_of(org, sample)
    lag = able.incremental.lag if able.incremental else 0.0
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await org.insert(sample.object, sample.rows(PAGE))
    await mirror.follow(connector)
    await beyond_lag(org, sample)
    await org.insert(sample.object, sample.rows(PAGE, 50))
    await mirror.follow(connector)
    late = await org.insert_late(sample.object, sample.row(99), lag * 0.8)
    org.clock.advance(lag * 0.1)
    await mirror.follow(connector)
    expect(late in mirror.rows, f"a record that shows {lag * 0.8:g} s late is missed; the lag is {lag:g} s")


@check(32, "restart from every checkpoint")
async def restart_from_every_checkpoint(org: Org, sample: Sample) -> None:
    """From each checkpoint that was ever given a new process arrives at the truth."""
    ids = await org.insert(sample.object, sample.rows(3 * PAGE + 1))
    await _from_every_checkpoint(org, await Mirror.of(org, sample))
    if (await able_of(org, sample)).incremental is None:
        return
    mirror = await Mirror.of(org, sample)
    await mirror.follow(org.connect())
    await beyond_lag(org, sample)
    for number, id_ in enumerate(ids[: 2 * PAGE + 1]):
        org.clock.advance(1)
        await org.change(sample.object, id_, {sample.text: f"Changed {number}"})
    await _from_every_checkpoint(org, mirror)


@check(33, "killed at every call")
async def killed_at_every_call(org: Org, sample: Sample) -> None:
    """A process that dies at any call goes on from its last checkpoint, and nothing is lost."""
    ids = await org.insert(sample.object, sample.rows(3 * PAGE + 1))
    await _killed_everywhere(org, await Mirror.of(org, sample))
    if (await able_of(org, sample)).incremental is None:
        return
    mirror = await Mirror.of(org, sample)
    await mirror.follow(org.connect())
    await beyond_lag(org, sample)
    for id_ in ids[: 2 * PAGE]:
        await org.change(sample.object, id_, {sample.text: "Changed"})
    await org.remove(sample.object, ids[-1])
    org.clock.advance(1)
    if (await able_of(org, sample)).deletes == "none":
        mirror.rows.pop(ids[-1])
    await _killed_everywhere(org, mirror)


@check(34, "a checkpoint of the future gives nothing", INCREMENTAL)
async def future_gives_nothing(org: Org, sample: Sample) -> None:
    """From a checkpoint that lies ahead of the clock nothing old is read, nothing fails, no end is lost."""
    old = set(await org.insert(sample.object, sample.rows(PAGE)))
    org.clock.advance(_AGES)
    await org.insert(sample.object, sample.rows(1, 50))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    org.clock.advance(-_AGES / 2)
    await mirror.follow(org.connect())
    again = old & set(mirror.came)
    expect(not again, f"from a checkpoint of the future {len(again)} old records are read again")
    org.clock.advance(_AGES)
    (made,) = await org.insert(sample.object, sample.rows(1, 60))
    await mirror.follow(org.connect())
    expect(made in mirror.rows, "a record that was made once the clock had caught up is missed")


@check(35, "deletions are seen", DELETES)
async def deletions_are_seen(org: Org, sample: Sample) -> None:
    """A deleted record is told as a deletion, once the mirror has it; a restored one comes back."""
    ids = await org.insert(sample.object, sample.rows(2 * PAGE))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    await beyond_lag(org, sample)
    for id_ in (ids[0], ids[PAGE]):
        await org.remove(sample.object, id_)
    org.clock.advance(1)
    await mirror.follow(connector)
    told = {gone.id for gone in mirror.gone}
    expect({ids[0], ids[PAGE]} <= told, f"2 records were deleted; told: {some(told) or 'none'}")
    expect(told <= {ids[0], ids[PAGE]}, f"records are told as deleted that are not: {some(told)}")
    wrong = {gone.life for gone in mirror.gone} - {"deleted", "archived"}
    expect(not wrong, f"deleted records are told as {some(set(wrong))}")
    await mirror.against(org, "after two deletions")
    await beyond_lag(org, sample)
    await org.restore(sample.object, ids[0])
    org.clock.advance(1)
    await mirror.follow(connector)
    await mirror.against(org, "after a deleted record was restored")


@check(36, "merges are told", DELETES)
async def merges_are_told(org: Org, sample: Sample) -> None:
    """The record that was merged into another is told as merged, with the one it went into."""
    winner, loser = await org.insert(sample.object, sample.rows(2))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    await beyond_lag(org, sample)
    both = await org.merge(sample.object, winner, loser) or winner
    org.clock.advance(1)
    await mirror.follow(connector)
    told = {gone.id: (gone.life, gone.into) for gone in mirror.gone}
    for gone in {winner, loser} - {both}:
        expect(gone in told, f"{gone} was merged into {both}, and is not told")
        life, into = told[gone]
        expect((life, into) == ("merged", both), f"merged into {both}; told as {life}, into {into}")
    expect(both not in told, f"{both} is there, and told as {told.get(both)}")


@check(37, "checkpoints are plain and go forward")
async def checkpoints_go_forward(org: Org, sample: Sample) -> None:
    """Checkpoints are JSON and mean the same after a trip through it; a later one never leads to more."""
    mirror = await Mirror.of(org, sample)
    await _spread(org, sample, 3 * PAGE, 0)
    await mirror.follow(org.connect())
    if (await able_of(org, sample)).incremental is not None:
        await _spread(org, sample, 2 * PAGE, 50)
        await mirror.follow(org.connect())
    left: list[int] = []
    for checkpoint in mirror.checkpoints:
        copy = _through_json(checkpoint)
        came = await _came_from(org, mirror, checkpoint)
        expect(came == await _came_from(org, mirror, copy), "a checkpoint means another thing after JSON")
        left.append(len(came))
    # One record more is the overlap: the last one lies within the lag of itself.
    forward = all(later <= earlier + 1 for earlier, later in pairwise(left))
    expect(forward, f"from checkpoint to checkpoint there is more to read: {left}")


async def _spread(org: Org, sample: Sample, count: int, start: int) -> None:
    """Records so far from each other in time that no lag covers two."""
    for row in sample.rows(count, start):
        await org.insert(sample.object, [row])
        await beyond_lag(org, sample)


async def _from_every_checkpoint(org: Org, start: Mirror) -> None:
    """From ``start``, go on anew from each checkpoint with what had come by then."""
    whole = start.starting(start.checkpoint, start.rows)
    places: list[tuple[Checkpoint, Mirror]] = []
    so_far = start.starting(start.checkpoint, start.rows)
    for page in await whole.follow(org.connect()):
        so_far.take(page)
        if page.checkpoint is not None:
            places.append((page.checkpoint, start.starting(page.checkpoint, so_far.rows)))
    await whole.against(org, "without a restart")
    for number, (_, place) in enumerate(places, 1):
        await place.follow(org.connect())
        await place.against(org, f"going on from checkpoint {number} of {len(places)}")


async def _killed_everywhere(org: Org, start: Mirror) -> None:
    """From ``start``, die at each call in turn, and go on as a new process."""
    before = len(org.calls)
    await start.starting(start.checkpoint, start.rows).follow(org.connect())
    calls = len(org.calls) - before
    if calls == 0:
        raise NotHere("the target does not tell of the calls that reach it")
    for number in range(1, min(calls, _MOST_KILLS) + 1):
        mirror = start.starting(start.checkpoint, start.rows)
        with anyio.CancelScope() as process:
            org.on_call = _killer(process, len(org.calls) + number)
            await mirror.follow(org.connect())
        org.on_call = None
        if process.cancelled_caught:
            await mirror.follow(org.connect())
        await mirror.against(org, f"killed at call {number} of {calls}")


def _killer(process: anyio.CancelScope, at: int) -> Callable[[int], Awaitable[None]]:
    async def on_call(number: int) -> None:
        if number == at:
            process.cancel()
            await anyio.lowlevel.checkpoint()

    return on_call


async def _came_from(org: Org, mirror: Mirror, checkpoint: Checkpoint) -> set[str]:
    other = mirror.starting(checkpoint, {})
    await other.follow(org.connect())
    return set(other.came)


def _through_json(checkpoint: Checkpoint) -> Checkpoint:
    try:
        return cast("Checkpoint", json.loads(json.dumps(checkpoint)))
    except TypeError as error:
        raise AssertionError(f"a checkpoint is not JSON: {error}") from error
