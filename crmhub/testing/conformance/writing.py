"""Checks 15, 38 to 46, 56 and 57: writing, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from crmhub.connector import Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.testing.conformance.check import Need, check, has, needs
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import NotHere, Org, Sample
from crmhub.testing.conformance.using import Used, connected, told
from crmhub.testing.conformance.values import differences, example, filled

__all__: list[str] = []

_MOST_CALLS = 12
"""Of one update; in more nobody comes in between."""

_Operation: TypeAlias = Literal["create", "update", "upsert", "delete"]


def _writes(*operations: _Operation) -> Need:
    said = " and ".join(operations)
    return needs(f"the connector does not {said} it", lambda able: able.writes >= set(operations))


@check(15, "field flags hold", _writes("create"))
async def field_flags_hold(org: Org, sample: Sample) -> None:
    """What describe() calls required, unique or read-only is refused by name when a write disregards it."""
    async with connected(org, sample) as used:
        whole = filled(sample, used.schema, 1)
        required = [name for name, spec in used.schema.fields.items() if spec.required and name in whole]
        closed = [sample.read_only] if sample.read_only is not None else []
        unique = [sample.unique] if sample.unique is not None else []
        if not required + closed + unique:
            raise NotHere("the object has no required, unique or read-only field")
        for name in required:
            (outcome,) = await used.create({key: value for key, value in whole.items() if key != name})
            _expect_refusal(outcome, name, f"a record without {name}, which describe() calls required,")
        for name in closed:
            spec = used.schema.fields[name]
            expect(not spec.creatable and not spec.updatable, f"describe() says that {name} can be written")
            (outcome,) = await used.create({**whole, name: example(spec, 1)})
            _expect_refusal(outcome, name, f"a record with a value for {name}, which is read-only,")
        expect(not await used.truth(), "a refused record is there all the same")
        for name in unique:
            expect(used.schema.fields[name].unique, f"describe() does not say that {name} is unique")
            twin = {**filled(sample, used.schema, 2), name: whole[name]}
            _, outcome = [*await used.create(whole), *await used.create(twin)]
            _expect_refusal(outcome, name, f"a second record with the same {name}, which is unique,")
            expect(len(await used.truth()) == 1, f"two records have the same {name}")


@check(38, "created record reads back", _writes("create"))
async def created_record_reads_back(org: Org, sample: Sample) -> None:
    """A created record, fetched by the id of its outcome, has every value that was sent."""
    async with connected(org, sample) as used:
        row = filled(sample, used.schema, 1)
        (outcome,) = await used.create(row)
        expect(outcome.status == "created", f"a good record is {told(outcome)}, not created")
        id_ = str(outcome.id)
        truth = await used.truth()
        expect(
            list(truth) == [id_], f"one record was created as {id_}, the CRM has {', '.join(truth) or 'none'}"
        )
        _expect_same(used, row, truth[id_], "the CRM holds something else than was sent")
        _expect_same(used, row, await used.get(id_, tuple(row)), "get() gives something else than was sent")


@check(39, "update touches only sent fields", _writes("create", "update"))
async def update_touches_only_sent_fields(org: Org, sample: Sample) -> None:
    """An update changes what was sent and nothing else; null clears a field, an absent one is left alone."""
    async with connected(org, sample) as used:
        id_ = await _seeded(used, filled(sample, used.schema, 1))
        before = (await used.truth())[id_]
        org.clock.advance(60)
        outcome = await used.update(id_, {sample.text: "Renamed"})
        expect(outcome.ok and outcome.id == id_, f"the update is {told(outcome)} for {outcome.id}")
        wanted = {**before, sample.text: "Renamed"}
        await _expect_truth(used, id_, wanted, f"after an update of {sample.text}")
        optional = next((name for name in _clearable(sample) if before.get(name) is not None), None)
        if optional is None:
            return
        org.clock.advance(60)
        outcome = await used.update(id_, {optional: None})
        expect(outcome.ok, f"clearing {optional} is {told(outcome)}")
        await _expect_truth(used, id_, {**wanted, optional: None}, f"after {optional} was cleared")


@check(40, "upsert twice is one record", _writes("upsert"))
async def upsert_twice_is_one_record(org: Org, sample: Sample) -> None:
    """The same upsert twice makes one record and changes nothing the second time; a third one updates it."""
    async with connected(org, sample) as used:
        if not used.able.upsert_keys:
            raise NotHere("the connector names no field to match by")
        match = sample.unique if sample.unique in used.able.upsert_keys else used.able.upsert_keys[0]
        row = filled(sample, used.schema, 1)
        key = str(row.pop(match))
        first = await _upserted(used, match, key, row)
        expect(first.status == "created", f"an upsert of a new key is {told(first)}, not created")
        before = (await used.truth())[str(first.id)]
        org.clock.advance(60)
        second = await _upserted(used, match, key, row)
        expect(
            second.status in {"unchanged", "updated"} and second.id == first.id,
            f"the same upsert again is {told(second)} for {second.id}, not the record {first.id}",
        )
        await _expect_truth(used, str(first.id), before, "after the same upsert again")
        org.clock.advance(60)
        changed = next(name for name in row if name not in {match, sample.unique, *sample.demanded})
        value = example(used.schema.fields[changed], 7)
        third = await _upserted(used, match, key, {**row, changed: value})
        expect(third.status == "updated", f"an upsert with another {changed} is {told(third)}, not updated")
        await _expect_truth(used, str(first.id), {**before, changed: value}, "after a changed upsert")
        twin = filled(sample, used.schema, 5)
        key = str(twin.pop(match))
        twice = [WriteItem(dict(twin), key=key) for _ in range(2)]
        outcomes = await used.write(WriteRequest(sample.object, "upsert", twice, match))
        ids = {outcome.id for outcome in outcomes}
        expect(
            all(outcome.ok for outcome in outcomes) and len(ids) == 1,
            f"one key twice in one request is {', '.join(map(told, outcomes))}, {len(ids)} records",
        )
        expect(len(await used.truth()) == 2, f"two keys made {len(await used.truth())} records")


@check(42, "one bad row costs one row", _writes("create"))
async def one_bad_row_costs_one_row(org: Org, sample: Sample) -> None:
    """Among good items a bad one is rejected by code and field, and all others land, in any batch."""
    async with connected(org, sample) as used:
        spec = used.schema.fields[sample.text]
        count = min(used.able.write_batch, 200) + 2
        rows = [filled(sample, used.schema, number) for number in range(count)]
        bad = 1
        if spec.max_length is not None:
            rows[bad][sample.text] = "x" * (spec.max_length + 1)
            named: str | None = sample.text
        elif spec.required:
            del rows[bad][sample.text]
            named = sample.text
        else:
            raise NotHere(f"describe() knows of no value that {sample.text} refuses")
        outcomes = await used.create(*rows)
        _expect_refusal(outcomes[bad], named, "the one bad item")
        problem = outcomes[bad].problem
        expect(problem is not None and problem.permanent, "what is wrong with the item itself is permanent")
        await _expect_others(used, rows, outcomes, bad)
        odd = [filled(sample, used.schema, 2 * count + number) for number in range(4)]
        odd[1][sample.text] = "half of a surrogate pair: \ud83d"
        outcomes = await used.create(*odd)
        _expect_refusal(outcomes[1], sample.text, "a text that UTF-8 cannot say")
        await _expect_others(used, odd, outcomes, 1)
        if sample.number is None:
            return
        more = [filled(sample, used.schema, count + number) for number in range(4)]
        more[2][sample.number] = "not a number"
        outcomes = await used.create(*more)
        if outcomes[2].ok:  # the CRM takes it, or the connector says so
            expect(outcomes[2].id in await used.truth(), f"text in {sample.number} is told to be there")
        await _expect_others(used, more, outcomes, 2)


@check(
    43,
    "stale version is a conflict",
    _writes("create", "update"),
    needs("the object has no version stamp", lambda able: able.modified is not None),
)
async def stale_version_is_a_conflict(org: Org, sample: Sample) -> None:
    """An update for a version that somebody has changed since is refused as a conflict and writes nothing."""
    async with connected(org, sample) as used:
        modified = str(used.able.modified)
        id_ = await _seeded(used, filled(sample, used.schema, 1))
        stale = str((await used.get(id_, (sample.text, modified)))[modified])
        org.clock.advance(60)
        await org.change(sample.object, id_, {sample.text: "Theirs"})
        theirs = (await used.truth())[id_]
        org.clock.advance(60)
        outcome = await used.update(id_, {sample.text: "Ours"}, stale)
        expect(
            outcome.status == "conflict", f"an update of a stale version is {told(outcome)}, not a conflict"
        )
        await _expect_truth(used, id_, theirs, "after a refused update")
        fresh = str((await used.get(id_, (sample.text, modified)))[modified])
        outcome = await used.update(id_, {sample.text: "Ours"}, fresh)
        expect(outcome.ok, f"an update of the present version is {told(outcome)}")
        await _expect_truth(used, id_, {**theirs, sample.text: "Ours"}, "after the update")
        others = [await _seeded(used, filled(sample, used.schema, number)) for number in (2, 3)]
        now = [str((await used.get(one, (sample.text, modified)))[modified]) for one in others]
        versions = zip((others[0], id_, others[1]), (now[0], stale, now[1]), strict=True)
        items = [WriteItem({sample.text: "Ours, too"}, id=one, if_version=was) for one, was in versions]
        outcomes = await used.write(WriteRequest(sample.object, "update", items))
        expect(
            [outcome.status == "conflict" for outcome in outcomes] == [False, True, False]
            and outcomes[0].ok
            and outcomes[2].ok,
            f"updates of a present, a stale and a present version are {', '.join(map(told, outcomes))}",
        )
        names = {key: row[sample.text] for key, row in (await used.truth()).items()}
        expect(
            names == {id_: "Ours", others[0]: "Ours, too", others[1]: "Ours, too"},
            "among several updates those of present versions are not all written, or the stale one is",
        )


@check(44, "delete twice is deleted", _writes("create", "delete"))
async def delete_twice_is_deleted(org: Org, sample: Sample) -> None:
    """A delete removes its record and no other; one that is gone already, whoever did it, is deleted too."""
    async with connected(org, sample) as used:
        ids = await org.insert(sample.object, sample.rows(4))
        for ours in (ids[:1], ids[:1]):
            (outcome,) = await used.delete(*ours)
            expect(outcome.status == "deleted" and outcome.id == ids[0], f"a delete is {told(outcome)}")
            expect(
                set(await used.truth()) == set(ids[1:]), "a delete leaves its record, or takes another along"
            )
        await org.remove(sample.object, ids[1])
        outcomes = await used.delete(*ids[:3])
        expect(
            all(outcome.status == "deleted" for outcome in outcomes),
            f"deletes of two gone records and a live one are {', '.join(map(told, outcomes))}",
        )
        expect(set(await used.truth()) == {ids[3]}, "not just the three records were deleted")


@check(45, "reference to nothing is refused", _writes("create", "update"), has("ref", "nowhere"))
async def reference_to_nothing_is_refused(org: Org, sample: Sample) -> None:
    """A reference to a record that does not exist is rejected by its field, and nothing is written."""
    async with connected(org, sample) as used:
        name = str(sample.ref)
        id_ = await _seeded(used, sample.row(1))
        before = await used.truth()
        (outcome,) = await used.create({**sample.row(2), name: sample.nowhere})
        _expect_refusal(outcome, name, f"a record whose {name} leads nowhere")
        outcome = await used.update(id_, {name: sample.nowhere})
        expect(outcome.status == "rejected", f"an update by which {name} leads nowhere is {told(outcome)}")
        expect(await used.truth() == before, "a refused reference has changed something")


@check(46, "what is read can be written back", _writes("create", "update"))
async def what_is_read_can_be_written_back(org: Org, sample: Sample) -> None:
    """A read gives what was written in every writable field, and writing it back changes nothing."""
    async with connected(org, sample) as used:
        rows = [filled(sample, used.schema, number) for number in (1, 2)]
        ids = [str(outcome.id) for outcome in await used.create(*rows)]
        names = tuple(rows[0])
        found = await used.read(names)
        expect(set(found) == set(ids), f"{len(ids)} records were written, {len(found)} were read")
        before = await used.truth()
        for id_, row in zip(ids, rows, strict=True):
            _expect_same(used, row, found[id_], "a read gives something else than was written")
            org.clock.advance(60)
            outcome = await used.update(id_, {name: found[id_].get(name) for name in names})
            expect(outcome.ok, f"what was read cannot be written back: {told(outcome)}")
            await _expect_truth(used, id_, before[id_], "after the record was written back as it was read")


@check(56, "a reference is given by a key", _writes("create", "update"), has("by_key", "unique"))
async def a_reference_is_given_by_a_key(org: Org, sample: Sample) -> None:
    """A record that names another by its unique value refers to it; what nobody has is refused by name."""
    async with connected(org, sample) as used:
        given, holds = sample.by_key or ("", "")
        key = sample.row(1)[str(sample.unique)]
        parent = await _seeded(used, sample.row(1))
        rows = [{**sample.row(2), given: key}, {**sample.row(3), given: "check-nobody"}, sample.row(4)]
        child, lost, plain = await used.create(*rows)
        expect(
            child.status == plain.status == "created",
            f"a record whose {given} is known, and one without, are {told(child)} and {told(plain)}",
        )
        _expect_refusal(lost, given, f"a record whose {given} nobody has")
        await _expect_held(used, holds, {parent: None, str(child.id): parent, str(plain.id): None}, "creates")
        outcome = await used.update(str(plain.id), {given: key})
        expect(outcome.ok, f"an update of {given} is {told(outcome)}")
        outcome = await used.update(str(child.id), {given: "check-nobody"})
        _expect_refusal(outcome, given, f"an update to a {given} that nobody has")
        await _expect_held(
            used, holds, {parent: None, str(child.id): parent, str(plain.id): parent}, "updates"
        )
        outcome = await used.update(str(child.id), {given: None})
        expect(outcome.ok, f"an update that clears {given} is {told(outcome)}")
        await _expect_held(
            used, holds, {parent: None, str(child.id): None, str(plain.id): parent}, "a clearing"
        )


@check(
    57,
    "a change in between is not lost",
    _writes("create", "update"),
    needs("the CRM does not compare versions itself", lambda able: able.guarded),
)
async def a_change_in_between_is_not_lost(org: Org, sample: Sample) -> None:
    """Whenever somebody changes a record while an update for its version is made, that change stays."""
    async with connected(org, sample) as used:
        modified = str(used.able.modified)
        for call in range(1, _MOST_CALLS + 1):
            id_ = await _seeded(used, filled(sample, used.schema, call))
            version = str((await used.get(id_, (sample.text, modified)))[modified])
            org.clock.advance(60)
            other = _Other(org, sample, id_, len(org.calls) + call)
            org.on_call = other.at
            outcome = await used.update(id_, {sample.text: "Ours"}, version)
            org.on_call = None
            if not other.was_there:
                expect(outcome.ok, f"an update that nobody disturbed is {told(outcome)}")
                break
            kept = (await used.truth())[id_][sample.text]
            expect(
                kept == "Theirs",
                f"a change just before call {call} of an update is lost, and that is told as {told(outcome)}",
            )


class _Other:
    """Somebody who changes a record just before a call reaches the CRM."""

    def __init__(self, org: Org, sample: Sample, id: str, number: int) -> None:
        self._org, self._sample, self._id, self._number = org, sample, id, number
        self.was_there = False

    async def at(self, number: int) -> None:
        """Look whether it is time."""
        if number == self._number:
            self.was_there = True
            await self._org.change(self._sample.object, self._id, {self._sample.text: "Theirs"})
            self._org.clock.advance(60)


# ── what several checks do ───────────────────────────────────────────────────────────────────────


async def _seeded(used: Used, row: Native) -> str:
    """The id of a new record that was there before the connector."""
    (id_,) = await used.org.insert(used.sample.object, [row])
    return id_


async def _upserted(used: Used, match: str, key: str, row: Native) -> Outcome:
    request = WriteRequest(used.sample.object, "upsert", [WriteItem(dict(row), key=key)], match)
    (outcome,) = await used.write(request)
    return outcome


def _clearable(sample: Sample) -> list[str]:
    names = (sample.long_text, sample.number, sample.money, sample.date, sample.instant, sample.enum)
    return [name for name in names if name is not None and name not in sample.demanded]


def _expect_refusal(outcome: Outcome, field: str | None, what: str) -> None:
    expect(outcome.status == "rejected", f"{what} is {told(outcome)}, not rejected")
    problem = outcome.problem
    expect(problem is not None and problem.code, f"{what} is rejected without a code")
    expect(
        problem is not None and problem.field == field,
        f"{what} is {told(outcome)}, which does not name {field}",
    )


def _expect_same(used: Used, wanted: Native, found: Native, what: str) -> None:
    wrong = differences(used.schema, wanted, found, wanted)
    expect(not wrong, f"{what}: {'; '.join(wrong)}")


async def _expect_truth(used: Used, id: str, wanted: Native, when: str) -> None:
    """The record in the CRM agrees with ``wanted`` in every field that people can write."""
    rows = await used.truth()
    expect(id in rows, f"{when} the record is gone")
    names = [name for name, spec in used.schema.fields.items() if spec.updatable]
    wrong = differences(used.schema, wanted, rows[id], names)
    expect(not wrong, f"{when}: {'; '.join(wrong)}")


async def _expect_held(used: Used, field: str, wanted: Mapping[str, Value], when: str) -> None:
    """Those records are there, no others, and hold those references."""
    held = {id_: row.get(field) for id_, row in (await used.truth()).items()}
    expect(held == wanted, f"after {when} {field} is {held}, not {dict(wanted)}")


async def _expect_others(used: Used, rows: Sequence[Native], outcomes: Sequence[Outcome], bad: int) -> None:
    """All rows but the bad one are in the CRM, each under the id of its own outcome."""
    truth = await used.truth()
    for place, (row, outcome) in enumerate(zip(rows, outcomes, strict=True)):
        if place == bad:
            continue
        expect(outcome.status == "created", f"item {place}, a good one, is {told(outcome)}, not created")
        expect(outcome.id in truth, f"item {place} is said to be created, and is not there")
        _expect_same(used, row, truth[str(outcome.id)], f"item {place} has another item's values")
    others = [outcome.id for place, outcome in enumerate(outcomes) if place != bad]
    expect(len(set(others)) == len(others), "two items are said to be the same record")
