"""What activities of Salesforce are about: WhoId and WhatId, in canonical words and on the way to Zoho."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pytest

from crmhub.connector import Value
from crmhub.models import Ref, Task
from tests.integration.api_doubles import both

if TYPE_CHECKING:
    from crmhub_salesforce.simulator import SalesforceDouble
    from tests.integration.api_doubles import Both

pytestmark = pytest.mark.anyio

CUSTOM = "a0X000000000001AAA"
"""A record of a custom object, which no mapping knows."""
OBJECTS: Mapping[str, Mapping[str, Value]] = {
    "Account": {"Name": "Acme"},
    "Opportunity": {"Name": "Big", "StageName": "Prospecting", "CloseDate": "2026-12-31"},
    "Contact": {"LastName": "Lovelace"},
    "Lead": {"LastName": "Hopper", "Company": "Navy"},
}


async def tasks_about_all(given: Both) -> dict[str, str]:
    """The ids that the tasks named like them are about."""
    ids = {name.lower(): await made(given, name, fields) for name, fields in OBJECTS.items()}
    for name, id_ in ids.items():
        field = "WhoId" if name in {"contact", "lead"} else "WhatId"
        await made(given, "Task", {"Subject": name, field: id_})
    table = cast("SalesforceDouble", given.doubles["salesforce"]).org.tables["Task"]
    place = table.place_of(await made(given, "Task", {"Subject": "custom"}))
    assert place is not None
    table.replace(place, {**table.row(place), "WhatId": CUSTOM}, table.modified(place))
    return ids | {"custom": CUSTOM}


async def made(given: Both, object: str, fields: Mapping[str, Value]) -> str:
    """The id of a new record."""
    path = f"/services/data/v62.0/sobjects/{object}"
    answer = await given.hub["salesforce"].request("POST", path, json={**fields})
    assert isinstance(answer, dict)
    return str(answer["id"])


async def test_what_an_activity_is_about_is_a_reference_to_the_right_model() -> None:
    async with both(rows=0) as given:
        ids = await tasks_about_all(given)
        connection = given.hub["salesforce"]
        tasks = {task.subject: task for task in await connection.of(Task).list() if task.subject in ids}
        assert {name: (task.regarding, task.contact) for name, task in tasks.items()} == {
            "account": (Ref(model="account", id=ids["account"]), None),
            "opportunity": (Ref(model="deal", id=ids["opportunity"]), None),
            "contact": (None, Ref(model="contact", id=ids["contact"])),
            "lead": (None, Ref(model="contact", id=ids["lead"])),
            "custom": (Ref(model="record", id=CUSTOM), None),
        }
        alone = await connection.of(Task).get(str(tasks["opportunity"].id))
        assert alone.regarding == Ref(model="deal", id=ids["opportunity"])
        edges = {
            name: {(edge.label, edge.target) for edge in found.items if edge.target.model != "activity"}
            for name, task in tasks.items()
            if (found := await connection.activities.associations(str(task.id)))
        }
        assert edges == {
            "account": {("regarding", Ref(model="account", id=ids["account"]))},
            "opportunity": {("regarding", Ref(model="deal", id=ids["opportunity"]))},
            "contact": {("contact", Ref(model="contact", id=ids["contact"]))},
            "lead": {("contact", Ref(model="contact", id=ids["lead"]))},
            "custom": set(),
        }


async def test_an_activity_about_what_is_not_mapped_goes_without_it_and_that_is_counted() -> None:
    async with both(rows=0) as given:
        ids = await tasks_about_all(given)
        report = await given.hub.sync("salesforce", "zoho", models=("account", "contact", "activity"))
        assert report.letters == {}
        assert report.notes["regarding: a record that is no account or deal"] == 1
        assert report.notes["regarding: deal is not part of the sync"] == 1
        names = {
            str(row["id"]): str(row.get("Account_Name") or row.get("Full_Name"))
            for module in ("Accounts", "Contacts", "Leads")
            for row in given.doubles["zoho"].truth(module)
        }
        there = {
            row["Subject"]: [names.get(_id(row.get(field))) for field in ("What_Id", "Who_Id")]
            for row in given.doubles["zoho"].truth("Tasks")
        }
        assert {name: there[name] for name in ids} == {
            "account": ["Acme", None],
            "opportunity": [None, None],
            "contact": [None, "Lovelace"],
            "lead": [None, "Hopper"],
            "custom": [None, None],
        }


async def test_a_reference_that_contradicts_its_id_is_not_written() -> None:
    async with both(rows=0) as given:
        deal = await made(given, "Opportunity", OBJECTS["Opportunity"])
        activities = given.hub["salesforce"].activities
        wrong = [Task(subject="a", regarding=Ref(model=model, id=deal)) for model in ("account", "contact")]
        outcomes = await activities.create_many(
            [*wrong, Task(subject="b", regarding=Ref(model="deal", id=deal))]
        )
        assert [outcome.status for outcome in outcomes] == ["rejected", "rejected", "created"]
        assert outcomes[0].problem is not None
        assert "by its id it is no account" in outcomes[0].problem.message


def _id(held: object) -> str:
    return str(cast("dict[str, object]", held)["id"]) if isinstance(held, dict) else ""
