"""The conformance checks, against Salesforce's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_salesforce.conformance import SalesforceTarget


class TestSalesforce(Conformance):
    target = SalesforceTarget()
