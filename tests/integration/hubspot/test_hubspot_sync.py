"""From Salesforce into HubSpot, both simulators mounted in process, and compared field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from crmhub.clock import Clock
from crmhub.config import Config, ConnectionSettings
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.catalog.properties import Property, PropertyOption
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from crmhub_rest.simulators.hubspot.pipelines import Stage, deal_metadata

pytestmark = pytest.mark.anyio

KEYS = {
    "salesforce": ("client_id", "client_secret"),
    "hubspot": ("client_id", "client_secret", "refresh_token"),
}
URLS = {"salesforce": ("instance_url", "login_url"), "hubspot": ("base_url",)}
ROWS = {"Account": 7, "Contact": 12, "Opportunity": 9, "Lead": 4, "Task": 6, "Event": 3}
INDUSTRIES = {
    "Biotechnology": "BIOTECHNOLOGY",
    "Energy": "OIL_ENERGY",
    "Food & Beverage": "FOOD_BEVERAGES",
    "Technology": "INFORMATION_TECHNOLOGY_AND_SERVICES",
}


def _doubles() -> dict[str, Double]:
    """An org with records, and a portal whose administrator has made it fit for them."""
    salesforce = make_double("salesforce", Options(base_url="http://localhost", rows=ROWS, seed=3))
    hubspot = HubSpotDouble(
        Options(base_url="http://localhost", settings={"burst": "10000", "searches": "99"})
    )
    for store in hubspot.portal.stores.values():
        store.properties["crmhub_key"] = Property(
            "crmhub_key", "Key", "string", "text", store.type.group, unique=True, custom=True
        )
    stages = {_stage(row): str(row["Probability"]) for row in salesforce.truth("Opportunity")}
    pipeline = hubspot.portal.pipelines["deals"]["default"]
    pipeline.stages = {
        f"s{place}": Stage(f"s{place}", str(label), place, deal_metadata(str(Decimal(chance) / 100)), 0, 0)
        for place, (label, chance) in enumerate(stages.items())
    }
    _allow(hubspot, "companies", "industry", {str(row["Industry"]) for row in salesforce.truth("Account")})
    _allow(hubspot, "companies", "type", {"customer", "competitor", "investor"})
    return {"salesforce": salesforce, "hubspot": hubspot}


def _allow(hubspot: HubSpotDouble, object: str, name: str, values: set[str]) -> None:
    properties = hubspot.portal.stores[object].properties
    more = tuple(PropertyOption(value, value) for value in sorted(values))
    properties[name] = replace(properties[name], options=(*properties[name].options, *more))


def _hub(doubles: Mapping[str, Double], folder: Path) -> Hub:
    connections = {
        name: ConnectionSettings(
            name,
            name,
            dict.fromkeys(URLS[name], "http://localhost")
            | {key: played.credentials[key] for key in KEYS[name]},
        )
        for name, played in doubles.items()
    }
    clock = Clock()
    return Hub(
        Config(connections, store=f"sqlite:///{folder / 'sync.db'}"),
        clock=clock,
        events=Events(clock),
        transports={name: asgi_transport(played.app) for name, played in doubles.items()},
    )


class Other(msgspec.Struct):
    """The other end of an association."""

    id: str


class Linked(msgspec.Struct):
    """What a record is associated with."""

    results: list[Other]


class Made(msgspec.Struct):
    """A record of HubSpot."""

    id: str
    properties: dict[str, str | None]
    associations: dict[str, Linked] = {}

    def linked(self, object: str) -> list[str]:
        """The ids of those of that type."""
        there = self.associations.get(object)
        return list(dict.fromkeys(one.id for one in there.results)) if there is not None else []


def _by_key(double: Double, object: str) -> dict[str, Made]:
    """Records by the id of the one that they were made from."""
    made = [msgspec.convert(row, Made) for row in double.truth(object)]
    return {str(one.properties["crmhub_key"]).rpartition(":")[2]: one for one in made}


async def test_everything_comes_to_hubspot_as_it_is_and_a_second_time_nothing(tmp_path: Path) -> None:
    doubles = _doubles()
    async with _hub(doubles, tmp_path) as hub:
        report = await hub.sync("salesforce", "hubspot")
        assert report.letters == {}
        again = await hub.sync("salesforce", "hubspot")
    assert all(counts.get("created", 0) + counts.get("updated", 0) == 0 for counts in again.models.values())
    companies = _same_companies(doubles)
    _same_deals(doubles, companies)
    _same_people(doubles, companies)


def _same_companies(doubles: Mapping[str, Double]) -> Mapping[str, Made]:
    companies = _by_key(doubles["hubspot"], "companies")
    accounts = {str(row["Id"]): row for row in doubles["salesforce"].truth("Account")}
    assert companies.keys() == accounts.keys()
    for id_, account in accounts.items():
        found = companies[id_].properties
        assert found["name"] == account["Name"]
        assert found.get("phone") == account["Phone"]
        assert found.get("country") == account["BillingCountry"]
        assert found.get("website") == account["Website"]
        industry = account["Industry"]
        assert found.get("industry") in {industry, INDUSTRIES.get(str(industry))}
        assert _number(found.get("annualrevenue")) == _number(account["AnnualRevenue"])
        assert _number(found.get("numberofemployees")) == _number(account["NumberOfEmployees"])
    return companies


def _same_deals(doubles: Mapping[str, Double], companies: Mapping[str, Made]) -> None:
    hubspot = doubles["hubspot"]
    assert isinstance(hubspot, HubSpotDouble)
    labels = {one.id: one.label for one in hubspot.portal.pipelines["deals"]["default"].live_stages}
    deals = _by_key(hubspot, "deals")
    opportunities = {str(row["Id"]): row for row in doubles["salesforce"].truth("Opportunity")}
    assert deals.keys() == opportunities.keys()
    for id_, opportunity in opportunities.items():
        deal, found = deals[id_], deals[id_].properties
        assert found["dealname"] == opportunity["Name"]
        assert labels[str(found["dealstage"])] == _stage(opportunity)
        assert str(found["closedate"])[:10] == opportunity["CloseDate"]
        assert _number(found.get("amount")) == _number(opportunity["Amount"])
        account = opportunity["AccountId"]
        assert deal.linked("companies") == ([companies[str(account)].id] if account else [])


def _same_people(doubles: Mapping[str, Double], companies: Mapping[str, Made]) -> None:
    people = _by_key(doubles["hubspot"], "contacts")
    contacts = {str(row["Id"]): row for row in doubles["salesforce"].truth("Contact")}
    leads = {str(row["Id"]): row for row in doubles["salesforce"].truth("Lead") if not row["IsConverted"]}
    assert people.keys() == contacts.keys() | leads.keys()
    for id_, contact in {**contacts, **leads}.items():
        found = people[id_].properties
        assert (found.get("firstname"), found.get("lastname")) == (contact["FirstName"], contact["LastName"])
        assert found.get("email") == contact["Email"]
        assert found.get("lifecyclestage") == ("lead" if id_ in leads else None)
    for id_, contact in contacts.items():
        account = contact["AccountId"]
        assert people[id_].linked("companies") == ([companies[str(account)].id] if account else [])
    activities = {
        id_: row
        for name in ("tasks", "calls", "meetings", "emails", "notes")
        for id_, row in _by_key(doubles["hubspot"], name).items()
    }
    for name in ("Task", "Event"):
        for row in doubles["salesforce"].truth(name):
            found = activities.pop(str(row["Id"]))
            who = str(row["WhoId"])
            assert found.linked("contacts") == ([people[who].id] if who in people else [])
    assert activities == {}


def _stage(opportunity: Row) -> str:
    return str(opportunity["StageName"]).replace("Id. Decision", "Identify Decision")


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
