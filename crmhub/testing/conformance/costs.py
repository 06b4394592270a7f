"""Check 52: what is estimated is what is spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from crmhub.connector import Native, WriteItem, WriteRequest
from crmhub.powers import Power, SupportsCount, SupportsEstimate
from crmhub.testing.conformance.check import Need, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import Org, Sample
from crmhub.testing.conformance.using import Used, connected
from crmhub.usage import Estimate, Operation, Planned

__all__: list[str] = []

_PAGE = 10
_ROWS = 23  # two pages, and one that is not full
_ESTIMATES = Need("the connector makes no estimates", lambda able, _: Power.ESTIMATE in able.powers)


@check(52, "estimates are what is then spent", _ESTIMATES)
async def estimates_are_what_is_then_spent(org: Org, sample: Sample) -> None:
    """An estimate tells the calls, and the units where they are counted, that the operation then takes."""
    await org.insert(sample.object, sample.rows(_ROWS))
    async with connected(org, sample) as used:
        batch = used.able.write_batch + _ROWS
        await _warmed(used)
        if isinstance(used.connector, SupportsCount):
            await _proved(used, "read", None, lambda: _read(used))
        await _proved(used, "read", _ROWS, lambda: _read(used))
        ids = [*(await used.truth())]
        if "create" in used.able.writes:
            ids += await _created(used, batch)
        some = ids[: used.able.get_batch + 1]
        await _proved(used, "get", len(some), lambda: used.connector.get(sample.object, some, [sample.text]))
        if isinstance(used.connector, SupportsCount):
            await _proved(used, "count", 1, lambda: _counted(used))
        if "update" in used.able.writes:
            row: Native = {sample.text: "Check changed"}
            request = WriteRequest(sample.object, "update", [WriteItem(row, id=one) for one in ids[:_ROWS]])
            await _proved(used, "update", _ROWS, lambda: used.write(request))
        if "delete" in used.able.writes:
            await _proved(used, "delete", len(ids), lambda: used.delete(*ids))


async def _warmed(used: Used) -> None:
    """What a connector has to learn before its first calls is not a part of their price."""
    first, *_ = [*(await used.truth())]
    await used.get(first, [used.sample.text])
    if "update" in used.able.writes:
        await used.update(first, {used.sample.text: "Check warm"})


async def _created(used: Used, count: int) -> list[str]:
    made: list[str] = []
    rows = used.sample.rows(count, start=1_000)

    async def create() -> None:
        made.extend(str(outcome.id) for outcome in await used.create(*rows) if outcome.ok)

    await _proved(used, "create", count, create)
    expect(len(made) == count, f"{len(made)} of {count} records were created")
    return made


async def _read(used: Used) -> None:
    await used.read([used.sample.text], page_size=_PAGE)


async def _counted(used: Used) -> None:
    if isinstance(used.connector, SupportsCount):
        await used.connector.count(used.sample.object)


async def _proved(
    used: Used, operation: Operation, records: int | None, work: Callable[[], Awaitable[object]]
) -> None:
    """Estimate, do it, compare. The estimate itself takes a call to count the records, at most."""
    size = _PAGE if operation == "read" else None
    planned = Planned(operation, used.sample.object, records, (used.sample.text,), size)
    shown = f"{operation} of {'all' if records is None else records} records"
    before = len(used.org.calls)
    told = await _estimated(used, planned)
    asked = len(used.org.calls) - before
    expect(asked <= (records is None), f"the estimate of a {shown} takes {asked} calls itself")
    before, units = len(used.org.calls), used.org.spent()
    await work()
    made = len(used.org.calls) - before
    expect(made == told.calls, f"a {shown} is estimated at {told.calls} calls and takes {made}")
    spent = used.org.spent()
    if units is not None and spent is not None:
        cost = spent - units
        expect(cost == told.cost, f"a {shown} is estimated at {told.cost} {told.unit} and costs {cost}")


async def _estimated(used: Used, planned: Planned) -> Estimate:
    expect(isinstance(used.connector, SupportsEstimate), "the power is declared, and estimate() is not there")
    assert isinstance(used.connector, SupportsEstimate)  # noqa: S101 - for type checkers
    return await used.connector.estimate(planned)
