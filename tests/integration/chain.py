"""Four CRMs in a row, Zoho → HubSpot → Pipedrive → GoHighLevel: doubles in this process, and one hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from crmhub.clock import ManualClock
from crmhub.config import load_config
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.loading import load_job
from crmhub.models import Contact, Deal, Email, Note, Ref
from crmhub.sync import SyncReport
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from crmhub_rest.simulators.gohighlevel.fields import CustomField
from crmhub_rest.simulators.gohighlevel.pipelines import Pipeline
from crmhub_rest.simulators.gohighlevel.pipelines import Stage as Place
from crmhub_rest.simulators.hubspot.catalog.properties import Property, PropertyOption
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from crmhub_rest.simulators.hubspot.pipelines import Stage, deal_metadata
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from crmhub_rest.simulators.pipedrive.fields import Option
from tests.support import EXAMPLE

CHAIN = ("zoho", "hubspot", "pipedrive", "gohighlevel")
LEGS = tuple(pairwise(CHAIN))
SEEDED = {
    "Accounts": 5, "Contacts": 9, "Leads": 3, "Deals": 6, "Tasks": 24, "Events": 9, "Calls": 4, "Notes": 8,
}  # fmt: skip
"""Beside the dataset, which has accounts and deals alone."""
PIPELINE = "Sales Pipeline"
URL = "http://localhost"
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Chain:
    """The hub, and the doubles that know the truth."""

    hub: Hub
    doubles: Mapping[str, Double]
    clock: ManualClock

    def truth(self, name: str, object: str) -> dict[str, dict[str, object]]:
        """All records of an object as the double holds them, by id."""
        return {str(row["id"]): dict(row) for row in self.doubles[name].truth(object)}

    async def sync_all(self) -> list[SyncReport]:
        """Each leg once, in order, some time later."""
        self.clock.advance(120)
        return [await self.hub.sync(source, target) for source, target in LEGS]


@asynccontextmanager
async def chain(folder: Path, data: Path, people: int) -> AsyncGenerator[Chain]:
    """The dataset in Zoho, with a contact for each of the first accounts, and three empty CRMs behind it."""
    users, clock = data / "users.csv", ManualClock(START)

    def now() -> float:
        return clock.now().timestamp()

    schema = EXAMPLE / "zoho-schema.yaml"
    zoho = make_double(
        "zoho", Options(base_url=URL, rows=SEEDED, users=users, schema=schema, seed=3, now=now)
    )
    empty = Options(base_url=URL, users=users, now=now)
    doubles: dict[str, Double] = {
        "zoho": zoho,
        "hubspot": _hubspot(empty, zoho),
        "pipedrive": _pipedrive(empty, zoho),
        "gohighlevel": _gohighlevel(empty, zoho),
    }
    config = folder / "crmhub.yaml"
    config.write_text(_config(doubles))
    transports = {name: asgi_transport(double.app) for name, double in doubles.items()}
    async with Hub(load_config(config), clock=clock, events=Events(clock), transports=transports) as hub:
        await hub.run(load_job(hub, "zoho", data, EXAMPLE / "mapping.yaml", name="csv-sales"))
        await _add_people(hub, people)
        yield Chain(hub, doubles, clock)


def _config(doubles: Mapping[str, Double]) -> str:
    """The connections; the last two say where the dataset's custom fields go, which have ids for names."""
    pipedrive, gohighlevel = doubles["pipedrive"], doubles["gohighlevel"]
    assert isinstance(pipedrive, PipedriveDouble)
    assert isinstance(gohighlevel, GoHighLevelDouble)
    year = _hash(pipedrive, "organization", "Year founded")
    opportunity = _hash(pipedrive, "deal", "Opportunity")
    location = gohighlevel.agency.main
    there = next(one.id for one in location.fields.values() if one.name == "Opportunity")
    told = {name: double.credentials for name, double in doubles.items()}
    lines = ["store: sqlite:///crmhub.db", "plain_secrets: true", "connections:"]
    lines += _connection("zoho", told, "client_id", "client_secret", "refresh_token", url="api_url")
    lines += [f"    accounts_url: {URL}"]
    lines += _connection("hubspot", told, "client_id", "client_secret", "refresh_token")
    lines += _connection("pipedrive", told, "api_token")
    lines += [
        "    mapping:",
        f"      organizations: {{custom.year_established: {{to: cf_{year}, as: int}}}}",
        f"      deals: {{custom.opportunity_id: cf_{opportunity}}}",
    ]
    lines += _connection("gohighlevel", told)
    lines += [
        f"    access_token: {told['gohighlevel']['private_integration_token']}",
        f"    location_id: {location.id}",
        f"    pipeline_id: {location.pipelines[0].id}",
        f"    calendar_id: {next(iter(location.calendars))}",
        "    mapping:",
        "      opportunities:",
        f"        custom.opportunity_id: cf_{there}",
        "        amount: {to: monetaryValue, as: {money: {default: USD}}}",
    ]
    return "\n".join(lines) + "\n"


def _connection(
    name: str, told: Mapping[str, Mapping[str, str]], *keys: str, url: str = "base_url"
) -> list[str]:
    return [
        f"  {name}:",
        f"    connector: {name}",
        f"    {url}: {URL}",
        *(f'    {key}: "{told[name][key]}"' for key in keys),
    ]


