"""Seeded records, computed from (seed, place).

Each object has a few dozen patterns drawn from the seed; a record is a pattern with its own id, name, keys
and times. References are arithmetic on places, so that the children of a record are found without a scan.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.patterns import KINDS, WORDS, Patterns
from crmhub_salesforce.simulator.rules import defaults
from crmhub_salesforce.simulator.settings import Settings
from crmhub_salesforce.simulator.values import stamp

SEEDED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
"""The objects that a plain number of rows fills."""

FIRST_CHANGE = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
_PATTERNS = 61
_TOGETHER = 7
"""So many records share a second of change, and the next such second is a minute later."""

_LOADED = 5_000
"""The first records of a large org were loaded in bulk: up to this many share one second of change."""

_NUL_EVERY = 7

Draw = Callable[[Patterns], Row]
Own = Callable[[int], Row]
"""What a record has of its own, from its place."""

Locators = Mapping[str, Callable[[str], Iterable[int]]]
"""By field: the places that can hold a (case-folded) value."""


class Seeds:
    """Makes the seeded records of one org."""

    def __init__(self, options: Options, org: Org, settings: Settings) -> None:
        self._org = org
        self._settings = settings
        self._seed = options.seed
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
        makers: Mapping[str, tuple[Draw, Own, Locators]] = {
            "Account": (Patterns.account, self._own_account, {"name": _numbered}),
            "Contact": (
                Patterns.contact,
                self._own_contact,
                {"email": _numbered, "accountid": self._pointing("Account", "Contact")},
            ),
            "Lead": (Patterns.lead, self._own_lead, {"email": _numbered}),
            "Opportunity": (
                Patterns.opportunity,
                self._own_opportunity,
                {"name": _numbered, "accountid": self._pointing("Account", "Opportunity")},
            ),
            "Task": (Patterns.task, self._own_activity, self._activity_locators("Task")),
            "Event": (Patterns.event, self._own_activity, self._activity_locators("Event")),
        }
        found: dict[str, Seeded] = {}
        for sobject in self._org.catalog:
            if sobject.name in makers and self._counts[sobject.name] > 0:
                found[sobject.name] = self._seeded(sobject, *makers[sobject.name])
        return found

    def _seeded(self, sobject: SObject, draw: Draw, own: Own, locators: Locators) -> Seeded:
        base = {
            name: value for name, value in defaults(self._org, sobject).items() if name != "IsUnreadByOwner"
        }
        by = self._org.user_id
        # A source for each object: what one holds does not depend on what else is seeded.
        source = Patterns(random.Random(f"{self._seed} {sobject.name}"), self._org.stages)
        patterns: list[Row] = [
            {"Id": "", **base, **draw(source), "CreatedById": by, "LastModifiedById": by}
            for _ in range(_PATTERNS)
        ]
        if self._settings.nul_bytes and sobject.field("Description") is not None:
            for row in patterns[::_NUL_EVERY]:
                row["Description"] = "NUL:\0 (as old imports left it)"
        filled = {name for row in patterns for name in row}
        count, owners = self._counts[sobject.name], self._owners
        id_of = self._org.ids[sobject.name].id_of
        loaded = min(count // 4, _LOADED)
        if self._settings.equal_stamps is not None:
            loaded = min(self._settings.equal_stamps, count) - _TOGETHER
        types = self._org.types_of(sobject)

        def modified(place: int) -> int:
            return FIRST_CHANGE + max(place - loaded, 0) // _TOGETHER * 60

        def make(place: int) -> Row:
            row = patterns[place % _PATTERNS].copy()
            row["Id"] = id_of(place)
            row["OwnerId"] = owners[place % len(owners)]
            row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"] = stamp(modified(place))
            if types:
                row["RecordTypeId"] = types[place % len(types)]
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

    def _own_account(self, place: int) -> Row:
        pattern = self._names("Account", place)
        return {"Name": f"{pattern} {place}", "Website": f"https://account{place}.example.com"}

    def _names(self, name: str, place: int) -> str:
        kind = KINDS[place * 7 % len(KINDS)] if name == "Account" else "deal"
        return f"{WORDS[place % len(WORDS)]} {kind}"

    def _own_contact(self, place: int) -> Row:
        row: Row = {"Email": f"contact.{place}@example.com"}
        account = self._parent("Account", place)
        if account is not None:
            row["AccountId"] = account
        return row

    def _own_lead(self, place: int) -> Row:
        return {"Email": f"lead.{place}@example.com"}

    def _own_opportunity(self, place: int) -> Row:
        row: Row = {"Name": f"{self._names('Opportunity', place)} {place}"}
        account = self._parent("Account", place)
        if account is not None:
            row["AccountId"] = account
        return row

    def _own_activity(self, place: int) -> Row:
        """Every activity is about a contact (of an account), every second one about an opportunity too."""
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

    def _activity_locators(self, name: str) -> Locators:
        by_contact, by_deal = self._pointing("Contact", name), self._pointing("Opportunity", name)
        contacts, deals = self._pointing("Account", "Contact"), self._pointing("Account", "Opportunity")

        def by_account(key: str) -> Iterable[int]:
            of_contacts = (by_contact(self._org.ids["Contact"].id_of(place)) for place in contacts(key))
            of_deals = (by_deal(self._org.ids["Opportunity"].id_of(place)) for place in deals(key))
            return set(chain.from_iterable(chain(of_contacts, of_deals)))

        return {"whoid": by_contact, "whatid": by_deal, "accountid": by_account}


def _numbered(key: str) -> Iterable[int]:
    """The place that a name or address carries as its number."""
    digits = "".join(char if char.isdigit() else " " for char in key).split()
    return (int(digits[-1]),) if digits and len(digits[-1]) < 10 else ()
