"""Check 27: references to many records are complete, both ways."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Connector, Native, WriteItem, WriteRequest
from crmhub.testing.conformance.check import able_of, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror, some
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__: list[str] = []

_COUNTS = (0, 1, 3, 120)
"""The last is more than CRMs put into the record itself."""


@check(27, "associations are complete")
async def associations_are_complete(org: Org, sample: Sample) -> None:
    """A field that refers to many records has all of them, by read and by get; a written list replaces it."""
    name = sample.many
    if name is None:
        raise NotHere("the sample has no many")
    tied = dict([await org.tie(sample.object, name, count) for count in _COUNTS])
    connector, mirror = org.connect(), await Mirror.of(org, sample, (sample.text, name))
    await mirror.follow(connector)
    got = await connector.get(sample.object, list(tied), [sample.text, name])
    for (id_, others), row in zip(tied.items(), got, strict=True):
        _expect_all(name, others, mirror.row(id_), "read()")
        _expect_all(name, others, row if isinstance(row, dict) else {}, "get()")
    spec = (await connector.describe(sample.object)).fields[name]
    if not spec.updatable or "update" not in (await able_of(org, sample)).writes:
        return
    id_, others = next((id_, others) for id_, others in tied.items() if len(others) == 3)
    for wanted in ([others[0], others[2]], [others[1]], []):
        await _put(connector, sample, id_, {name: [*wanted]})
        (row,) = await connector.get(sample.object, [id_], [sample.text, name])
        _expect_all(
            name, wanted, row if isinstance(row, dict) else {}, f"get() after a write of {len(wanted)}"
        )


async def _put(connector: Connector, sample: Sample, id: str, fields: Native) -> None:
    request = WriteRequest(sample.object, "update", [WriteItem(fields, id=id)])
    (outcome,) = await connector.write(request)
    expect(outcome.ok, f"a list of references is {outcome.status} ({outcome.problem})")


def _expect_all(name: str, wanted: Sequence[str], row: Native, how: str) -> None:
    value = row.get(name)
    came = [str(one) for one in value] if isinstance(value, list) else []
    expect(len(came) == len(set(came)), f"{name} by {how} has an id twice")
    missing, strange = set(wanted) - set(came), set(came) - set(wanted)
    expect(not missing, f"{name} by {how}: {len(missing)} of {len(wanted)} are missing: {some(missing)}")
    expect(not strange, f"{name} by {how}: {len(strange)} too many: {some(strange)}")
