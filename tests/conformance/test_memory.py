"""The CRM in memory passes the conformance checks."""

from __future__ import annotations

from typing import ClassVar

from crmhub.testing.conformance.suite import Conformance
from crmhub.testing.conformance.target import Target
from crmhub.testing.memory.conformance import MemoryTarget


class TestMemory(Conformance):
    target: ClassVar[Target] = MemoryTarget()