def _hash(pipedrive: PipedriveDouble, kind: str, label: str) -> str:
    return next(one.code for one in pipedrive.company.fields[kind].custom if one.name == label)


def _labels(zoho: Double) -> list[str]:
    """The stages that people make in each CRM, in one order."""
    seeded = {str(row["Stage"]) for row in zoho.truth("Deals")}
    return sorted(seeded | {"Qualification", "Needs Analysis", "Closed Won", "Closed Lost"})


def _hubspot(options: Options, zoho: Double) -> HubSpotDouble:
    """A portal in which somebody has made the stages, and two of the custom properties."""
    made = HubSpotDouble(options)
    for store in made.portal.stores.values():
        key = Property("crmhub_key", "Key", "string", "text", store.type.group, unique=True, custom=True)
        store.properties["crmhub_key"] = key
    _property(made, "companies", "year_established", "number")
    _property(made, "deals", "opportunity_id", "string")
    chances = {"Closed Won": "1.0", "Closed Lost": "0.0", "Closed Lost to Competition": "0.0"}
    made.portal.pipelines["deals"]["default"].stages = {
        f"s{place}": Stage(f"s{place}", label, place, deal_metadata(chances.get(label, "0.5")), 0, 0)
        for place, label in enumerate(_labels(zoho))
    }
    properties = made.portal.stores["companies"].properties
    for name, words in (("industry", SECTORS | _industries(zoho)), ("type", {"customer", "Supplier"})):
        more = (PropertyOption(word, word) for word in sorted(words))
        properties[name] = replace(properties[name], options=(*properties[name].options, *more))
    return made


def _industries(zoho: Double) -> set[str]:
    return {str(row["Industry"]) for row in zoho.truth("Accounts") if row["Industry"]}


SECTORS = {
    "Employment", "Entertainment", "Finance", "Marketing", "Medical", "Retail", "Services", "Software",
    "Technology", "Telecommunications",
}  # fmt: skip


def _property(made: HubSpotDouble, object: str, name: str, kind: str) -> None:
    store = made.portal.stores[object]
    field = "number" if kind == "number" else "text"
    store.properties[name] = Property(name, name, kind, field, store.type.group, custom=True)


def _pipedrive(options: Options, zoho: Double) -> PipedriveDouble:
    """A company in which somebody has made the stages, the industries and two custom fields."""
    made = PipedriveDouble(options)
    company = made.company
    pipeline = next(iter(company.tables["pipeline"].rows()))
    company.change("pipeline", pipeline, {**pipeline, "name": PIPELINE}, company.admin)
    standing = next(company.tables["stage"].rows())
    for label in _labels(zoho):
        fields = {name: value for name, value in standing.items() if name != "id"}
        company.add("stage", {**fields, "name": label, "pipeline_id": pipeline["id"]}, company.admin)
    company.fields["organization"].add("Year founded", "double")
    company.fields["deal"].add("Opportunity", "varchar")
    industry = company.fields["organization"].get("industry")
    assert industry is not None
    words = SECTORS | _industries(zoho) | {"Food & Beverage"}
    missing = sorted(words - {one.label for one in industry.options})
    industry.options += [Option(1000 + place, label) for place, label in enumerate(missing)]
    return made


def _gohighlevel(options: Options, zoho: Double) -> GoHighLevelDouble:
    """A location in which somebody has made the stages and a custom field."""
    made = GoHighLevelDouble(options)
    location = made.agency.main
    stages = tuple(Place(f"stage{place}", label, place) for place, label in enumerate(_labels(zoho)))
    location.pipelines = (Pipeline(location.pipelines[0].id, PIPELINE, stages),)
    field = CustomField("OpportunityOfSales01", "Opportunity", "opportunity", "TEXT", "opportunity")
    location.fields[field.id] = field
    return made


async def _add_people(hub: Hub, count: int) -> None:
    """A contact with a note for each of the first accounts, who is their deals' contact too."""
    zoho = hub["zoho"]
    accounts = {str(account.name): str(account.id) async for account in zoho.accounts.list(fields=["name"])}
    contacts: dict[str, str | None] = {}
    for number, name in enumerate(sorted(accounts)[:count]):
        made = await zoho.contacts.create(
            Contact(
                first_name=f"Ann {number}",
                last_name="Muster",
                emails=[
                    Email(role="primary", value=f"Ann.{number}@Example.com"),
                    Email(role="secondary", value=f"ann{number}@home.example"),
                ],
                account=Ref(model="account", id=accounts[name]),
            )
        )
        contacts[accounts[name]] = made.id
        await zoho.of(Note).create(Note(body=f"Note {number}", regarding=Ref(model="contact", id=made.id)))
    deals = [deal async for deal in zoho.deals.list(fields=["account", "primary_contact"])]
    changed: list[Deal] = []
    for deal in deals:
        person = contacts.get(deal.account.id) if deal.account else None
        if person is not None and deal.primary_contact is None:
            changed.append(Deal(id=deal.id, primary_contact=Ref(model="contact", id=person)))
    outcomes = await zoho.deals.update_many(changed)
    assert all(outcome.ok for outcome in outcomes)
