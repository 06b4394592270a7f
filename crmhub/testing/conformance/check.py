"""Checks: numbered async functions, and what a connector must be able to do for one to apply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from crmhub.connector import Capabilities, ObjectCapabilities
from crmhub.testing.conformance.target import NotHere, Org, Sample, Target

__all__ = ["ConformanceCheck", "Need", "able_of", "check", "has", "needs", "prove", "registered"]

Body: TypeAlias = Callable[[Org, Sample], Awaitable[None]]

_registry: dict[int, ConformanceCheck] = {}


@dataclass(frozen=True, slots=True)
class Need:
    """A condition for a check to apply, and the reason that is told where it does not."""

    reason: str
    met: Callable[[Capabilities, Sample], bool]


def needs(reason: str, met: Callable[[ObjectCapabilities], bool]) -> Need:
    """A need of what the connector declares for the sample's object."""
    return Need(reason, lambda able, sample: met(able.objects[sample.object]))


def has(*names: str) -> Need:
    """The need that the sample names those fields (``money``, ``enum``)."""
    said = " and ".join(names)
    return Need(f"the sample has no {said}", lambda _, one: all(getattr(one, name) for name in names))


@dataclass(frozen=True, slots=True)
class ConformanceCheck:
    """One numbered check. ``about`` is the first line of its docstring."""

    number: int
    name: str
    body: Body
    needs: tuple[Need, ...] = ()

    @property
    def id(self) -> str:
        """Such as ``16-count-equals-truth``."""
        return f"{self.number}-{self.name.replace(' ', '-')}"

    @property
    def about(self) -> str:
        """What it demands, in a sentence."""
        return (self.body.__doc__ or "").strip().partition("\n")[0]


def check(number: int, name: str, *needs: Need) -> Callable[[Body], Body]:
    """Register an async function as a check. Raises ``ValueError`` for a number that is taken."""

    def register(body: Body) -> Body:
        if number in _registry:
            raise ValueError(f"check {number} is there twice: {_registry[number].name} and {name}")
        if not body.__doc__:
            raise ValueError(f"check {number} ({name}) does not say what it demands")
        _registry[number] = ConformanceCheck(number, name, body, needs)
        return body

    return register


def registered() -> Mapping[int, ConformanceCheck]:
    """The checks of all modules imported so far, by number."""
    return _registry


async def prove(check: ConformanceCheck, target: Target) -> None:
    """Run one check on a fresh org.

    Raises :class:`NotHere` where it does not apply, ``AssertionError`` (or whatever the connector
    raises) where the connector fails it.
    """
    async with target.open() as org:
        able = await org.connect().capabilities()
        if target.sample.object not in able.objects:
            raise AssertionError(f"capabilities() does not tell of {target.sample.object}")
        for need in check.needs:
            if not need.met(able, target.sample):
                raise NotHere(need.reason)
        await check.body(org, target.sample)


async def able_of(org: Org, sample: Sample) -> ObjectCapabilities:
    """What the connector declares for the sample's object."""
    return (await org.connect().capabilities()).objects[sample.object]
