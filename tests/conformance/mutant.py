"""Mutants: connectors with one planted mistake, each of which one check must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from crmhub.testing.conformance.target import Target

MUTANTS: list[Mutant] = []

_T = TypeVar("_T", bound=type)


@dataclass(frozen=True)
class Mutant:
    """A mistake: the check that must find it, what it is, and the target whose connector has it."""

    number: int
    name: str
    target: Target
    raises: type[Exception] = AssertionError
    """How the check fails, where the connector's own error ends it."""

    @property
    def id(self) -> str:
        return f"{self.number}-{self.name.replace(' ', '-')}"


def mutant(
    number: int, name: str, plant: Callable[[_T], Target], raises: type[Exception] = AssertionError
) -> Callable[[_T], _T]:
    """Register a connector (or org) class as a mutant; ``plant`` makes a target of it."""

    def register(mistaken: _T) -> _T:
        MUTANTS.append(Mutant(number, name, plant(mistaken), raises))
        return mistaken

    return register
