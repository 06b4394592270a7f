"""Search and field definitions of the double."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Made, Make

pytestmark = pytest.mark.anyio


async def found(client: httpx.AsyncClient, path: str, **params: Any) -> list[Any]:
    """The items that a search finds."""
    reply = await client.get(f"{V2}/{path}", params=params)
    assert reply.status_code == 200, reply.text
    return [one["item"] for one in reply.json()["data"]["items"]]


async def test_persons_are_found_by_name_address_and_number(pipedrive: httpx.AsyncClient) -> None:
    ada = {"name": "Ada Lovelace", "emails": [{"value": "Ada@X.io"}], "phones": [{"value": "+44 20 7946"}]}
    await pipedrive.post(f"{V2}/persons", json=ada)
    await pipedrive.post(f"{V2}/persons", json={"name": "Adam"})
    assert {one["name"] for one in await found(pipedrive, "persons/search", term="ADA")} == {
        "Ada Lovelace",
        "Adam",
    }
    exact = {"term": "ada@x.io", "fields": "email", "exact_match": "true"}
    (one,) = await found(pipedrive, "persons/search", **exact)
    assert (one["id"], one["type"], one["emails"]) == (1, "person", ["Ada@X.io"])
    assert [one["id"] for one in await found(pipedrive, "persons/search", term="7946")] == [1]
    await pipedrive.patch(f"{V2}/persons/1", json={"emails": []})
    assert await found(pipedrive, "persons/search", **exact) == []
    await pipedrive.delete(f"{V2}/persons/2")
    assert [one["id"] for one in await found(pipedrive, "persons/search", term="ad")] == [1]


async def test_terms_have_two_characters_or_match_as_a_whole(pipedrive: httpx.AsyncClient) -> None:
    assert (await pipedrive.get(f"{V2}/deals/search", params={"term": "a"})).status_code == 400
    assert (await pipedrive.get(f"{V2}/deals/search")).status_code == 400
    assert await found(pipedrive, "deals/search", term="a", exact_match="true") == []


async def test_deals_are_found_by_custom_fields_and_notes(empty: Made) -> None:
    double, client = empty
    reference = double.company.fields["deal"].custom[4].code
    await client.post(f"{V2}/deals", json={"title": "Kitchen", "custom_fields": {reference: "R-1009"}})
    await client.post(f"{V1}/notes", json={"content": "wants a discount", "deal_id": 1})
    for term in ("r-1009", "discount", "kitch"):
        (one,) = await found(client, "deals/search", term=term)
        assert (one["id"], one["stage"], one["custom_fields"]) == (
            1,
            {"id": 1, "name": "Qualified"},
            ["R-1009"],
        )
    assert await found(client, "deals/search", term="discount", fields="title") == []
    params = {"term": "R-10", "entity_type": "deal", "field": reference, "match": "beginning"}
    hits = (await client.get(f"{V2}/itemSearch/field", params=params)).json()["data"]
    assert [hit["item"] for hit in hits] == [{"id": 1, reference: "R-1009"}]


async def test_all_kinds_are_searched_at_once_in_pages(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(rows=60)
    params: dict[str, Any] = {"term": "fernhill", "limit": 2}
    seen: list[Any] = []
    while True:
        reply = (await client.get(f"{V2}/itemSearch", params=params)).json()
        seen += [(one["item"]["type"], one["item"]["id"]) for one in reply["data"]["items"]]
        params["cursor"] = reply["additional_data"]["next_cursor"]
        if params["cursor"] is None:
            break
    assert {kind for kind, _ in seen} == {"deal", "organization"}
    assert len(seen) == len(set(seen)) > 4
    assert (await client.get(f"{V2}/itemSearch", params={"term": "ab", "limit": 101})).status_code == 400


async def test_fields_are_listed_with_codes_options_and_subfields(empty: Made) -> None:
    double, client = empty
    reply = (await client.get(f"{V2}/dealFields", params={"limit": 500})).json()
    fields = {field["field_code"]: field for field in reply["data"]}
    assert reply["additional_data"] == {"next_cursor": None}
    segment, _, fee, *_ = double.company.fields["deal"].custom
    assert len(segment.code) == 40
    assert fields[segment.code]["options"] == [{"id": one.id, "label": one.label} for one in segment.options]
    assert [part["field_code"] for part in fields[fee.code]["subfields"]] == ["value", "currency"]
    assert (fields["title"]["is_custom_field"], fields["title"]["options"]) == (False, None)
    page = (await client.get(f"{V2}/dealFields", params={"limit": 3})).json()
    rest = await client.get(f"{V2}/dealFields", params={"cursor": page["additional_data"]["next_cursor"]})
    assert len(page["data"]) + len(rest.json()["data"]) == len(fields)


async def test_v1_lists_the_same_fields_by_other_names(empty: Made) -> None:
    double, client = empty
    segment = double.company.fields["deal"].custom[0]
    for path in ("dealFields", "leadFields"):
        reply = (await client.get(f"{V1}/{path}")).json()
        field = next(one for one in reply["data"] if one["key"] == segment.code)
        assert (field["name"], field["field_type"], field["edit_flag"]) == ("Segment", "enum", True)
    assert (await client.get(f"{V1}/noteFields")).json()["data"][0]["key"] == "content"


async def test_custom_fields_are_made_changed_and_deleted(pipedrive: httpx.AsyncClient) -> None:
    body = {"field_name": "Size", "field_type": "enum", "options": [{"label": "S"}, {"label": "L"}]}
    made = (await pipedrive.post(f"{V2}/organizationFields", json=body)).json()["data"]
    path = f"{V2}/organizationFields/{made['field_code']}"
    (added,) = (await pipedrive.post(f"{path}/options", json=[{"label": "XL"}])).json()["data"]
    await pipedrive.patch(f"{path}/options", json=[{"id": added["id"], "label": "XXL"}])
    gone = made["options"][0]
    await pipedrive.request("DELETE", f"{path}/options", json=[{"id": gone["id"]}])
    now = (await pipedrive.get(path)).json()["data"]
    assert [one["label"] for one in now["options"]] == ["L", "XXL"]
    renamed = await pipedrive.patch(path, json={"field_name": "Dimension"})
    assert renamed.json()["data"]["field_name"] == "Dimension"
    organization = {"name": "A", "custom_fields": {made["field_code"]: added["id"]}}
    assert (await pipedrive.post(f"{V2}/organizations", json=organization)).status_code == 200
    assert (await pipedrive.delete(path)).status_code == 200
    shown = (await pipedrive.get(f"{V2}/organizations/1")).json()["data"]
    assert made["field_code"] not in shown["custom_fields"]
    assert (await pipedrive.get(path)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"field_type": "enum", "options": [{"label": "S"}]},
        {"field_name": "X", "field_type": "enum"},
        {"field_name": "X", "field_type": "varchar", "options": [{"label": "S"}]},
        {"field_name": "X", "field_type": "picklist"},
    ],
)
async def test_wrong_fields_are_refused(pipedrive: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await pipedrive.post(f"{V2}/dealFields", json=body)).status_code == 400


async def test_standard_fields_cannot_be_changed(pipedrive: httpx.AsyncClient) -> None:
    assert (await pipedrive.delete(f"{V2}/dealFields/title")).status_code == 403


async def test_a_schema_file_adds_fields(make_pipedrive: Make, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("Deals:\n  - {name: Product line, type: enum, choices: [A, B]}\n")
    double, client = make_pipedrive(rows=8, schema=schema)
    field = double.company.fields["deal"].custom[-1]
    assert field.name == "Product line"
    listed = (await client.get(f"{V2}/deals")).json()["data"]
    assert {row["custom_fields"][field.code] for row in listed} > {field.options[0].id}
    schema.write_text("Deals:\n  - {name: X, type: picklist}\n")
    with pytest.raises(SimulatorError, match="picklist"):
        PipedriveDouble(Options(schema=schema))
    schema.write_text("Activities:\n  - {name: X, type: varchar}\n")
    with pytest.raises(SimulatorError, match="Activities"):
        PipedriveDouble(Options(schema=schema))
