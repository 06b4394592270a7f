"""The agency (company) with its locations: the first holds the seeded records, the second is empty."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import FieldSpec, load_schema
from crmhub.testing.simulator.table import Seeded
from crmhub.testing.simulator.users_file import load_users
from crmhub_rest.simulators.gohighlevel.fields import CustomField, key_of, type_of
from crmhub_rest.simulators.gohighlevel.ids import HEX, IdBlock
from crmhub_rest.simulators.gohighlevel.location import Calendar, Listener, Location, make_tables
from crmhub_rest.simulators.gohighlevel.people import User, make_users
from crmhub_rest.simulators.gohighlevel.pipelines import make_pipelines
from crmhub_rest.simulators.gohighlevel.seed import OBJECTS, World, counts_of, seeded_rows
from crmhub_rest.simulators.world import Times

_START = Times(1).start * 1000
_LOCATIONS = ("Main Street Office", "Second Office")
_CALENDARS = ("Sales calls", "Site visits")
_OWN_FIELDS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("contact", "Preferred Language", "SINGLE_OPTIONS", ("English", "Español", "Deutsch")),
    ("contact", "Lead Score", "NUMERICAL", ()),
    ("contact", "Interests", "MULTIPLE_OPTIONS", ("Buying", "Selling")),
    ("opportunity", "Segment", "TEXT", ()),
)
_MODELS = {
    "contacts": "contact",
    "contact": "contact",
    "opportunities": "opportunity",
    "opportunity": "opportunity",
}


@dataclass
class Agency:
    """The agency; `locations` by id."""

    id: str
    locations: dict[str, Location]
    users: list[User]

    @property
    def main(self) -> Location:
        """The location with the seeded records."""
        return next(iter(self.locations.values()))

    def user(self, user_id: object) -> User | None:
        """The user with this id who was not deleted."""
        return next((one for one in self.users if one.id == user_id and not one.deleted), None)


def build_agency(options: Options, clock: SimClock, listener: Listener) -> Agency:
    """The agency that the options describe."""
    seed, declared = options.seed, load_schema(options.schema)
    company = IdBlock("companies", seed).id_of(0)
    location_ids = [IdBlock("locations", seed).id_of(place) for place in range(len(_LOCATIONS))]
    users = make_users(load_users(options.users), IdBlock("users", seed), location_ids)
    locations: dict[str, Location] = {}
    for number, location_id in enumerate(location_ids):
        ids = _blocks(number, seed)
        pipelines = make_pipelines(IdBlock(f"pipelines-{number}", seed), f"{seed}-{number}")
        calendar_ids = IdBlock(f"calendars-{number}", seed)
        calendars = {
            calendar_ids.id_of(place): Calendar(calendar_ids.id_of(place), name, _START)
            for place, name in enumerate(_CALENDARS)
        }
        fields = _fields(IdBlock(f"fields-{number}", seed), declared)
        seeded: Mapping[str, Seeded] = {}
        if number == 0:
            owners = [user.id for user in users if not user.deleted] or [users[0].id]
            keys = {field.field_key: field.id for field in fields.values()}
            seeded = seeded_rows(
                World(seed, counts_of(options), ids, owners, pipelines, list(calendars), keys)
            )
        locations[location_id] = Location(
            location_id,
            _LOCATIONS[number],
            company,
            clock,
            ids,
            make_tables(ids, seeded.get),
            pipelines,
            calendars,
            fields,
            listener=listener,
        )
    return Agency(company, locations, users)


def _blocks(number: int, seed: int) -> dict[str, IdBlock]:
    return {
        name: IdBlock(f"{name}-{number}", seed, HEX, 24)
        if name == "businesses"
        else IdBlock(f"{name}-{number}", seed)
        for name in OBJECTS
    }


def _fields(block: IdBlock, declared: Mapping[str, list[FieldSpec]]) -> dict[str, CustomField]:
    fields: dict[str, CustomField] = {}

    def keep(model: str, name: str, label: str, kind: str, options: Iterable[str]) -> None:
        place = len(fields)
        field_id = block.id_of(place)
        fields[field_id] = CustomField(
            field_id, label, key_of(name), kind, model, place, list(options), added=_START, updated=_START
        )

    for model, name, kind, options in _OWN_FIELDS:
        keep(model, name, name, kind, options)
    for name, specs in declared.items():
        model = _MODELS.get(name.lower())
        if model is None and specs:
            raise specs[0].place.error(f"{name}: custom fields are of contacts or opportunities")
        for spec in specs:
            choices = [choice.value for choice in spec.choices]
            keep(str(model), spec.name, spec.label, type_of(spec), choices)
    return fields
