"""From Zoho into Lofty, both simulators mounted in process, and compared field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

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
from crmhub_rest.simulators.lofty.double import LoftyDouble
from crmhub_rest.simulators.lofty.team import Stage

pytestmark = pytest.mark.anyio
ROWS = {"Accounts": 3, "Contacts": 12, "Deals": 9, "Tasks": 5, "Events": 3, "Calls": 4, "Notes": 0}
URLS = {"zoho": ("api_url", "accounts_url"), "lofty": ("base_url",)}
KEYS = {"zoho": ("client_id", "client_secret", "refresh_token"), "lofty": ("api_key",)}


def _doubles() -> dict[str, Double]:
    """An org with records, and a team whose transactions have the org's stages."""
    zoho = make_double("zoho", Options(base_url="http://localhost", rows=ROWS, seed=3))
    lofty = LoftyDouble(Options(base_url="http://localhost", settings={"rate_limit": "100000"}))
    labels = dict.fromkeys(str(row["Stage"]) for row in zoho.truth("Deals"))
    lofty.team.pipelines["Purchase"] = [Stage(1 + place, label) for place, label in enumerate(labels)]
    for name in [name for name in lofty.team.pipelines if name != "Purchase"]:
        lofty.team.pipelines[name] = [Stage(99, f"{name} only")]
    return {"zoho": zoho, "lofty": lofty}


async def test_people_and_their_deals_come_to_lofty_as_they_are(tmp_path: Path) -> None:
    doubles = _doubles()
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
    config = Config(connections, store=f"sqlite:///{tmp_path / 'sync.db'}")
    transports = {name: asgi_transport(played.app) for name, played in doubles.items()}
    async with Hub(config, clock=clock, events=Events(clock), transports=transports) as hub:
        report = await hub.sync("zoho", "lofty")
        again = await hub.sync("zoho", "lofty")
    assert all(counts.get("created", 0) + counts.get("updated", 0) == 0 for counts in again.models.values())
    leads = _same_people(doubles)
    _same_deals(doubles, leads)
    alone = [row for name in ("Deals", "Tasks", "Events", "Calls") for row in _alone(doubles["zoho"], name)]
    assert report.letters == {"rejected": len(alone)}  # Lofty has nothing that belongs to no lead


def _same_people(doubles: dict[str, Double]) -> dict[str, Row]:
    """The leads, by the id of the contact that each was made from."""
    lofty = doubles["lofty"]
    assert isinstance(lofty, LoftyDouble)
    named = {f"{row['firstName']} {row['lastName']}": row for row in lofty.truth("Leads")}
    contacts = {str(row["id"]): row for row in doubles["zoho"].truth("Contacts")}
    assert named.keys() == {row["Full_Name"] for row in contacts.values()}
    assert len(named) == len(contacts)
    owners = {one.id: one.user.email for one in lofty.team.members}
    found: dict[str, Row] = {}
    for id_, contact in contacts.items():
        lead = found[id_] = named[str(contact["Full_Name"])]
        addresses = [contact[name] for name in ("Email", "Secondary_Email") if contact.get(name)]
        assert lead["emails"] == addresses
        phones = [contact[name] for name in ("Phone", "Mobile") if contact.get(name)]
        assert lead["phones"] == phones
        assert lead.get("city") == contact["Mailing_City"]
        assert lead.get("source") == contact["Lead_Source"]
        owner = cast("Row", contact["Owner"])
        assert owners[cast("int", lead["assignedUserId"])] == owner["email"]
    return found


def _same_deals(doubles: dict[str, Double], leads: dict[str, Row]) -> None:
    made = {str(row["transactionName"]): row for row in doubles["lofty"].truth("Transactions")}
    deals = [row for row in doubles["zoho"].truth("Deals") if row["Contact_Name"] is not None]
    assert made.keys() == {str(row["Deal_Name"]) for row in deals}
    for deal in deals:
        found, lead = made[str(deal["Deal_Name"])], leads[str(cast("Row", deal["Contact_Name"])["id"])]
        assert found["leadId"] == lead["leadId"]
        assert (found["transactionType"], found["transactionStatus"]) == ("Purchase", deal["Stage"])
        amount = deal["Amount"]
        assert found.get("homePrice") == (None if amount is None else Decimal(str(amount)))
        day = datetime.fromtimestamp(cast("int", found["expectedCloseDate"]) / 1_000, UTC).date()
        assert day.isoformat() == deal["Closing_Date"]


def _alone(zoho: Double, name: str) -> list[Row]:
    """Records without a contact."""
    field = "Contact_Name" if name == "Deals" else "Who_Id"
    return [row for row in zoho.truth(name) if row.get(field) is None]
