"""The conformance checks, against Lofty's double."""

from __future__ import annotations

import pytest

from crmhub.testing.conformance.suite import Conformance
from crmhub_rest.conformance.lofty import LoftyDeals, LoftyTarget


class TestLofty(Conformance):
    target = LoftyTarget()


@pytest.mark.full
class TestLoftyDeals(Conformance):
    target = LoftyDeals()
