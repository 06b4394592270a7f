"""The conformance checks, against Pipedrive's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_rest.conformance.pipedrive import PipedriveTarget


class TestPipedrive(Conformance):
    target = PipedriveTarget()
