"""Seeded records, computed from (seed, place).

Each object has a few dozen patterns drawn from the seed; a record is a pattern with its own id, name, keys
and times. References are arithmetic on places, so that the children of a record are found without a scan.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_salesforce.simulator.catalog.accounts import (
    ACCOUNT_TYPES,
    INDUSTRIES,
    LEAD_STATUSES,
    RATINGS,
    SALUTATIONS,
    SOURCES,
)
from crmhub_salesforce.simulator.catalog.opportunities import FORECAST_NAMES
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.rules import defaults
from crmhub_salesforce.simulator.values import as_double, stamp

SEEDED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
"""The objects that a plain number of rows fills."""

FIRST_CHANGE = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
_PATTERNS = 61
_TOGETHER = 7
"""So many records share a second of change, and the next such second is a minute later."""

_LOADED = 5_000
"""The first records of a large org were loaded in bulk: up to this many share one second of change."""

_WORDS = (
    "Acme",
    "Blue",
    "Cedar",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Meridian",
    "Nimbus",
    "Orchard",
    "Pioneer",
    "Quartz",
    "Riverstone",
    "Summit",
    "Tidewater",
    "Umbra",
    "Vertex",
    "Willow",
    "Xenon",
    "Yarrow",
    "Zephyr",
    "Müller",
    "Österreich",
    "Çelik",
    "São",
)
_KINDS = (
    "Robotics",
    "Foods",
    "Logistics",
    "Health",
    "Software",
    "Energy",
    "Media",
    "& Sons",
    "Holding GmbH",
    "株式会社",
)
_FIRST = (
    "Ada",
    "Bao",
    "Chidi",
    "Dolores",
    "Émile",
    "Fatima",
    "Grace",
    "Hiro",
    "Ines",
    "João",
    "Kofi",
    "Lena",
    "Maya",
    "Noor",
    "Olga",
    "Pradeep",
    "Quinn",
    "Rosa",
    "Søren",
    "Tunde",
    "Uma",
    "Victor",
    "Wen",
    "Ximena",
    "Yara",
    "Zoltán",
)
_LAST = (
    "Anderson",
    "Brown",
    "Castro",
    "D'Angelo",
    "Eriksson",
    "Fischer",
    "García",
    "Hansen",
    "Ito",
    "Jones",
    "Kowalski",
    "Lopez",
    "Martin",
    "Nguyễn",
    "O'Brien",
    "Petrov",
    "Rossi",
    "Smith",
    "Takahashi",
    "Van-Dyke",
    "Wang",
    "Young",
    "Zhao",
    "Łukasik",
)
_PLACES = (
    ("San Francisco", "CA", "94105", "USA"),
    ("New York", "NY", "10001", "USA"),
    ("London", "", "EC1A 1BB", "United Kingdom"),
    ("München", "Bayern", "80331", "Germany"),
    ("São Paulo", "SP", "01310-100", "Brazil"),
    ("東京", "", "100-0001", "Japan"),
)
_TITLES = ("CEO", "CFO", "VP Sales", "Head of Procurement", "Engineer", "Office Manager")
_SUBJECTS = ("Call", "Email", "Send Letter/Quote", "Follow up", "Demo", "Contract review")

Own = Callable[[int], Row]
"""What a record has of its own, from its place."""

Locators = Mapping[str, Callable[[str], Iterable[int]]]
"""By field: the places that can hold a (case-folded) value."""


class Seeds:
    """Makes the seeded records of one org."""

    def __init__(self, options: Options, org: Org) -> None:
        self._org = org
        self._random = random.Random(options.seed)
        self._counts = {
            name: options.rows_of(name, None if name in SEEDED else 0)
            for name in (sobject.name for sobject in org.catalog)
        }
        self._owners = org.owners or [org.user_id]
        if not isinstance(options.rows, int):
            for name in options.rows:
                if name not in SEEDED:
                    raise SimulatorError(f"rows: {name!r} cannot be seeded; use one of {', '.join(SEEDED)}")

    def tables(self) -> dict[str, Seeded]:
        """What each table begins with."""
        makers: Mapping[str, tuple[Callable[[], Row], Own, Locators]] = {
            "Account": (self._account, self._own_account, {"name": _numbered}),
            "Contact": (
                self._contact,
                self._own_contact,
                {"email": _numbered, "accountid": self._pointing("Account", "Contact")},
            ),
            "Lead": (self._lead, self._own_lead, {"email": _numbered}),
            "Opportunity": (
                self._opportunity,
                self._own_opportunity,
                {"name": _numbered, "accountid": self._pointing("Account", "Opportunity")},
            ),
            "Task": (self._task, self._own_activity("Task"), self._activity_locators("Task")),
            "Event": (self._event, self._own_activity("Event"), self._activity_locators("Event")),
        }
        found: dict[str, Seeded] = {}
        for sobject in self._org.catalog:
            if sobject.name in makers and self._counts[sobject.name] > 0:
                pattern, own, locators = makers[sobject.name]
                found[sobject.name] = self._seeded(sobject, pattern, own, locators)
        return found

    def _seeded(self, sobject: SObject, pattern: Callable[[], Row], own: Own, locators: Locators) -> Seeded:
        base = {
            name: value for name, value in defaults(self._org, sobject).items() if name != "IsUnreadByOwner"
        }
        by = self._org.user_id
        patterns = [
            {"Id": "", **base, **pattern(), "CreatedById": by, "LastModifiedById": by}
            for _ in range(_PATTERNS)
        ]
        filled = {name for row in patterns for name in row}
        count, owners = self._counts[sobject.name], self._owners
        id_of, loaded = self._org.ids[sobject.name].id_of, min(count // 4, _LOADED)

        def modified(place: int) -> int:
            return FIRST_CHANGE + max(place - loaded, 0) // _TOGETHER * 60

        def make(place: int) -> Row:
            row = patterns[place % _PATTERNS].copy()
            row["Id"] = id_of(place)
            row["OwnerId"] = owners[place % len(owners)]
            row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"] = stamp(modified(place))
            row.update(own(place))
            return row

        places = {id_text.casefold(): place for place, id_text in enumerate(owners)}

        def locate(name: str, key: str) -> Iterable[int] | None:
            if name == "OwnerId":
                first = places.get(key)
                return () if first is None else range(first, count, len(owners))
            if name in {"CreatedById", "LastModifiedById"}:
                return range(count) if key == by.casefold() else ()
            locator = locators.get(name.lower())
            if locator is not None:
                return locator(key)
            return None if name in filled else ()

        return Seeded(count, make, modified, locate)

    def _parent(self, name: str, place: int) -> str | None:
        count = self._counts[name]
        return self._org.ids[name].id_of(place % count) if count else None

    def _pointing(self, parent: str, child: str) -> Callable[[str], Iterable[int]]:
        """Which children can point at a parent, the children being dealt out to the parents in turn."""

        def locate(key: str) -> Iterable[int]:
            count, children = self._counts[parent], self._counts[child]
            place = self._folded_place(parent, key)
            return range(place, children, count) if place is not None and place < count else ()

        return locate

    def _folded_place(self, name: str, key: str) -> int | None:
        """The place of an id whose case is lost; the check characters bring it back."""
        ids = self._org.ids[name]
        known = normal_id(key) if len(key) == 18 else None
        return None if known is None else ids.place_of(known)

    def _pick(self, values: Iterable[object]) -> object:
        return self._random.choice(list(values))

    def _maybe(self, name: str, values: Iterable[object], share: float = 0.7) -> Row:
        return {name: self._pick(values)} if self._random.random() < share else {}

    def _place(self, prefix: str) -> Row:
        if self._random.random() < 0.2:
            return {}
        city, state, code, country = self._random.choice(_PLACES)
        named = {"Street": f"{self._random.randint(1, 999)} Main St", "City": city, "State": state}
        named |= {"PostalCode": code, "Country": country}
        return {f"{prefix}{part}": value for part, value in named.items() if value}

    def _phone(self, name: str) -> Row:
        number = f"+1 {self._random.randint(200, 999)} 555 {self._random.randint(0, 9999):04d}"
        return {name: number} if self._random.random() < 0.8 else {}

    def _money(self, name: str, top: int) -> Row:
        cents = self._random.randint(0, top * 100)
        return {name: as_double(Decimal(cents) / 100)} if self._random.random() < 0.8 else {}

    def _person(self) -> Row:
        first, last = self._random.choice(_FIRST), self._random.choice(_LAST)
        return {
            "FirstName": first,
            "LastName": last,
            "Name": f"{first} {last}",
            **self._maybe("Salutation", SALUTATIONS, 0.3),
            **self._maybe("Title", _TITLES),
            **self._phone("Phone"),
            **self._phone("MobilePhone"),
        }

    def _account(self) -> Row:
        name = f"{self._random.choice(_WORDS)} {self._random.choice(_KINDS)}"
        return {
            "Name": name,
            **self._maybe("Type", ACCOUNT_TYPES),
            **self._maybe("Industry", INDUSTRIES),
            **self._maybe("Rating", RATINGS, 0.4),
            **self._maybe("AccountSource", SOURCES, 0.4),
            **self._money("AnnualRevenue", 90_000_000),
            **self._maybe("NumberOfEmployees", range(1, 20_000, 17)),
            **self._phone("Phone"),
            **self._place("Billing"),
            **self._place("Shipping"),
        }

    def _own_account(self, place: int) -> Row:
        pattern = self._names("Account", place)
        return {"Name": f"{pattern} {place}", "Website": f"https://account{place}.example.com"}

    def _names(self, name: str, place: int) -> str:
        kind = _KINDS[place * 7 % len(_KINDS)] if name == "Account" else "deal"
        return f"{_WORDS[place % len(_WORDS)]} {kind}"

    def _contact(self) -> Row:
        return {
            **self._person(),
            **self._maybe("LeadSource", SOURCES),
            **self._maybe("Department", ("Sales", "Finance", "IT")),
            **self._place("Mailing"),
        }

    def _own_contact(self, place: int) -> Row:
        row: Row = {"Email": f"contact.{place}@example.com"}
        account = self._parent("Account", place)
        if account is not None:
            row["AccountId"] = account
        return row

    def _lead(self) -> Row:
        return {
            **self._person(),
            "Company": f"{self._random.choice(_WORDS)} {self._random.choice(_KINDS)}",
            "Status": self._pick(status for status in LEAD_STATUSES if status != "Closed - Converted"),
            **self._maybe("LeadSource", SOURCES),
            **self._maybe("Industry", INDUSTRIES),
            **self._maybe("Rating", RATINGS, 0.4),
            **self._money("AnnualRevenue", 9_000_000),
            **self._place(""),
        }

    def _own_lead(self, place: int) -> Row:
        return {"Email": f"lead.{place}@example.com"}

    def _opportunity(self) -> Row:
        stage = self._random.choice(self._org.stages)
        close = date(2023, 7, 1) + timedelta(days=self._random.randint(0, 900))
        amount = self._money("Amount", 250_000)
        probability = as_double(Decimal(stage.probability))
        quarter = (close.month + 2) // 3
        row: Row = {
            "StageName": stage.label,
            "IsClosed": stage.closed,
            "IsWon": stage.won,
            "Probability": probability,
            "ForecastCategory": stage.forecast,
            "ForecastCategoryName": FORECAST_NAMES[stage.forecast],
            "CloseDate": close.isoformat(),
            "FiscalYear": close.year,
            "FiscalQuarter": quarter,
            "Fiscal": f"{close.year} {quarter}",
            **amount,
            **self._maybe("Type", ("New Customer", "Existing Customer - Upgrade")),
            **self._maybe("LeadSource", SOURCES),
            **self._maybe("NextStep", ("Send quote", "Call back", "Wait for budget"), 0.4),
        }
        value = amount.get("Amount")
        if isinstance(value, Decimal):
            row["ExpectedRevenue"] = as_double(value * probability / 100)
        return row

    def _own_opportunity(self, place: int) -> Row:
        row: Row = {"Name": f"{self._names('Opportunity', place)} {place}"}
        account = self._parent("Account", place)
        if account is not None:
            row["AccountId"] = account
        return row

    def _task(self) -> Row:
        done = self._random.random() < 0.4
        day = date(2024, 1, 1) + timedelta(days=self._random.randint(0, 700))
        row: Row = {
            "Subject": self._pick(_SUBJECTS),
            "Status": "Completed" if done else self._pick(("Not Started", "In Progress")),
            "Priority": self._pick(("High", "Normal", "Normal", "Low")),
            "ActivityDate": day.isoformat(),
            "TaskSubtype": self._pick(("Task", "Call", "Email")),
            "IsClosed": done,
        }
        row["IsHighPriority"] = row["Priority"] == "High"
        if done:
            row["CompletedDateTime"] = f"{day.isoformat()}T16:00:00.000+0000"
        return row

    def _event(self) -> Row:
        day = (date(2024, 1, 1) + timedelta(days=self._random.randint(0, 700))).isoformat()
        hour, minutes = self._random.randint(8, 17), self._random.choice((30, 60, 90))
        begin = f"{day}T{hour:02d}:00:00.000+0000"
        end = f"{day}T{hour + minutes // 60:02d}:{minutes % 60:02d}:00.000+0000"
        return {
            "Subject": self._pick(_SUBJECTS),
            "StartDateTime": begin,
            "ActivityDateTime": begin,
            "ActivityDate": day,
            "EndDateTime": end,
            "EndDate": day,
            "DurationInMinutes": minutes,
            "EventSubtype": "Event",
            **self._maybe("Location", ("Head office", "Phone", "Paris")),
        }

    def _own_activity(self, name: str) -> Own:
        """Every activity is about a contact (of an account), every second one about an opportunity too."""
        del name

        def own(place: int) -> Row:
            row: Row = {}
            contact = self._parent("Contact", place)
            deal = self._parent("Opportunity", place) if place % 2 else None
            about = "Contact" if deal is None else "Opportunity"
            if contact is not None:
                row["WhoId"] = contact
            if deal is not None:
                row["WhatId"] = deal
            account = self._parent("Account", place % (self._counts[about] or 1)) if contact or deal else None
            if account is not None:
                row["AccountId"] = account
            return row

        return own

    def _activity_locators(self, name: str) -> Locators:
        return {
            "whoid": self._pointing("Contact", name),
            "whatid": self._pointing("Opportunity", name),
            # Dealt out twice over: any activity may belong to any account.
            "accountid": lambda key: range(self._counts[name]) if key else (),
        }


def _numbered(key: str) -> Iterable[int]:
    """The place that a name or address carries as its number."""
    digits = "".join(char if char.isdigit() else " " for char in key).split()
    return (int(digits[-1]),) if digits and len(digits[-1]) < 10 else ()
