"""Seeded records: believable, messy business data, each computed from the seed and its place.

Nothing is kept: a row is made when it is read. Records that point at each other do so by arithmetic on
places, so that both directions are found without a scan.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_zoho.simulator import seed_people, seed_work
from crmhub_zoho.simulator.ids import IdBlock
from crmhub_zoho.simulator.seed_tools import SeedWorld

MAIN = ("Accounts", "Contacts", "Leads", "Deals", "Tasks", "Events", "Calls")
START = int(datetime(2023, 1, 2, 8, tzinfo=UTC).timestamp())
SPAN = int(timedelta(days=860).total_seconds())
LAG = int(timedelta(days=30).total_seconds())
_SAME_TIME = 3
_MOST_PRODUCTS = 20

_MAKERS: Mapping[str, Callable[[SeedWorld, int], Row]] = {
    "Accounts": seed_people.account,
    "Contacts": seed_people.contact,
    "Leads": seed_people.lead,
    "Deals": seed_work.deal,
    "Tasks": seed_work.task,
    "Events": seed_work.event,
    "Calls": seed_work.call,
    "Notes": seed_work.note,
    "Products": seed_work.product,
}
_LOCATORS: Mapping[str, Callable[[SeedWorld, str, str, str], Iterable[int] | None]] = {
    "Contacts": seed_people.locate_contact,
    "Leads": seed_people.locate_lead,
    "Deals": seed_work.locate_deal,
    "Tasks": seed_work.locate_activity,
    "Events": seed_work.locate_activity,
    "Calls": seed_work.locate_activity,
    "Notes": seed_work.locate_note,
}


def counts_of(options: Options) -> dict[str, int]:
    """How many rows each module begins with: `rows` in each main one, a few products, half as many notes."""
    main = options.rows if isinstance(options.rows, int) else 0
    extra = {"Products": min(main, _MOST_PRODUCTS), "Notes": main // 2}
    return {name: options.rows_of(name, extra.get(name)) for name in _MAKERS}


@dataclass(frozen=True)
class Times:
    """When the seeded rows of a module were created and changed; several share a moment, as after an
    import.
    """

    count: int

    def created(self, place: int) -> int:
        """Creation in epoch seconds."""
        return START + place * SPAN // self.count

    def modified(self, place: int) -> int:
        """Last change in epoch seconds."""
        return START + LAG + (place - place % _SAME_TIME) * SPAN // self.count


def seeded_rows(
    options: Options, zone: tzinfo, blocks: Mapping[str, IdBlock], users: Sequence[str]
) -> dict[str, Seeded]:
    """The seeded rows of every module that has some; `users` are the ids of those who may own records."""
    world = SeedWorld(options.seed, zone, counts_of(options), blocks, users)
    return {name: _module(world, name) for name in _MAKERS if world.counts[name]}


def _module(world: SeedWorld, name: str) -> Seeded:
    times = Times(world.counts[name])
    make, locate, id_of = _MAKERS[name], _LOCATORS.get(name), world.blocks[name].id_of
    created, modified, stamp = times.created, times.modified, world.stamp
    users, width = world.users, len(world.users)

    def whole(place: int) -> Row:
        row = make(world, place)
        owner = users[place * 7 % width]
        row["id"] = id_of(place)
        row["Owner"] = row["Modified_By"] = owner
        row["Created_By"] = users[0]
        row["Created_Time"] = stamp(created(place))
        row["Modified_Time"] = stamp(modified(place))
        return row

    def find(field: str, value: str) -> Iterable[int] | None:
        return locate(world, name, field, value) if locate else None

    return Seeded(times.count, whole, modified, find)
