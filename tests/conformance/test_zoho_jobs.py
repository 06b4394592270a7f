"""The conformance checks again, with bulk read jobs for every full read of more than two pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from crmhub.testing.conformance.suite import Conformance
from crmhub_zoho.conformance import ZohoOrg, ZohoTarget
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.slow


class JobsTarget(ZohoTarget):
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ZohoOrg]:
        async with super().open() as org:
            org.settings = {**org.settings, "bulk_read_from": 1}
            cast("ZohoDouble", org.double).org.jobs.delay = 20.0  # five looks, as estimates assume
            yield org


class TestZohoByJobs(Conformance):
    target = JobsTarget()
