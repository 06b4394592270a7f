"""The conformance checks, against HubSpot's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_rest.conformance.hubspot import HubSpotTarget


class TestHubSpot(Conformance):
    target = HubSpotTarget()
