"""Running all checks of a target, without pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck, prove
from crmhub.testing.conformance.target import NotHere, Target

__all__ = ["Report", "Result", "run"]


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended; ``detail`` says why it failed or was skipped."""

    number: int
    name: str
    status: Literal["pass", "fail", "skip"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one connector, by number."""

    connector: str
    results: Sequence[Result]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return self.count("fail") == 0

    def count(self, status: Literal["pass", "fail", "skip"]) -> int:
        """How many checks ended so."""
        return sum(result.status == status for result in self.results)


async def run(
    target: Target,
    checks: Sequence[ConformanceCheck] | None = None,
    *,
    tell: Callable[[Result], None] | None = None,
) -> Report:
    """Run the checks (all of them by default), each on a fresh org; ``tell`` hears each result at once."""
    results: list[Result] = []
    for check in all_checks() if checks is None else checks:
        result = await _result(check, target)
        results.append(result)
        if tell is not None:
            tell(result)
    return Report(target.connector, results)


async def _result(check: ConformanceCheck, target: Target) -> Result:
    try:
        await prove(check, target)
    except NotHere as reason:
        return Result(check.number, check.name, "skip", str(reason))
    except AssertionError as failure:
        return Result(check.number, check.name, "fail", str(failure))
    except Exception as error:  # noqa: BLE001 - whatever a connector raises is the check's result
        return Result(check.number, check.name, "fail", f"{type(error).__name__}: {error}")
    return Result(check.number, check.name, "pass")
