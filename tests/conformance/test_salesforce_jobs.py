"""The conformance checks of reads, writes and costs again, by bulk jobs, for all but the smallest reads.

Without check 37: a job gives what there was when it began, so that the last of its checkpoints leads to less
than the checkpoint of the changes that come after it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck, prove
from crmhub.testing.conformance.target import NotHere
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget

pytestmark = pytest.mark.slow

_CHECKS = ({*range(16, 47), 51, 52, 56} - {37}) & {check.number for check in all_checks()}


class JobsTarget(SalesforceTarget):
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SalesforceOrg]:
        async with super().open() as org:
            org.settings = {**org.settings, "bulk_read_from": 1, "bulk_write_from": 1}
            org.played.slow_jobs(8)  # five looks, as estimates assume
            yield org


@pytest.mark.parametrize(
    "check", [one for one in all_checks() if one.number in _CHECKS], ids=lambda check: check.id
)
def test_it_holds_by_jobs(check: ConformanceCheck) -> None:
    try:
        anyio.run(prove, check, JobsTarget())
    except NotHere as absent:
        pytest.skip(str(absent))
