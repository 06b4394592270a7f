"""Check 55: a short list of what was made last."""

from __future__ import annotations

from typing import cast

from crmhub.powers import Power, SupportsNewest
from crmhub.testing.conformance.check import Need, able_of, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import some
from crmhub.testing.conformance.target import Org, Sample

__all__: list[str] = []

_LATER = 120.0


@check(
    55,
    "the newest come first",
    Need("the connector has no list of the newest", lambda able, _: Power.NEWEST in able.powers),
)
async def the_newest_come_first(org: Org, sample: Sample) -> None:
    """A list of the newest has the live records made last, newest first, with the fields asked for."""
    older = await org.insert(sample.object, sample.rows(4))
    org.clock.advance(_LATER)
    newer = await org.insert(sample.object, sample.rows(3, start=4))
    texts = {id_: row[sample.text] for id_, row in zip([*older, *newer], sample.rows(7), strict=True)}
    for gone in (older[0], newer[0]):
        await org.remove(sample.object, gone)
        del texts[gone]
    connector = org.connect()
    expect(isinstance(connector, SupportsNewest), "the power is declared, and its method is not there")
    key = (await able_of(org, sample)).key
    for limit in (1, 2, 5):
        served = await cast("SupportsNewest", connector).newest(sample.object, (sample.text,), limit)
        found = {str(row[key]): row.get(sample.text) for row in served.value}
        shown = f"the newest {limit}"
        expect(
            len(served.value) == len(found) == limit, f"{shown}: {len(served.value)}, {len(found)} different"
        )
        wrong = set(found) - set(texts)
        expect(not wrong, f"{shown}: {len(wrong)} are gone or were made before others: {some(wrong)}")
        expect({*list(found)[:2]} <= set(newer), f"{shown}: an older record comes before a newer one")
        differ = [id_ for id_, text in found.items() if text != texts[id_]]
        expect(not differ, f"{shown}: other values than those held: {some(differ)}")
