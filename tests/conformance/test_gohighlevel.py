"""The conformance checks, against GoHighLevel's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_rest.conformance.gohighlevel import GoHighLevelTarget


class TestGoHighLevel(Conformance):
    target = GoHighLevelTarget()
