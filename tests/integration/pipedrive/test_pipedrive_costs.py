"""What operations will cost at Pipedrive, in tokens, and how much of the day's is left for them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from crmhub import Contact, Deal
from crmhub.config import Config, ConnectionSettings
from crmhub.errors import Unsupported
from crmhub.hub import Hub
from crmhub_rest.conformance.pipedrive import PipedriveOrg

pytestmark = pytest.mark.anyio


async def test_estimates_are_in_tokens_and_tell_whether_the_day_has_them() -> None:
    org = PipedriveOrg()
    given = {name: str(value) for name, value in org.settings.items()}
    settings = ConnectionSettings("pipedrive", "pipedrive", {**given, "daily_tokens": 10_000})
    config = Config({"pipedrive": settings}, store="sqlite:///:memory:")
    hub = Hub(config, transports={"pipedrive": org.transport} if org.transport else {}, clock=org.clock)
    async with hub:
        pipedrive = hub["pipedrive"]
        read = await pipedrive.estimate("read", Deal, records=1_200)
        assert (read.calls, read.cost, read.unit) == (3, 30, "tokens")
        made = await pipedrive.estimate("create", Deal, records=1_700)
        assert (made.calls, made.cost, made.how) == (1_700, 8_500, "a call for each record")
        assert made.left == 8_000 - org.spent()  # a fifth is for people
        assert made.fits is False
        changed = await pipedrive.estimate("update", Contact, records=10, fields=["emails"])
        assert changed.calls == 20  # the other addresses are read first
        with pytest.raises(Unsupported, match="does not count"):
            await pipedrive.estimate("read", Deal)
    await org.aclose()


@pytest.mark.parametrize(("burst", "seconds"), [("20/2s", (6, 7)), ("100/2s", (1, 2))])
async def test_calls_come_as_fast_as_the_plan_allows(burst: str, seconds: tuple[int, int]) -> None:
    org = PipedriveOrg({"burst": burst.partition("/")[0]})
    ids = await org.insert("notes", [{"content": f"Note {number}"} for number in range(60)])
    connector = org.connect(burst=burst)
    await connector.get("notes", ids[:1], ["content"])
    org.clock.advance(10)
    began, before = org.clock.monotonic(), len(org.calls)
    await connector.get("notes", ids, ["content"])
    assert seconds[0] < org.clock.monotonic() - began < seconds[1]
    assert len(org.calls) - before == 60  # none came too fast
    with pytest.raises(ValidationError, match="a rate is written like 5/s"):
        org.connect(burst="as fast as can be")
    await org.aclose()
