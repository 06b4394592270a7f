"""The checks as a pytest class, to be inherited.

class TestShop(Conformance):
    target = ShopTarget()
    skips = {35: "the shop keeps no trace of what was deleted"}
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import ClassVar

import anyio
import pytest

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck, prove
from crmhub.testing.conformance.target import NotHere, Target

__all__ = ["Conformance"]

_BACKENDS = ("asyncio", "trio") if find_spec("trio") else ("asyncio",)


class Conformance:
    """One test for each check, on asyncio and (where it is installed) on trio.

    ``skips`` names checks that the connector cannot pass yet, and why.

    A skip is strict: a check that would pass, or that does not apply at all, is reported as failed,
    so that no skip outlives its reason.
    """

    target: ClassVar[Target]
    skips: ClassVar[Mapping[int, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        numbers = {check.number for check in all_checks()}
        for number, reason in cls.skips.items():
            if number not in numbers:
                raise ValueError(f"{cls.__name__}.skips: there is no check {number}")
            if not reason.strip():
                raise ValueError(f"{cls.__name__}.skips: check {number} needs a reason")

    @pytest.mark.parametrize("backend", _BACKENDS)
    @pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
    def test_check(self, check: ConformanceCheck, backend: str) -> None:
        """Run one check on a fresh org of the target; no pytest plugin is needed for it."""
        reason = self.skips.get(check.number)
        try:
            anyio.run(prove, check, self.target, backend=backend)
        except NotHere as absent:
            if reason is not None:
                pytest.fail(f"check {check.number} does not apply ({absent}): take it out of skips")
            pytest.skip(str(absent))
        except Exception as failure:
            if reason is None:
                raise
            pytest.skip(f"{reason} (now: {failure})")
        if reason is not None:
            pytest.fail(f"check {check.number} passes now: take it out of skips ({reason})")
