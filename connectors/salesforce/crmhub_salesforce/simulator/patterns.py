"""What seeded records say: patterns drawn from a seed, messy as real data is (gaps, scripts, apostrophes)."""

import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.accounts import (
    ACCOUNT_TYPES,
    INDUSTRIES,
    LEAD_STATUSES,
    RATINGS,
    SALUTATIONS,
    SOURCES,
)
from crmhub_salesforce.simulator.catalog.opportunities import FORECAST_NAMES, Stage
from crmhub_salesforce.simulator.values import as_double

WORDS = (
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
KINDS = (
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


class Patterns:
    """Draws patterns: each call gives another, in an order that the source of randomness decides."""

    def __init__(self, source: random.Random, stages: Sequence[Stage]) -> None:
        self._random = source
        self._stages = stages

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

    def account(self) -> Row:
        """Account fields."""
        name = f"{self._random.choice(WORDS)} {self._random.choice(KINDS)}"
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

    def contact(self) -> Row:
        """Contact fields."""
        return {
            **self._person(),
            **self._maybe("LeadSource", SOURCES),
            **self._maybe("Department", ("Sales", "Finance", "IT")),
            **self._place("Mailing"),
        }

    def lead(self) -> Row:
        """Lead fields."""
        return {
            **self._person(),
            "Company": f"{self._random.choice(WORDS)} {self._random.choice(KINDS)}",
            "Status": self._pick(status for status in LEAD_STATUSES if status != "Closed - Converted"),
            **self._maybe("LeadSource", SOURCES),
            **self._maybe("Industry", INDUSTRIES),
            **self._maybe("Rating", RATINGS, 0.4),
            **self._money("AnnualRevenue", 9_000_000),
            **self._place(""),
        }

    def opportunity(self) -> Row:
        """Opportunity fields."""
        stage = self._random.choice(self._stages)
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

    def task(self) -> Row:
        """Task fields."""
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

    def event(self) -> Row:
        """Event fields."""
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
