"""Subforms and multi-select lookups, as a plain client meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from tests.integration.zoho_double.conftest import Make
from tests.integration.zoho_double.test_writing import create

pytestmark = pytest.mark.anyio
SCHEMA = """
Contacts:
  - name: Languages
    type: subform
    fields:
      - {name: Language, type: text, required: true}
      - {name: Proficiency, type: picklist, choices: [Native, Fluent]}
      - {name: Since, type: date}
  - {name: Partners, type: multiselectlookup, reference_to: Accounts}
"""


@pytest.fixture
def zoho(make_zoho: Make, tmp_path: Path) -> httpx.AsyncClient:
    schema = tmp_path / "schema.yaml"
    schema.write_text(SCHEMA, "utf-8")
    return make_zoho(schema=schema)[1]


async def contact(zoho: httpx.AsyncClient, *rows: object) -> str:
    return await create(zoho, "Contacts", Last_Name="Ada", Languages=list(rows))


async def languages(zoho: httpx.AsyncClient, record: str) -> list[dict[str, Any]]:
    return (await zoho.get(f"/crm/v8/Contacts/{record}")).json()["data"][0]["Languages"]


async def change(zoho: httpx.AsyncClient, record: str, **fields: object) -> dict[str, Any]:
    return (await zoho.put(f"/crm/v8/Contacts/{record}", json={"data": [fields]})).json()["data"][0]


async def test_rows_are_made_changed_appended_and_deleted(zoho: httpx.AsyncClient) -> None:
    record = await contact(zoho, {"Language": "French", "Proficiency": "Native"}, {"Language": "Dutch"})
    french, dutch = await languages(zoho, record)
    assert (french["Language"], french["Proficiency"], french["Since"]) == ("French", "Native", None)
    assert french["Parent_Id"] == {"id": record}
    rows = [
        {"id": dutch["id"], "Proficiency": "Fluent"},
        {"id": french["id"], "_delete": None},
        {"Language": "Thai"},
    ]
    assert (await change(zoho, record, Languages=rows))["code"] == "SUCCESS"
    assert [(one["Language"], one["Proficiency"]) for one in await languages(zoho, record)] == [
        ("Dutch", "Fluent"),
        ("Thai", None),
    ]
    assert (await change(zoho, record, Languages=[]))["code"] == "SUCCESS"
    assert await languages(zoho, record) == []


@pytest.mark.parametrize(
    ("rows", "code", "path"),
    [
        ("French", "INVALID_DATA", "$.data[0].Languages"),
        (["French"], "INVALID_DATA", "$.data[0].Languages[0]"),
        ([{"Proficiency": "Native"}], "MANDATORY_NOT_FOUND", "$.data[0].Languages[0].Language"),
        ([{"Language": 5}], "INVALID_DATA", "$.data[0].Languages[0].Language"),
        (
            [{"Language": "A"}, {"Language": "B", "Since": "2026"}],
            "INVALID_DATA",
            "$.data[0].Languages[1].Since",
        ),
        ([{"id": "5", "Language": "A"}], "INVALID_DATA", "$.data[0].Languages[0].id"),
        ([{"id": "5", "_delete": None}], "INVALID_DATA", "$.data[0].Languages[0].id"),
    ],
)
async def test_wrong_rows_change_nothing(zoho: httpx.AsyncClient, rows: object, code: str, path: str) -> None:
    record = await contact(zoho, {"Language": "French"})
    refused = await change(zoho, record, Languages=rows, Last_Name="Other")
    assert (refused["code"], refused["details"]["json_path"]) == (code, path)
    assert [one["Language"] for one in await languages(zoho, record)] == ["French"]


async def test_lists_and_queries_do_not_show_rows(zoho: httpx.AsyncClient) -> None:
    await contact(zoho, {"Language": "French"})
    listed = await zoho.get("/crm/v8/Contacts", params={"fields": "Last_Name,Languages"})
    assert set(listed.json()["data"][0]) == {"id", "Last_Name"}
    query = {"select_query": "select Languages from Contacts where id is not null"}
    assert (await zoho.post("/crm/v8/coql", json=query)).json()["code"] == "INVALID_QUERY"


async def test_several_records_are_looked_up(zoho: httpx.AsyncClient) -> None:
    first, second = [await create(zoho, "Accounts", Account_Name=name) for name in ("Acme", "Bolt")]
    record = await create(zoho, "Contacts", Last_Name="Ada", Partners=[{"Partners": {"id": first}}])
    assert (await change(zoho, record, Partners=[{"Partners": {"id": second}}]))["code"] == "SUCCESS"
    shown = (await zoho.get(f"/crm/v8/Contacts/{record}")).json()["data"][0]["Partners"]
    assert [one["Partners"] for one in shown] == [
        {"name": "Acme", "id": first},
        {"name": "Bolt", "id": second},
    ]
    refused = await change(zoho, record, Partners=[{"Partners": {"id": "5"}}])
    assert (refused["code"], refused["details"]["json_path"]) == (
        "INVALID_DATA",
        "$.data[0].Partners[0].Partners.id",
    )


def test_a_subform_needs_fields(make_zoho: Make, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("Contacts: [{name: Languages, type: subform}]", "utf-8")
    with pytest.raises(SimulatorError, match="needs `fields"):
        make_zoho(schema=schema)
