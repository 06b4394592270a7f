"""Checks 16 to 21: reading everything, once and whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from crmhub.connector import Condition, Connector, ReadRequest
from crmhub.errors import ConnectorError
from crmhub.powers import SupportsCount
from crmhub.testing.conformance.check import able_of, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import PAGE, Mirror, beyond_lag, some
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__: list[str] = []

_OWN_PAGE_AT_MOST = 500  # larger pages than that are not filled by the boundary check
_MINUTE = 60.0


@check(16, "count equals truth")
async def count_equals_truth(org: Org, sample: Sample) -> None:
    """A full read gives every record of the CRM once, a filtered one those that meet it; so do counts."""
    await org.insert(sample.object, sample.rows(3 * PAGE + 1))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector)
    await mirror.against(org, "after a full read")
    expect(set(mirror.came.values()) == {1}, "a full read of a CRM at rest gives records twice")
    able = await able_of(org, sample)
    if able.filters & {"*", sample.text}:
        wanted = Condition(sample.text, "eq", "Check 00002")
        filtered = await Mirror.of(org, sample)
        await filtered.follow(connector, filter=(wanted,))
        names = [str(row[sample.text]) for row in filtered.rows.values()]
        expect(names == ["Check 00002"], f"a filter for 'Check 00002' gives {len(names)}: {some(names)}")
    if isinstance(connector, SupportsCount):
        counted = await connector.count(sample.object)
        expect(counted == 3 * PAGE + 1, f"{3 * PAGE + 1} records; count() says {counted}")


@check(17, "boundary sizes")
async def boundary_sizes(org: Org, sample: Sample) -> None:
    """0, 1, n-1, n, n+1 and 2n records are read whole, for a small page and the connector's own."""
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    own = (await able_of(org, sample)).page_size
    sizes = [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE]
    if PAGE < own <= _OWN_PAGE_AT_MOST:
        sizes += [size for size in (own - 1, own, own + 1, 2 * own) if size > 2 * PAGE]
    present = 0
    for size in sizes:
        await org.insert(sample.object, sample.rows(size - present, present))
        present = size
        for page_size in (PAGE, None) if size <= 2 * PAGE else (None,):
            whole = mirror.starting(None, {})
            await whole.follow(connector, page_size=page_size)
            shown = f"page size {page_size or f'{own} (its own)'}"
            expect(
                len(whole.rows) == size, f"{size} records, {shown}: {len(whole.rows)} came"
            )  # fmt: skip
            await whole.against(org, f"{size} records, {shown}")


@check(18, "changes while paging")
async def changes_while_paging(org: Org, sample: Sample) -> None:
    """Records that come, change and go while pages are read: none missing, those at rest only once."""
    ids = await org.insert(sample.object, sample.rows(4 * PAGE))
    org.clock.advance(_MINUTE)
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    able = await able_of(org, sample)
    try:
        touched = await _edited_while_reading(org, sample, mirror, connector, ids)
    except ConnectorError as stopped:
        # What is only ever read as a whole may refuse to mix two states of it, if the next run can have it.
        expect(able.incremental is None and stopped.retryable, f"the read stops at a change: {stopped}")
        whole = mirror.starting(None, {})
        await whole.follow(connector)
        await whole.against(org, "after a read that was stopped by a change")
        return
    at_rest = set(ids) - touched
    missing, twice = at_rest - set(mirror.rows), {id_ for id_ in at_rest if mirror.came[id_] > 1}
    expect(not missing, f"{len(missing)} records that nobody touched are missing: {some(missing)}")
    expect(not twice, f"{len(twice)} records that nobody touched came twice: {some(twice)}")
    if able.incremental is None:
        return
    await beyond_lag(org, sample)
    await mirror.follow(connector)
    if able.deletes == "none":
        return
    await mirror.against(org, "after the next run")


async def _edited_while_reading(
    org: Org, sample: Sample, mirror: Mirror, connector: Connector, ids: Sequence[str]
) -> set[str]:
    """Read, and after the first page remove, change and add records, behind and ahead; those touched."""
    touched: set[str] = set()
    request = ReadRequest(sample.object, (sample.text,), page_size=PAGE)
    async with aclosing(connector.read(request)) as pages:
        async for page in pages:
            mirror.take(page)
            if touched or not page.upserts:
                continue
            seen = [id_ for id_ in ids if id_ in mirror.rows]
            ahead = [id_ for id_ in ids if id_ not in mirror.rows]
            expect(ahead, f"page size {PAGE} was asked for; the first page has all {len(ids)} records")
            org.clock.advance(1)
            gone, edited = (seen[0], ahead[-1]), (seen[1], ahead[-2])
            for id_ in gone:
                await org.remove(sample.object, id_)
            for id_ in edited:
                await org.change(sample.object, id_, {sample.text: "Changed meanwhile"})
            touched |= {*gone, *edited, *await org.insert(sample.object, sample.rows(PAGE, 100))}
    return touched


@check(19, "repeated page token")
async def repeated_page_token(org: Org, sample: Sample) -> None:
    """A CRM that gives the same page again and again is an error, not an endless read."""
    await org.insert(sample.object, sample.rows(3 * PAGE))
    org.fault("loop_token")
    before = len(org.calls)
    mirror = await Mirror.of(org, sample)
    try:
        await mirror.follow(org.connect())
    except ConnectorError:
        return
    expect(
        set(mirror.came.values()) == {1},
        f"a page that repeats itself was read {max(mirror.came.values(), default=0)} times in "
        f"{len(org.calls) - before} calls, without an error",
    )
    await mirror.against(org, "while the CRM repeats a page token")


@check(20, "short page is not the last")
async def short_page_is_not_the_last(org: Org, sample: Sample) -> None:
    """A page with fewer records than were asked for does not end the read."""
    await org.insert(sample.object, sample.rows(4 * PAGE))
    org.shorten_pages()
    mirror = await Mirror.of(org, sample)
    await mirror.follow(org.connect())
    await mirror.against(org, "with pages that are shorter than was asked for")


@check(21, "more than the CRM pages through")
async def more_than_the_cap(org: Org, sample: Sample) -> None:
    """More records than the CRM's own paging reaches are read whole, and so are as many changes."""
    if org.cap is None:
        raise NotHere("the target names no number of records at which the CRM's paging ends")
    ids = await org.insert(sample.object, sample.rows(org.cap + 1))
    connector, mirror = org.connect(), await Mirror.of(org, sample)
    await mirror.follow(connector, page_size=None)
    expect(len(mirror.rows) == len(ids), f"{len(ids)} records, cap {org.cap}: {len(mirror.rows)} came")
    if (await able_of(org, sample)).incremental is None:
        return
    await beyond_lag(org, sample)
    for id_ in ids:
        await org.change(sample.object, id_, {sample.text: "Changed"})
    org.clock.advance(_MINUTE)
    await mirror.follow(connector, page_size=None)
    await mirror.against(org, f"after {len(ids)} changes")
