"""Check 54: of several ways into the CRM none gives, writes or says anything else than the others."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Connector, Missing, Native, WriteItem, WriteRequest
from crmhub.errors import Unsupported, UsageError
from crmhub.routing import ServedCall, routed
from crmhub.testing.conformance.check import able_of, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import NotHere, Org, Sample
from crmhub.testing.conformance.using import told
from crmhub.tiers import SupportsTiers

__all__: list[str] = []

_NOBODY = "no-such-tier"


@check(54, "tiers agree")
async def tiers_agree(org: Org, sample: Sample) -> None:
    """Each tier gives and writes the same records and says so; what it says it cannot do, it refuses.

    Unknown and absent tiers refuse everything.
    """
    connector = org.connect()
    if not isinstance(connector, SupportsTiers):
        raise NotHere("the connector has one way into the CRM")
    states = {figures.tier: figures.state for figures in connector.tiers.figures()}
    present = [name for name, state in states.items() if state != "absent"]
    if len(present) < 2:
        raise NotHere(f"of the connector's tiers only {', '.join(present) or 'none'} is there")
    able = await able_of(org, sample)
    ids = list(await org.insert(sample.object, sample.rows(4)))
    if "create" in able.writes:
        writing = [name for name in present if connector.tiers.can(name, "create")]
        ids += [
            await _created(org, connector, sample, name, number) for number, name in enumerate(writing, 100)
        ]
        for name in present:
            if name not in writing:
                await _not_created(connector, sample, name)
    reading = [name for name in present if connector.tiers.can(name, "get")]
    fields = tuple(
        dict.fromkeys(name for name in (able.key, able.modified, *sample.fields) if name is not None)
    )
    first, *others = [await _rows(org, connector, sample, name, ids, fields) for name in reading]
    for name, rows in zip(reading[1:], others, strict=True):
        for id_, one, other in zip(ids, first, rows, strict=True):
            wrong = [field for field in fields if one.get(field) != other.get(field)]
            expect(not wrong, f"{reading[0]} and {name} give another {', '.join(wrong)} of the record {id_}")
    await _refused(connector, sample, ids[0], _NOBODY, UsageError)
    for name in states.keys() - set(present):
        why = (connector.tiers.absence(name) or "").strip()
        expect(why, f"the tier {name} is absent and does not say why")
        error = await _refused(connector, sample, ids[0], name, Unsupported)
        expect(why in str(error), f"a call by {name}, which is absent, does not say why: {error}")


async def _rows(
    org: Org, connector: Connector, sample: Sample, tier: str, ids: Sequence[str], fields: Sequence[str]
) -> list[Native]:
    """The records by that tier."""
    before = len(org.heard)
    with routed(tier=tier) as route:
        found = await connector.get(sample.object, ids, fields)
    _expect_served(org, before, tier, route.served, "get")
    missing = [one.id for one in found if isinstance(one, Missing)]
    expect(not missing, f"{tier} does not give records that exist: {', '.join(missing)}")
    return [one for one in found if not isinstance(one, Missing)]


async def _created(org: Org, connector: Connector, sample: Sample, tier: str, number: int) -> str:
    """The id of a record that the tier has made."""
    before = len(org.heard)
    item = WriteItem(sample.row(number))
    with routed(tier=tier) as route:
        (outcome,) = await connector.write(WriteRequest(sample.object, "create", [item]))
    expect(outcome.status == "created", f"{tier} creates no record: {told(outcome)}")
    _expect_served(org, before, tier, route.served, "create")
    return str(outcome.id)


async def _not_created(connector: Connector, sample: Sample, tier: str) -> None:
    """A tier that says it creates no records does not, and no other does it in its place."""
    item = WriteItem(sample.row(99))
    with routed(tier=tier):
        try:
            await connector.write(WriteRequest(sample.object, "create", [item]))
        except Unsupported:
            return
    raise AssertionError(f"{tier} says that it creates no records, and a record is created when it is asked")


def _expect_served(org: Org, before: int, tier: str, served: Sequence[ServedCall], operation: str) -> None:
    by = {call.tier for call in served if call.operation == operation}
    expect(by == {tier}, f"{operation} by {tier} was served by {', '.join(sorted(by)) or 'no tier'}")
    events = [event.detail for event in org.heard[before:] if event.name == "tier.served"]
    heard = {event["tier"] for event in events if event["operation"] == operation}
    expect(heard == {tier}, f"the events tell that {operation} by {tier} was served by {heard or 'nobody'}")
    expect(all(call.why for call in served), f"nothing says why {tier} served a call")


async def _refused(
    connector: Connector, sample: Sample, id_: str, tier: str, kind: type[Exception]
) -> Exception:
    """The error of a call by a tier that nobody can use."""
    with routed(tier=tier):
        try:
            await connector.get(sample.object, [id_], [sample.text])
        except kind as error:
            return error
    raise AssertionError(f"a call by {tier}, which is not there, is made all the same")
