"""From Salesforce into Pipedrive, both simulators mounted in process, and compared field by field."""

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
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from crmhub_rest.simulators.pipedrive.fields import Option

pytestmark = pytest.mark.anyio

KEYS = {"salesforce": ("client_id", "client_secret"), "pipedrive": ("api_token",)}
URLS = {"salesforce": ("instance_url", "login_url"), "pipedrive": ("base_url",)}
ROWS = {"Account": 7, "Contact": 12, "Opportunity": 9, "Task": 6, "Event": 3}


def _doubles() -> dict[str, Double]:
    """An org with records, and a company whose administrator has made it fit for them."""
    salesforce = make_double("salesforce", Options(base_url="http://localhost", rows=ROWS, seed=3))
    pipedrive = PipedriveDouble(Options(base_url="http://localhost", settings={"burst": "off"}))
    company = pipedrive.company
    for label in {_stage(row) for row in salesforce.truth("Opportunity")}:
        stage = {**next(company.tables["stage"].rows()), "name": label, "pipeline_id": 1}
        company.add("stage", {name: value for name, value in stage.items() if name != "id"}, company.admin)
    doubles: dict[str, Double] = {"salesforce": salesforce, "pipedrive": pipedrive}
    options = _options(doubles)
    more = {str(row["Industry"]) for row in salesforce.truth("Account")} - {one.label for one in options}
    options += [Option(100 + place, label) for place, label in enumerate(sorted(more))]
    return doubles


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


MODELS = ("account", "contact", "deal", "activity")


async def test_everything_comes_to_pipedrive_as_it_is_and_a_second_time_nothing(tmp_path: Path) -> None:
    doubles = _doubles()
    async with _hub(doubles, tmp_path) as hub:
        report = await hub.sync("salesforce", "pipedrive", models=MODELS)
        assert report.letters == {}
        again = await hub.sync("salesforce", "pipedrive", models=MODELS)
    assert all(counts.get("created", 0) + counts.get("updated", 0) == 0 for counts in again.models.values())
    companies = _same_companies(doubles)
    people = _same_people(doubles, companies)
    _same_deals(doubles, companies)
    _same_activities(doubles, people)


def _pairs(
    doubles: Mapping[str, Double], source: str, target: str, key: str, name: str
) -> list[tuple[Row, Row]]:
    """Records of both that have the same name; the numbers are told to be the same first."""
    sources, targets = [*doubles["salesforce"].truth(source)], [*doubles["pipedrive"].truth(target)]
    by_name = {str(row[name]): row for row in targets}
    assert len(by_name) == len(targets) == len(sources)
    return [(row, by_name[str(row[key])]) for row in sources]


def _same_companies(doubles: Mapping[str, Double]) -> dict[str, object]:
    industries = {one.id: one.label for one in _options(doubles)}
    ids: dict[str, object] = {}
    for account, found in _pairs(doubles, "Account", "organizations", "Name", "name"):
        address = cast("Row", found["address"] or {})
        assert address.get("country") == account["BillingCountry"]
        assert address.get("locality") == account["BillingCity"]
        assert address.get("value", "") == (account["BillingStreet"] or "")
        assert found["website"] == account["Website"]
        assert industries.get(cast("int", found["industry"])) == account["Industry"]
        assert found["employee_count"] == account["NumberOfEmployees"]
        ids[str(account["Id"])] = found["id"]
    return ids


def _same_people(doubles: Mapping[str, Double], companies: Mapping[str, object]) -> dict[str, object]:
    ids: dict[str, object] = {}
    for contact, found in _pairs(doubles, "Contact", "persons", "Name", "name"):
        emails = cast("list[Row]", found["emails"])
        assert [(one["value"], one["primary"]) for one in emails] == (
            [(contact["Email"], True)] if contact["Email"] else []
        )
        phones = {str(one["value"]) for one in cast("list[Row]", found["phones"])}
        assert phones >= {str(contact[name]) for name in ("Phone", "MobilePhone") if contact[name]}
        assert found["org_id"] == companies.get(str(contact["AccountId"]))
        ids[str(contact["Id"])] = found["id"]
    return ids


def _same_deals(doubles: Mapping[str, Double], companies: Mapping[str, object]) -> None:
    stages = {row["id"]: row["name"] for row in doubles["pipedrive"].truth("stages")}
    for opportunity, found in _pairs(doubles, "Opportunity", "deals", "Name", "title"):
        assert stages[found["stage_id"]] == _stage(opportunity)
        assert found["expected_close_date"] == opportunity["CloseDate"]
        assert _number(found["value"]) == (_number(opportunity["Amount"]) or 0)
        assert found["org_id"] == companies.get(str(opportunity["AccountId"]))


def _same_activities(doubles: Mapping[str, Double], people: Mapping[str, object]) -> None:
    found = [*doubles["pipedrive"].truth("activities")]
    sources = [*doubles["salesforce"].truth("Task"), *doubles["salesforce"].truth("Event")]
    made = sorted((str(row["subject"]), str(row["person_id"])) for row in found)
    assert made == sorted((str(row["Subject"]), str(people.get(str(row["WhoId"])))) for row in sources)


def _options(doubles: Mapping[str, Double]) -> list[Option]:
    pipedrive = doubles["pipedrive"]
    assert isinstance(pipedrive, PipedriveDouble)
    field = pipedrive.company.fields["organization"].get("industry")
    assert field is not None
    return field.options


def _stage(opportunity: Row) -> str:
    return str(opportunity["StageName"]).replace("Id. Decision", "Identify Decision")


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
