"""The conformance checks, against Zoho's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_zoho.conformance import ZohoTarget


class TestZoho(Conformance):
    target = ZohoTarget()
