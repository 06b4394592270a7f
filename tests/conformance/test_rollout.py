"""The conformance checks, against Rollout's double."""

from __future__ import annotations

from crmhub.testing.conformance.suite import Conformance
from crmhub_rollout.conformance import RolloutDeals, RolloutTarget


class TestRollout(Conformance):
    target = RolloutTarget()


class TestRolloutDeals(Conformance):
    target = RolloutDeals()
