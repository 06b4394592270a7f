"""The conformance checks again, with Zoho's SDK making the calls that it can make."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec

import pytest

from crmhub.testing.conformance.suite import Conformance
from crmhub_zoho.conformance import ZohoOrg, ZohoTarget

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the SDK is not installed"),
]


class SdkTarget(ZohoTarget):
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ZohoOrg]:
        async with super().open() as org:
            org.settings = {**org.settings, "tiers": {"context": "bulk"}}
            yield org


class TestZohoBySdk(Conformance):
    target = SdkTarget()
