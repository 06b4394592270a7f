"""Made-up people and companies, the same for a seed and a place: what doubles fill their orgs with.

Nothing is kept: everything is computed from the seed and the place of a row.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")

FIRST_NAMES = (
    *("Ada", "Bruno", "Chen", "Dana", "Élodie", "Farid", "Grace", "Hiro", "Ingrid", "João"),
    *("Kavya", "Liam", "Mei", "Noor", "Oluwaseun", "Priya", "Quentin", "Rosa", "Søren", "Tara"),
    *("Umar", "Vera", "Wanjiru", "Ximena", "Yusuf", "Zoë", "Anne-Marie", "José", "Łukasz"),
    *("Siobhán", "Björn"),
)
LAST_NAMES = (
    *("Okafor", "Salvatore", "Wei", "O'Neill", "Martin", "Haddad", "Hopper", "Tanaka"),
    *("Lindqvist", "Iyer", "Walsh", "Zhang", "Rahman", "Adeyemi", "Sharma", "Dubois", "Moreno"),
    *("Kierkegaard", "Gupta", "Farooq", "Novák", "Kamau", "Reyes", "Demir", "Smith", "García"),
    *("Müller", "D'Angelo", "Kowalski"),
)
_ROOTS = (
    *("Fernhill", "Northwind", "Blue-Harbour", "Acacia", "Redwood", "Kestrel", "Lumen"),
    *("Granite", "Juniper", "Sable", "Orchid", "Tidewater", "Vanta", "Meridian", "Copperline"),
    *("Halcyon", "Bramble", "Quarry", "Solstice", "Wexford", "Zephyr", "Ironbark", "Larkspur"),
)
_NOUNS = (
    *("Kitchens", "Logistics", "Software", "Foods", "Motors", "Textiles", "Energy", "Pharma"),
    *("Studios", "Partners", "Robotics", "Optics"),
)
_ENDS = ("Ltd", "Inc", "GmbH", "LLC", "AG", "Pvt Ltd", "S.A.")
CITIES = (
    ("Boston", "Massachusetts", "02110", "United States"),
    ("London", "England", "EC1A 1BB", "United Kingdom"),
    ("Berlin", "Berlin", "10115", "Germany"),
    ("Bengaluru", "Karnataka", "560001", "India"),
    ("Tallinn", "Harju maakond", "10111", "Estonia"),
    ("São Paulo", "São Paulo", "01310-100", "Brazil"),
)
STREETS = ("Main Street", "High Street", "Elm Avenue", "Harbour Road", "Market Square", "Mill Lane")


def pick(choices: Sequence[T], number: int) -> T:
    """One of the choices, by any number."""
    return choices[number % len(choices)]


@dataclass(frozen=True)
class Person:
    """A made-up person; the address at example.com is unlike all others of the same kind."""

    first: str
    last: str
    email: str
    phone: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


def person(number: int, place: int) -> Person:
    """The person at `place`, made from a mixed number."""
    first, last = pick(FIRST_NAMES, number >> 8), pick(LAST_NAMES, number >> 20)
    email = f"{_ascii(first)}.{_ascii(last)}{place}@example.com"
    return Person(first, last, email, f"+1 617 555 {number % 10_000:04}")


def company(number: int, place: int) -> str:
    """The name of the company at `place`; some companies share a name's parts, none the whole name."""
    name = f"{pick(_ROOTS, place)} {pick(_NOUNS, place // len(_ROOTS))} {pick(_ENDS, number)}"
    turn = place // (len(_ROOTS) * len(_NOUNS))
    return f"{name} {turn + 1}" if turn else name


@dataclass(frozen=True)
class Times:
    """When `count` seeded rows were made and last changed (epoch seconds): both rise with the place, and some
    rows share a moment, as after an import.
    """

    count: int
    start: int = int(datetime(2023, 1, 2, 8, tzinfo=UTC).timestamp())
    span: int = 860 * 86_400
    lag: int = 30 * 86_400
    together: int = 3

    def created(self, place: int) -> int:
        """Creation in epoch seconds."""
        return self.start + place * self.span // self.count

    def modified(self, place: int) -> int:
        """Last change in epoch seconds, not before the creation."""
        shared = self.start + self.lag + (place - place % self.together) * self.span // self.count
        return max(shared, self.created(place))


def partner(place: int, count: int, total: int) -> int | None:
    """The place among `total` that goes with `place` of `count`; rises with `place`; None if none."""
    return place * total // count if total else None


def partners_of(place: int, count: int, total: int) -> range:
    """The places of `count` whose `partner` among `total` is `place`."""
    if not 0 <= place < total:
        return range(0)
    return range(-(-place * count // total), -(-(place + 1) * count // total))


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "-", plain).strip("-")
