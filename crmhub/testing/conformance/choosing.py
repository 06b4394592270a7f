"""Checks 49 to 51: records are chosen exactly, found by words, and written as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing

from crmhub.connector import Condition, Connector, Native, Value
from crmhub.errors import BadRequest, Unsupported
from crmhub.powers import SupportsCount, SupportsSearch
from crmhub.testing.conformance.check import able_of, check, needs
from crmhub.testing.conformance.contents import TEXTS, long_words
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror, some
from crmhub.testing.conformance.target import NotHere, Org, Sample
from crmhub.testing.conformance.using import connected, told
from crmhub.testing.conformance.values import differences

__all__: list[str] = []

_NUMBERS: tuple[int | None, ...] = (0, 9, 10, 100, None)
_DAYS = ("2026-01-31", "2026-02-01", "2026-12-01", None)
_LATER = 3600.0
"""Seconds after which a search index is expected to be up to date."""


@check(
    49, "conditions choose exactly", needs("the connector has no filters", lambda able: bool(able.filters))
)
async def conditions_choose_exactly(org: Org, sample: Sample) -> None:
    """Each condition, alone and with another, gives the records that meet it and no other; so do counts."""
    able = await able_of(org, sample)
    varied: dict[str, Sequence[Value]] = {
        name: values
        for name, values in ((sample.number, _NUMBERS), (sample.date, _DAYS))
        if name is not None and able.filters & {"*", name}
    }
    rows = [
        sample.row(number, {name: values[number % len(values)] for name, values in varied.items()})
        for number in range(len(_NUMBERS) * len(_DAYS))
    ]
    ids = await org.insert(sample.object, rows)
    connector, held = org.connect(), dict(zip(ids, rows, strict=True))
    for conditions in _questions(sample, varied, named=bool(able.filters & {"*", sample.text})):
        wanted = {id_ for id_, row in held.items() if all(_meets(row, one) for one in conditions)}
        shown = " and ".join(f"{one.field} {one.op} {one.value!r}" for one in conditions)
        try:
            found = await Mirror.of(org, sample)
            await found.follow(connector, filter=conditions)
            counted = await _counted(connector, sample.object, conditions, len(wanted))
        except (Unsupported, BadRequest):
            continue  # the CRM cannot be asked that, and says so
        wrong, missing = set(found.rows) - wanted, wanted - set(found.rows)
        expect(not wrong, f"{shown}: {len(wrong)} records come that do not meet it: {some(wrong)}")
        expect(not missing, f"{shown}: {len(missing)} records that meet it are missing: {some(missing)}")
        expect(counted == len(wanted), f"{shown}: {len(wanted)} records; count() says {counted}")


def _questions(
    sample: Sample, varied: Mapping[str, Sequence[Value]], *, named: bool
) -> Sequence[tuple[Condition, ...]]:
    single: list[Condition] = []
    if named:
        single.append(Condition(sample.text, "eq", "Check 00003"))
        single.append(Condition(sample.text, "in", ["Check 00003", "Check 00012", "Nobody"]))
    for name, values in varied.items():
        single += [Condition(name, op, values[1]) for op in ("eq", "ge", "gt", "le", "lt")]
        single += [Condition(name, "in", [values[0], values[2]]), Condition(name, "eq", None)]
    both = [(left, right) for left in single for right in single if left.field < right.field]
    return [*((one,) for one in single), *both]


def _meets(row: Native, condition: Condition) -> bool:
    value, wanted = row.get(condition.field), condition.value
    if condition.op == "eq":
        return value == wanted
    if condition.op == "in":
        return isinstance(wanted, list) and value in wanted
    left, right = _rank(value), _rank(wanted)
    if left is None or right is None:
        return False
    return {"ge": left >= right, "gt": left > right, "le": left <= right, "lt": left < right}[condition.op]


def _rank(value: Value) -> tuple[int, str] | None:
    """What orders numbers by size and days by time; nothing is not in order."""
    if isinstance(value, int):
        return value, ""
    return (0, value) if isinstance(value, str) else None


async def _counted(connector: Connector, object: str, filter: Sequence[Condition], otherwise: int) -> int:
    return await connector.count(object, filter) if isinstance(connector, SupportsCount) else otherwise


@check(50, "search finds what is there")
async def search_finds_what_is_there(org: Org, sample: Sample) -> None:
    """A search gives live records that hold the word, the fields asked for, and no more than the limit."""
    connector = org.connect()
    if not isinstance(connector, SupportsSearch):
        raise NotHere("the connector has no search")
    word, other = "Quillfeather", "Marrowbone"
    words = [word, word, word, other, word]
    ids = await org.insert(
        sample.object,
        [sample.row(number, {sample.text: f"{one} {number}"}) for number, one in enumerate(words)],
    )
    await org.remove(sample.object, ids[0])
    org.clock.advance(_LATER)
    key = (await able_of(org, sample)).key
    for limit, wanted in ((100, {ids[1], ids[2], ids[4]}), (2, None)):
        rows: list[Native] = []
        async with aclosing(connector.search(sample.object, word, (sample.text,), limit)) as pages:
            async for page in pages:
                rows += page.upserts
        found = [str(row.get(key)) for row in rows]
        expect(
            all(word in str(row.get(sample.text)) for row in rows), f"records come that do not hold {word!r}"
        )
        if wanted is None:
            expect(len(found) == limit, f"limit {limit}: {len(found)} of 3 records come")
        else:
            expect(sorted(found) == sorted(wanted), f"{len(wanted)} records hold {word!r}; {len(found)} come")


@check(
    51,
    "text is written as it is",
    needs("the connector does not create it", lambda able: "create" in able.writes),
)
async def text_is_written_as_it_is(org: Org, sample: Sample) -> None:
    """Other scripts, emoji, quotes, long text and a zero are in the CRM as they were sent."""
    async with connected(org, sample) as used:
        rows = [sample.row(number, {sample.text: text}) for number, text in enumerate(TEXTS)]
        if sample.long_text is not None:
            words = long_words(used.schema.fields[sample.long_text].max_length)
            rows.append(sample.row(90, {sample.long_text: words}))
        if sample.number is not None:
            rows.append(sample.row(91, {sample.number: 0}))
        outcomes = await used.create(*rows)
        truth = await used.truth()
        for row, outcome in zip(rows, outcomes, strict=True):
            expect(outcome.status == "created", f"a good record is {told(outcome)}, not created")
            wrong = differences(used.schema, row, truth[str(outcome.id)], row)
            expect(not wrong, f"the CRM holds something else than was sent: {'; '.join(wrong)[:300]}")
