"""Seeded projects of Zoho Projects with their tasks and milestones, each from the seed and its place.

Tasks and milestones go round among the projects; a task belongs to a milestone of its own project.
"""

from collections.abc import Callable, Sequence

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_zoho.simulator.seed_people import company
from crmhub_zoho.simulator.seed_tools import SeedWorld
from crmhub_zoho.simulator.seeding import SPAN, START

_PROJECT, _TASK, _MILESTONE = 33, 34, 35
_DAY = int(days(1))
_KINDS = ("Rollout", "Migration", "Onboarding", "Renewal")
_STATUSES = ("Active", "Active", "Active", "On Hold", "Completed")
_WORK = ("Plan", "Review", "Prepare", "Deliver", "Test", "Document")
_THINGS = ("the data", "the contract", "the training", "the interfaces", "the report")
_STEPS = ("Kick-off", "Design", "Build", "Acceptance", "Handover")
_PRIORITIES = ("none", "low", "medium", "high")
_LONG = 3_650


def projects(world: SeedWorld, count: int) -> Seeded:
    """So many projects."""

    def make(place: int) -> Row:
        n = world.number(_PROJECT, place)
        created = _at(place, count)
        return {
            "name": f"{company(world, place).strip()}: {_KINDS[n % len(_KINDS)]}",
            "description": "",
            "status": _STATUSES[(n >> 8) % len(_STATUSES)],
            "owner": world.users[n % len(world.users)],
            "start_date": world.day(created),
            "end_date": world.day(created + _length(n) * _DAY),
            "created": created,
        }

    return Seeded(count, make, lambda place: _at(place, count) + _DAY)


def tasks(
    world: SeedWorld,
    count: int,
    project: Callable[[int], str | None],
    milestone: Callable[[int], str | None],
) -> Seeded:
    """So many tasks; `project` and `milestone` give the ids for a place."""

    def make(place: int) -> Row:
        n = world.number(_TASK, place)
        created = _at(place, count)
        status = ("Closed", "Closed", "In Progress", "In Progress", "Open")[n % 5]
        percent = {"Closed": 100, "Open": 0}.get(status, (n >> 16) % 9 * 10 + 10)
        has_end = n % 11 != 0
        return {
            "name": f"{_WORK[(n >> 4) % len(_WORK)]} {_THINGS[(n >> 8) % len(_THINGS)]}",
            "project": project(place),
            "milestone": milestone(place),
            "status": status,
            "percent": percent,
            "priority": _PRIORITIES[(n >> 12) % len(_PRIORITIES)],
            "owner": world.users[n % len(world.users)],
            "start_date": world.day(created),
            "end_date": world.day(created + _length(n) * _DAY) if has_end else None,
            "created": created,
        }

    return Seeded(count, make, lambda place: _at(place, count) + _DAY)


def milestones(world: SeedWorld, count: int, project: Callable[[int], str | None]) -> Seeded:
    """So many milestones."""

    def make(place: int) -> Row:
        n = world.number(_MILESTONE, place)
        created = _at(place, count)
        return {
            "name": _pick(_STEPS, n),
            "project": project(place),
            "status": "Completed" if n % 3 == 0 else "Active",
            "owner": world.users[n % len(world.users)],
            "start_date": world.day(created),
            "end_date": world.day(created + _length(n) * _DAY),
            "created": created,
        }

    return Seeded(count, make, lambda place: _at(place, count) + _DAY)


def _at(place: int, count: int) -> int:
    return START + place * SPAN // max(count, 1)


def _length(n: int) -> int:
    """Days: weeks mostly, and years for what never ends."""
    return _LONG if (n >> 20) % 4 == 0 else (n >> 24) % 60 + 5


def _pick(words: Sequence[str], n: int) -> str:
    return words[(n >> 4) % len(words)]
