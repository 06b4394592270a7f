"""Mistakes in listing what was made last, planted in Zoho's connector: the one in memory has no such list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import Native
from crmhub.tiers import Served
from crmhub_zoho import Connector
from tests.conformance.mutant import mutant
from tests.conformance.mutants_webhooks import hooked


@mutant(55, "the oldest come first", hooked)
class TheOldestComeFirst(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        served = await super().newest(object, fields, 2_000)
        return replace(served, value=served.value[::-1][:limit])


@mutant(55, "the newest are listed backwards", hooked)
class BackwardsAmongTheNewest(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        served = await super().newest(object, fields, limit)
        return replace(served, value=served.value[::-1])


@mutant(55, "a short list knows no limit", hooked)
class NoLimit(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        return await super().newest(object, fields, limit + 1)


@mutant(55, "a short list lacks the fields", hooked)
class WithoutFields(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        return await super().newest(object, (), limit)


@mutant(55, "a short list shows what is gone", hooked)
class ShowsWhatIsGone(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        served = await super().newest(object, fields, limit)
        deleted = await self.request("GET", f"/crm/v8/{object}/deleted", params={"type": "all"})
        assert isinstance(deleted, dict)
        gone = deleted["data"]
        assert isinstance(gone, list)
        rows: list[Native] = [one for one in gone if isinstance(one, dict)]
        return replace(served, value=[*rows, *served.value][:limit])


@mutant(55, "the same record fills a short list", hooked)
class OneForAll(Connector):
    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        served = await super().newest(object, fields, limit)
        return replace(served, value=[served.value[0]] * len(served.value))
