"""Folders of CSV files pass the conformance checks."""

from __future__ import annotations

from typing import ClassVar

from crmhub.testing.conformance.suite import Conformance
from crmhub.testing.conformance.target import Target
from crmhub_csv.conformance import CsvTarget


class TestCsv(Conformance):
    target: ClassVar[Target] = CsvTarget()
