"""Seeded records: believable business data, each computed from the seed and its place.

Nothing is kept: a row is made when it is read. Links are arithmetic on places, so that both directions are
found without a scan.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_rest.simulators.hubspot.catalog.associations import standard_kinds
from crmhub_rest.simulators.hubspot.catalog.objects import SEEDED, TYPES, ObjectType
from crmhub_rest.simulators.hubspot.links import Linked, Node
from crmhub_rest.simulators.hubspot.seed_values import MAKERS
from crmhub_rest.simulators.hubspot.times import iso
from crmhub_rest.simulators.numbers import NumberIds, mixed

START = int(datetime(2023, 1, 2, 8, tzinfo=UTC).timestamp()) * 1000
SPAN = int(timedelta(days=860).total_seconds()) * 1000
LAG = int(timedelta(days=30).total_seconds()) * 1000
_TOGETHER = 3
_FIRST_ID = 10_000_000_001

_PARENTS: Mapping[tuple[str, str], int] = {
    ("contacts", "companies"): 1,
    ("deals", "companies"): 1,
    ("deals", "contacts"): 1,
    ("tickets", "companies"): 1,
    ("tickets", "contacts"): 1,
    **{(kind, "contacts"): 1 for kind in ("notes", "tasks", "calls", "meetings", "emails")},
    **{(kind, "deals"): 2 for kind in ("notes", "tasks", "calls", "meetings", "emails")},
}
"""Records of the first type are linked to one of the second: all of them (1), or every second one (2)."""

_BOTH_KINDS: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("contacts", "companies"): (279, 1),
    ("companies", "contacts"): (280, 2),
    ("deals", "companies"): (341, 5),
    ("companies", "deals"): (342, 6),
    ("tickets", "companies"): (339, 26),
    ("companies", "tickets"): (340, 25),
}


PLAIN: Mapping[tuple[str, str], int] = {pair: kinds[0].number for pair, kinds in standard_kinds().items()}
"""The plain kind of association of each pair of types."""


def counts_of(options: Options) -> dict[str, int]:
    """How many records each type begins with; raises SimulatorError for a type that there is not."""
    known = {one.name for one in TYPES if one.name in MAKERS}
    if not isinstance(options.rows, int):
        for name, count in options.rows.items():
            if name not in known:
                raise SimulatorError(
                    f"rows: {name!r} cannot be seeded; use one of {', '.join(sorted(known))}"
                )
            if count < 0:
                raise SimulatorError(f"rows: {name}={count} is less than none")
    elif options.rows < 0:
        raise SimulatorError(f"rows: {options.rows} is less than none")
    return {
        one.name: options.rows_of(one.name, None if one.name in SEEDED else 0)
        for one in TYPES
        if one.name in MAKERS
    }


def ids_of(number: int) -> NumberIds:
    """The ids of the type of that number."""
    return NumberIds(_FIRST_ID + number * 10**9)


@dataclass(frozen=True)
class Seeds:
    """The seeded portal. `owners` are the ids of those who may own records; the first `bulk` records of each
    type share one time of change, as after an import.
    """

    seed: int
    counts: Mapping[str, int]
    ids: Mapping[str, NumberIds]
    owners: Sequence[str]
    bulk: int

    def of(self, one: ObjectType) -> Seeded:
        """The seeded rows of a type."""
        count = self.counts.get(one.name, 0)
        make, ids, owners, salt = MAKERS[one.name], self.ids[one.name], self.owners, len(one.name)

        def modified(place: int) -> int:
            later = max(place - self.bulk + _TOGETHER, 0) if self.bulk else place
            return START + LAG + (later - later % _TOGETHER) * SPAN // max(count, 1)

        def whole(place: int) -> Row:
            created = min(START + place * SPAN // count, modified(place))
            row = make(lambda salted: mixed(self.seed, salt * 100 + salted, place), place, created)
            row[one.created], row[one.modified] = iso(created), iso(modified(place))
            row["hs_object_id"] = ids.id_of(place)
            if owners and place % 9:
                row["hubspot_owner_id"] = owners[place * 7 % len(owners)]
            return row

        return Seeded(count, whole, modified, _locator(one.name, count))

    def links(self, node: Node, other: str) -> Linked:
        """The seeded links of a record."""
        name, record_id = node
        count, others = self.counts.get(name, 0), self.counts.get(other, 0)
        place = self.ids[name].place_of(record_id) if count and others else None
        if place is None or place >= count:
            return {}
        kinds = _BOTH_KINDS.get((name, other))
        return {
            self.ids[other].id_of(one): set(kinds or (PLAIN[name, other],))
            for one in _linked(name, other, place, count, others)
        }


def _linked(name: str, other: str, place: int, count: int, others: int) -> Iterable[int]:
    every = _PARENTS.get((name, other))
    if every is not None:
        return (place % others,) if place % every == every - 1 else ()
    every = _PARENTS.get((other, name))
    if every is None:
        return ()
    return (one for one in range(place, others, count) if one % every == every - 1)


def _locator(name: str, count: int) -> Callable[[str, str], Iterable[int] | None]:
    """Where seeded rows with a value can be: addresses and names carry the number of their place."""
    numbered = {"contacts": {"email"}, "companies": {"name", "domain"}, "deals": {"dealname"}}.get(
        name, set[str]()
    )

    def locate(field: str, value: str) -> Iterable[int] | None:
        if field not in numbered:
            return None
        digits = "".join(char if char.isdigit() else " " for char in value).split()
        return [int(one) for one in digits if len(one) < 10 and int(one) < count]

    return locate
