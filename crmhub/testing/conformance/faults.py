"""Checks 41 and 47: replies that get lost, refusals, outages, and answers that are none."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Connector, Missing, Native, Outcome, WriteItem, WriteRequest
from crmhub.errors import (
    AuthError,
    BadResponse,
    CircuitOpen,
    ConnectorError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)
from crmhub.testing.conformance.check import check, needs
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror
from crmhub.testing.conformance.target import Org, Sample
from crmhub.testing.conformance.using import Used, connected, told
from crmhub.tiers import SupportsTiers

__all__: list[str] = []

_LOST = ("lost@POST", "lost@PUT", "lost@PATCH")
_CUT = ("cut@POST", "cut@PUT", "cut@PATCH")
_PAUSE = 30
_PERMANENT: tuple[tuple[str, tuple[type[ConnectorError], ...]], ...] = (
    ("403", (PermissionDenied, QuotaExceeded)),
    ("404", (NotFound,)),
)
_PASSING: tuple[tuple[str, tuple[type[ConnectorError], ...]], ...] = (
    ("429", (RateLimited, QuotaExceeded)),
    (f"429+{_PAUSE}", (RateLimited, QuotaExceeded)),
    ("500", (Unavailable,)),
    ("503", (Unavailable,)),
    ("cut", (Unavailable,)),
    ("html", (Unavailable, BadResponse)),
    ("truncated", (BadResponse,)),
    ("empty", (BadResponse,)),
)
_BETWEEN_PAGES = ("429:10%", "503:10%", "cut:10%", "truncated:5%", "html:5%")
_MOST_RESTARTS = 500
_REST = 600.0


@check(
    41,
    "lost reply makes no duplicate",
    needs("the connector does not create and update it", lambda able: able.writes >= {"create", "update"}),
)
async def lost_reply_makes_no_duplicate(org: Org, sample: Sample) -> None:
    """A write whose reply is lost is ``unknown`` and not sent again; reading back finds each record once."""
    async with connected(org, sample) as used:
        (seeded,) = await used.create(sample.row(1))
        org.fault(*_LOST)
        rows = [_twinnable(sample, number) for number in (2, 3, 4)]
        outcomes = await _written(used, WriteRequest(sample.object, "create", [*map(WriteItem, rows)]))
        org.fault()
        await _rested(used)
        _expect_unknown(outcomes, "a create whose reply is lost")
        found = [row.get(sample.text) for row in (await used.read([sample.text])).values()]
        for row in rows:
            times = found.count(row[sample.text])
            expect(times == 1, f"after a lost reply a record is there {times} times, not once")
        org.fault(*_CUT)
        outcomes = await _written(
            used, WriteRequest(sample.object, "create", [WriteItem(_twinnable(sample, 9))])
        )
        org.fault()
        await _rested(used)
        expect(not any(one.ok for one in outcomes), "a create that never arrived is told to be done")
        expect(len(await used.truth()) == 4, "a create that never arrived is there")
        item = WriteItem({sample.text: "Renamed"}, id=seeded.id)
        org.fault(*_LOST)
        outcomes = await _written(used, WriteRequest(sample.object, "update", [item]))
        org.fault()
        await _rested(used)
        if not (outcomes and outcomes[0].status == "updated"):  # it was read back, as the truth must show
            _expect_unknown(outcomes, "an update whose reply is lost")
        got = (await used.truth())[str(seeded.id)].get(sample.text)
        expect(got == "Renamed", f"the update whose reply was lost left {got!r}")


@check(47, "faults have the right names")
async def faults_have_the_right_names(org: Org, sample: Sample) -> None:
    """Refusals, outages and unreadable answers raise the right error; what is permanent is asked once, what
    passes is overcome, and no fault between pages costs a record.
    """
    ids = await org.insert(sample.object, sample.rows(40))
    for rule, kinds in _PERMANENT:
        async with connected(org, sample) as used:
            error, calls = await _struck(used, ids[0], rule)
            _expect_kind(error, kinds, rule)
            expect(calls == 1, f"{rule} is permanent, and was asked for {calls} times")
    async with connected(org, sample) as used:
        error, calls = await _struck(used, ids[0], "401")
        _expect_kind(error, (AuthError,), "401")
        most = 2 + _ways(used.connector)
        expect(calls <= most, f"401 for good was asked for {calls} times: a call, a new token, a call")
    for rule, kinds in _PASSING:
        async with connected(org, sample) as used:
            error, _ = await _struck(used, ids[0], rule)
            _expect_kind(error, kinds, rule)
            if "+" in rule and isinstance(error, RateLimited):
                asked = error.retry_after or 0.0
                expect(asked >= _PAUSE, f"Retry-After: {_PAUSE} is told as {error.retry_after}")
            await _rested(used)
            await _overcome(used, ids[0], rule, kinds)
    if (await _used_writes(org, sample)) >= {"create"}:
        await _passing_writes(org, sample)
    await _faults_between_pages(org, sample)


def _ways(connector: Connector) -> int:
    """How many ways into the CRM a call may take; a tier with credentials of its own is asked once too."""
    if not isinstance(connector, SupportsTiers):
        return 1
    return sum(figures.state != "absent" for figures in connector.tiers.figures())


async def _struck(used: Used, id: str, rule: str) -> tuple[ConnectorError | None, int]:
    """One call while ``rule`` holds for all of them: its error, and how many calls came."""
    await used.get(id, [used.sample.text])
    org, before = used.org, len(used.org.calls)

    async def strike(number: int) -> None:
        """All calls but those for a token, which would fail in another way."""
        del number
        is_token_call = org.token_path is not None and org.token_path in org.calls[-1]
        org.fault(*([] if is_token_call else [rule]))

    org.on_call = strike
    org.fault(rule)
    try:
        found = await used.connector.get(used.sample.object, [id], [used.sample.text])
    except ConnectorError as error:
        return error, len(org.calls) - before
    finally:
        org.on_call = None
        org.fault()
    what = "no record" if isinstance(found[0], Missing) else "a record"
    raise AssertionError(f"{rule} for every call: get() gives {what} and no error")


async def _overcome(used: Used, id: str, rule: str, kinds: tuple[type[ConnectorError], ...]) -> None:
    """A fault that strikes once is waited out, or told; the next call is good."""
    org = used.org
    org.fault(f"{rule}:1x")
    began = org.clock.monotonic()
    try:
        await used.get(id, [used.sample.text])
    except ConnectorError as error:
        _expect_kind(error, kinds, rule)
    else:
        waited = org.clock.monotonic() - began
        expect("+" not in rule or waited >= _PAUSE, f"Retry-After: {_PAUSE} was not kept: {waited:g} s later")
    org.fault()
    await used.get(id, [used.sample.text])


async def _passing_writes(org: Org, sample: Sample) -> None:
    """A create that met a passing refusal is there once, or told not to be."""
    for number, rule in enumerate(("429@POST:1x", "503@POST:1x", "cut@POST:1x"), 500):
        async with connected(org, sample) as used:
            await used.get(next(iter(await used.truth())), [sample.text])
            row = _twinnable(sample, number)
            org.fault(rule)
            request = WriteRequest(sample.object, "create", [WriteItem(row)])
            outcomes = await _written(used, request)
            org.fault()
            times = [one.get(sample.text) for one in (await used.truth()).values()].count(row[sample.text])
            done = bool(outcomes) and outcomes[0].ok
            unknown = bool(outcomes) and outcomes[0].status == "unknown"
            expect(times <= 1, f"{rule}: a create that met it is there {times} times")
            expect(
                unknown or done == (times == 1), f"{rule}: told done is {done}, and it is there {times} times"
            )


async def _faults_between_pages(org: Org, sample: Sample) -> None:
    """A reader that goes on from its last checkpoint after each fault ends with all records."""
    async with connected(org, sample) as used:
        mirror = await Mirror.of(org, sample)
        org.fault(*_BETWEEN_PAGES)
        for _ in range(_MOST_RESTARTS):
            try:
                await mirror.follow(used.connector)
                break
            except (RateLimited, QuotaExceeded, Unavailable, BadResponse, CircuitOpen):
                org.clock.advance(_REST)
        else:
            raise AssertionError(f"a read with passing faults has not ended after {_MOST_RESTARTS} tries")
        org.fault()
        await mirror.follow(used.connector)
        await mirror.against(org, "after faults between pages")


async def _used_writes(org: Org, sample: Sample) -> frozenset[str]:
    async with connected(org, sample) as used:
        return frozenset(used.able.writes)


def _twinnable(sample: Sample, number: int) -> Native:
    """A row that the CRM lets in twice: a unique value would hide that it was sent twice."""
    row = sample.row(number)
    if sample.unique is not None and sample.unique not in sample.demanded:
        del row[sample.unique]
    return row


async def _written(used: Used, request: WriteRequest) -> Sequence[Outcome]:
    """The outcomes; none where nothing was sent."""
    try:
        return await used.write(request)
    except ConnectorError as error:
        expect(error.applied is False, f"a write raises {type(error).__name__} although it may be applied")
        return []


async def _rested(used: Used) -> None:
    """Time passes, so that whatever paused or broke after a fault is good again."""
    used.org.clock.advance(_REST)


def _expect_unknown(outcomes: Sequence[Outcome], what: str) -> None:
    expect(outcomes, f"{what} raises, as if nothing had been sent")
    for outcome in outcomes:
        expect(outcome.status == "unknown", f"{what} is {told(outcome)}, not unknown")


def _expect_kind(error: ConnectorError | None, kinds: tuple[type[ConnectorError], ...], rule: str) -> None:
    wanted = " or ".join(kind.__name__ for kind in kinds)
    expect(isinstance(error, kinds), f"{rule}: {wanted} expected, {type(error).__name__} came: {error}")
