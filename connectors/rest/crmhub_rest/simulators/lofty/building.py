"""Making a team from the options: members, custom fields, seeded records."""

from typing import Final

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import FieldSpec, load_schema
from crmhub.testing.simulator.users_file import DEFAULT_USERS, load_users
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty import team as kinds
from crmhub_rest.simulators.lofty.hooks import Hooks
from crmhub_rest.simulators.lofty.seeding import World, counts_of, locate_person, seeded_rows
from crmhub_rest.simulators.lofty.settings import Settings
from crmhub_rest.simulators.lofty.team import CustomField, Member, Team
from crmhub_rest.simulators.lofty.times import read_zone
from crmhub_rest.simulators.lofty.vocabulary import FIELD_TYPES

_LEAD_FIELDS: Final = (
    CustomField(ids.FIELDS.at(0), "Favorite Color", "text"),
    CustomField(ids.FIELDS.at(1), "Household Size", "number"),
    CustomField(ids.FIELDS.at(2), "Financing", "single_select", ("Cash", "Mortgage", "Other")),
    CustomField(ids.FIELDS.at(3), "Interests", "multi_select", ("Garden", "Pool", "Schools", "Transit")),
)
_TRANSACTION_FIELDS: Final = (
    CustomField(ids.FIELDS.at(500), "Closing Agent", "text"),
    CustomField(ids.FIELDS.at(501), "Contingency", "single_select", ("Inspection", "Financing", "None")),
)


def build_team(options: Options, clock: SimClock, settings: Settings) -> Team:
    """The team that the options describe; raises SimulatorError."""
    zone(settings.timezone)
    users = load_users(options.users) or list(DEFAULT_USERS)
    members = [Member(ids.MEMBERS.at(number), number, user) for number, user in enumerate(users)]
    active = [one.id for one in members if one.user.active] or [members[0].id]
    world = World(options.seed, counts_of(options), active)
    declared = _fields(options)
    return Team(
        clock=clock,
        timezone=settings.timezone,
        persist_seconds=settings.persist_seconds,
        members=members,
        seeded=seeded_rows(world),
        locate_person=lambda field, key: locate_person(world, field, key),
        lead_fields=[*_LEAD_FIELDS, *declared[kinds.LEADS]],
        transaction_fields=[*_TRANSACTION_FIELDS, *declared[kinds.TRANSACTIONS]],
        hooks=Hooks(clock, settings.webhook_seconds),
    )


def zone(name: str) -> None:
    """Raise SimulatorError unless there is such a zone."""
    if read_zone(name) is None:
        raise SimulatorError(f"setting timezone: {name!r} is no IANA zone, such as America/Chicago")


def _fields(options: Options) -> dict[str, list[CustomField]]:
    found: dict[str, list[CustomField]] = {kinds.LEADS: [], kinds.TRANSACTIONS: []}
    for name, specs in load_schema(options.schema).items():
        if name not in found:
            raise SimulatorError(f"{options.schema}: {name}: only {' and '.join(found)} have custom fields")
        first = 10 if name == kinds.LEADS else 510
        found[name] = [_field(spec, ids.FIELDS.at(first + number)) for number, spec in enumerate(specs)]
    return found


def _field(spec: FieldSpec, field_id: int) -> CustomField:
    if spec.type not in FIELD_TYPES:
        raise spec.place.error(f"the type {spec.type!r} is not one of {', '.join(FIELD_TYPES)}")
    return CustomField(field_id, spec.name, spec.type, tuple(choice.value for choice in spec.choices))
