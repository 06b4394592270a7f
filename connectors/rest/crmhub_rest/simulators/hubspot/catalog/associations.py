"""Which records may be associated, and by which types.

Source: HubSpot "CRM API | Associations v4", "Association type ID values"; the constants of HubSpot's own
client libraries. A type has a direction; its opposite is another type.
"""

from dataclasses import dataclass

HUBSPOT_DEFINED = "HUBSPOT_DEFINED"
USER_DEFINED = "USER_DEFINED"
_PRIMARY = "Primary"


@dataclass(frozen=True)
class Kind:
    """One type of association: `name` is what v3 calls it, `opposite` the number of its other direction.

    A primary kind is for one record only, such as a contact's main company (`alone`).
    """

    number: int
    name: str
    opposite: int
    label: str | None = None
    category: str = HUBSPOT_DEFINED
    alone: bool = False

    def spec(self) -> dict[str, object]:
        """As v4 shows it on a record."""
        return {"category": self.category, "typeId": self.number, "label": self.label}


Pair = tuple[str, str]
_PLAIN = (
    ("contacts", "companies", 279, 280),
    ("deals", "contacts", 3, 4),
    ("deals", "companies", 341, 342),
    ("contacts", "tickets", 15, 16),
    ("tickets", "companies", 339, 340),
    ("deals", "tickets", 27, 28),
    ("leads", "contacts", 608, 609),
    ("leads", "companies", 610, 611),
    *(
        ("calls", other, number, number - 1)
        for other, number in (("companies", 182), ("contacts", 194), ("deals", 206), ("tickets", 220))
    ),
    *(
        ("emails", other, number, number - 1)
        for other, number in (("companies", 186), ("contacts", 198), ("deals", 210), ("tickets", 224))
    ),
    *(
        ("meetings", other, number, number - 1)
        for other, number in (("companies", 188), ("contacts", 200), ("deals", 212), ("tickets", 226))
    ),
    *(
        ("notes", other, number, number - 1)
        for other, number in (("companies", 190), ("contacts", 202), ("deals", 214), ("tickets", 228))
    ),
    *(
        ("tasks", other, number, number - 1)
        for other, number in (("companies", 192), ("contacts", 204), ("deals", 216), ("tickets", 230))
    ),
    ("calls", "meetings", 399, 400),
    *(
        ("communications", other, number, number + 1)
        for other, number in (("contacts", 81), ("tickets", 83), ("deals", 85), ("companies", 87))
    ),
    ("contacts", "contacts", 449, 449),
    ("companies", "companies", 450, 450),
    ("deals", "deals", 451, 451),
    ("tickets", "tickets", 452, 452),
)
_PRIMARIES = (
    ("contacts", "companies", 1, 2),
    ("deals", "companies", 5, 6),
    ("tickets", "companies", 26, 25),
    ("leads", "contacts", 578, 579),
)
_SINGULAR = {"companies": "company"}


def singular(name: str) -> str:
    """`companies` is many a `company`."""
    return _SINGULAR.get(name, name.removesuffix("s"))


def standard_kinds() -> dict[Pair, list[Kind]]:
    """HubSpot's own types by (from, to), the plain one first."""
    kinds: dict[Pair, list[Kind]] = {}
    with_primary = {frozenset(row[:2]) for row in _PRIMARIES}
    for one, other, there, back in _PLAIN:
        tail = "_unlabeled" if frozenset((one, other)) in with_primary else ""
        kinds.setdefault((one, other), []).append(Kind(there, _name(one, other) + tail, back))
        if one != other:
            kinds.setdefault((other, one), []).append(Kind(back, _name(other, one) + tail, there))
    for one, other, there, back in _PRIMARIES:
        kinds[one, other].append(Kind(there, _name(one, other), back, _PRIMARY, alone=True))
        label = f"{singular(one).capitalize()} with Primary {singular(other).capitalize()}"
        kinds[other, one].append(Kind(back, _name(other, one), there, label))
    return kinds


def _name(one: str, other: str) -> str:
    return f"{_named(one)}_to_{_named(other)}"


def _named(name: str) -> str:
    return "meeting_event" if name == "meetings" else singular(name)
