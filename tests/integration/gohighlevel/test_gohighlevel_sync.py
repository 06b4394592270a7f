"""From Zoho into GoHighLevel, both simulators mounted in process, and compared field by field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import Clock
from crmhub.config import Config, ConnectionSettings
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.mapping.check import check_mapping
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.native import Native
from crmhub.testing.conformance.double import native
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from crmhub_rest.simulators.gohighlevel.pipelines import Pipeline, Stage

pytestmark = pytest.mark.anyio

URL = "http://localhost"
ROWS = {"Accounts": 5, "Contacts": 8, "Deals": 9, "Tasks": 6, "Events": 3, "Notes": 4}


@pytest.fixture
def zoho() -> Double:
    return make_double("zoho", Options(base_url=URL, rows=ROWS, seed=3))


@pytest.fixture
def gohighlevel(zoho: Double) -> GoHighLevelDouble:
    """A location in which somebody has made a pipeline with Zoho's stages."""
    played = GoHighLevelDouble(Options(base_url=URL, settings={"burst": "100000"}, seed=3))
    location = played.agency.main
    labels = sorted({str(row["Stage"]) for row in zoho.truth("Deals")})
    stages = tuple(Stage(f"stage{place}", label, place) for place, label in enumerate(labels))
    location.pipelines = (Pipeline(location.pipelines[0].id, "Standard", stages),)
    return played


def _hub(zoho: Double, gohighlevel: GoHighLevelDouble, folder: Path) -> Hub:
    location = gohighlevel.agency.main
    keys = ("client_id", "client_secret", "refresh_token")
    settings: Mapping[str, Native] = {
        "zoho": {"api_url": URL, "accounts_url": URL, **{key: zoho.credentials[key] for key in keys}},
        "gohighlevel": {
            "base_url": URL,
            "access_token": gohighlevel.credentials["private_integration_token"],
            "location_id": location.id,
            "pipeline_id": location.pipelines[0].id,
            "calendar_id": next(iter(location.calendars)),
        },
    }
    clock = Clock()
    return Hub(
        Config(
            {name: ConnectionSettings(name, name, given) for name, given in settings.items()},
            store=f"sqlite:///{folder / 'sync.db'}",
        ),
        clock=clock,
        events=Events(clock),
        transports={"zoho": asgi_transport(zoho.app), "gohighlevel": asgi_transport(gohighlevel.app)},
    )


def _by(name: str, double: Double, object: str) -> dict[str, Native]:
    return {str(row[name]): row for row in map(native, double.truth(object))}


def _id(value: object) -> str | None:
    return str(cast("Mapping[str, object]", value)["id"]) if value else None


async def test_the_mapping_fits_what_the_crm_tells_of_its_fields(
    zoho: Double, gohighlevel: GoHighLevelDouble, tmp_path: Path
) -> None:
    spec = load_mapping(shipped_mappings()["gohighlevel"])
    async with _hub(zoho, gohighlevel, tmp_path) as hub:
        connector = hub["gohighlevel"].connector
        schemas = {entry.object: await connector.describe(entry.object) for entry in spec.maps}
    assert [str(found) for found in check_mapping(spec, schemas)] == []


async def test_everything_comes_to_gohighlevel_as_it_is_and_a_second_time_nothing(
    zoho: Double, gohighlevel: GoHighLevelDouble, tmp_path: Path
) -> None:
    async with _hub(zoho, gohighlevel, tmp_path) as hub:
        report = await hub.sync("zoho", "gohighlevel")
        again = await hub.sync("zoho", "gohighlevel")
    assert all(counts.get("created", 0) + counts.get("updated", 0) == 0 for counts in again.models.values())
    alone = [row for name in ("Deals", "Tasks", "Events") for row in zoho.truth(name) if not _person(row)]
    others = [row for row in zoho.truth("Notes") if not _is_of_a_contact(row)]
    assert report.letters == {"rejected": len(alone) + len(others)}, "all is of a contact there"
    _same_businesses(zoho, gohighlevel)
    _same_contacts(zoho, gohighlevel)
    _same_deals(zoho, gohighlevel)
    _same_tasks(zoho, gohighlevel)


def _person(row: Mapping[str, object]) -> object:
    return row.get("Contact_Name") or row.get("Who_Id")


def _is_of_a_contact(row: Mapping[str, object]) -> bool:
    parent = cast("Mapping[str, Mapping[str, object]]", row["Parent_Id"])
    return parent["module"]["api_name"] == "Contacts"


def _same_businesses(zoho: Double, gohighlevel: GoHighLevelDouble) -> None:
    accounts, found = _by("Account_Name", zoho, "Accounts"), _by("name", gohighlevel, "businesses")
    assert found.keys() == accounts.keys()
    for name, account in accounts.items():
        assert found[name].get("website") == account["Website"]
        assert found[name].get("city") == account["Billing_City"]
        assert found[name].get("country") == account["Billing_Country"]


def _same_contacts(zoho: Double, gohighlevel: GoHighLevelDouble) -> None:
    people, found = _by("Full_Name", zoho, "Contacts"), _by("name", gohighlevel, "contacts")
    assert found.keys() == people.keys()
    accounts, businesses = _by("id", zoho, "Accounts"), _by("id", gohighlevel, "businesses")
    for name, person in people.items():
        contact = found[name]
        assert contact.get("email") == person["Email"]
        assert contact.get("city") == person["Mailing_City"]
        account = _id(person["Account_Name"])
        business = contact.get("businessId")
        assert (businesses[str(business)]["name"] if business else None) == (
            accounts[account]["Account_Name"] if account else None
        )


def _same_deals(zoho: Double, gohighlevel: GoHighLevelDouble) -> None:
    deals, found = _by("Deal_Name", zoho, "Deals"), _by("name", gohighlevel, "opportunities")
    people = _by("id", zoho, "Contacts")
    labels = {stage.id: stage.name for stage in gohighlevel.agency.main.pipelines[0].stages}
    assert found.keys() == {name for name, deal in deals.items() if deal["Contact_Name"]}
    for name, made in found.items():
        deal = deals[name]
        assert labels[str(made["pipelineStageId"])] == deal["Stage"]
        assert Decimal(str(made["monetaryValue"])) == Decimal(str(deal["Amount"] or 0))
        contact = cast("Native", made["contact"])
        assert contact["name"] == people[str(_id(deal["Contact_Name"]))]["Full_Name"]


def _same_tasks(zoho: Double, gohighlevel: GoHighLevelDouble) -> None:
    wanted = [
        (row["Subject"], row["Status"] == "Completed", row["Due_Date"] or "some day")
        for row in zoho.truth("Tasks")
        if row["Who_Id"]
    ]
    days = {day for _, _, day in wanted}
    due = [(row["title"], row["completed"], str(row["dueDate"])[:10]) for row in gohighlevel.truth("tasks")]
    found = [  # each has a due date there
        (title, done, day if day in days else "some day") for title, done, day in due
    ]
    assert sorted(found, key=str) == sorted(wanted, key=str)
