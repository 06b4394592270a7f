"""The kit tests connectors; this tests the kit: every check finds its mutants, and none cries wolf."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck, prove
from crmhub.testing.conformance.target import NotHere
from tests.conformance.baselines import BASELINES
from tests.conformance.mutant import MUTANTS, Mutant

for module in sorted(Path(__file__).parent.glob("mutants_*.py")):
    import_module(f"tests.conformance.{module.stem}")

CHECKS = {check.number: check for check in all_checks()}


@pytest.mark.anyio
@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.id)
async def test_a_connector_without_mistakes_passes(check: ConformanceCheck, name: str) -> None:
    try:
        await prove(check, BASELINES[name])
    except NotHere as reason:
        pytest.skip(str(reason))


def test_every_check_has_a_mutant_that_it_must_find() -> None:
    assert {mutant.number for mutant in MUTANTS} == set(CHECKS)


def test_no_mutant_is_there_twice() -> None:
    names = [mutant.id for mutant in MUTANTS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.anyio
async def test_every_mistake_is_found_by_its_check() -> None:
    survivors: list[str] = []
    lines: list[str] = []
    for number in sorted(CHECKS):
        planted = [mutant for mutant in MUTANTS if mutant.number == number]
        alive = [mutant.id for mutant in planted if not await killed(mutant)]
        survivors += alive
        lines.append(f"{CHECKS[number].id:45} {len(planted) - len(alive)}/{len(planted)}")
    print(score(lines, len(MUTANTS) - len(survivors)))
    assert survivors == []


def score(lines: Sequence[str], dead: int) -> str:
    """The table of mutants killed by check."""
    return "\n".join([*lines, f"mutation score: {dead}/{len(MUTANTS)} ({100 * dead // len(MUTANTS)} %)"])


async def killed(mutant: Mutant) -> bool:
    """Whether the mutant's check fails on it, as expected. One that does not apply has killed nothing."""
    try:
        await prove(CHECKS[mutant.number], mutant.target)
    except NotHere:
        return False
    except mutant.raises:
        return True
    return False
