"""Trees of records and graphs of calls in the Salesforce double."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, Json

pytestmark = pytest.mark.anyio


def _node(kind: str, name: str, **fields: object) -> Json:
    return {"attributes": {"type": kind, "referenceId": name}, **fields}


def _graph(name: str, amount: int) -> Json:
    base = "/services/data/v62.0/sobjects"
    return {
        "graphId": name,
        "compositeRequest": [
            {
                "method": "POST",
                "url": f"{base}/Account",
                "referenceId": "top",
                "body": {"Name": name, "External_Id__c": name, "NumberOfEmployees": amount},
            },
            {
                "method": "POST",
                "url": f"{base}/Contact",
                "referenceId": "below",
                "body": {"LastName": "x", "AccountId": "@{top.id}"},
            },
        ],
    }


async def test_a_tree_of_records_is_made_whole(empty: Client) -> None:
    contacts = {"records": [_node("Contact", "c1", LastName="a"), _node("Contact", "c2", LastName="b")]}
    body = {
        "records": [_node("Account", "a1", Name="top", Contacts=contacts), _node("Account", "a2", Name="y")]
    }
    made = await empty.call("POST", "/composite/tree/Account", body)
    assert made.status_code == 201
    assert made.json()["hasErrors"] is False
    ids = {item["referenceId"]: item["id"] for item in made.json()["results"]}
    assert (await empty.read("Contact", ids["c2"]))["AccountId"] == ids["a1"]


async def test_a_tree_with_one_bad_record_is_not_made(empty: Client) -> None:
    contacts = {"records": [_node("Contact", "c1"), _node("Contact", "c2", LastName="b")]}
    body = {"records": [_node("Account", "a1", Name="top", Contacts=contacts)]}
    refused = await empty.call("POST", "/composite/tree/Account", body)
    assert refused.status_code == 400
    (result,) = refused.json()["results"]
    assert (result["referenceId"], result["errors"][0]["statusCode"]) == ("c1", "REQUIRED_FIELD_MISSING")
    assert (await empty.query("SELECT COUNT() FROM Account"))["totalSize"] == 0


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([_node("Account", "a", Name=str(n)) for n in range(2)], "INVALID_INPUT"),
        ([_node("Account", f"a{n}", Name=str(n)) for n in range(201)], "EXCEEDED_MAX_SIZE_REQUEST"),
        ([{"Name": "no reference"}], "INVALID_INPUT"),
        ([], "JSON_PARSER_ERROR"),
    ],
)
async def test_a_tree_has_its_limits(empty: Client, records: list[Json], code: str) -> None:
    assert (await empty.refused("POST", "/composite/tree/Account", {"records": records}))[:2] == (400, code)


async def test_each_graph_is_whole_or_not_at_all(empty: Client) -> None:
    graphs = [_graph("good", 1), _graph("good", 1) | {"graphId": "same key"}, _graph("more", 2)]
    reply = await empty.call("POST", "/composite/graph", {"graphs": graphs})
    assert reply.status_code == 200
    found = reply.json()["graphs"]
    assert [(graph["graphId"], graph["isSuccessful"]) for graph in found] == [
        ("good", True),
        ("same key", False),
        ("more", True),
    ]
    second = found[1]["graphResponse"]["compositeResponse"]
    assert [item["body"][0]["errorCode"] for item in second] == ["DUPLICATE_VALUE", "PROCESSING_HALTED"]
    assert (await empty.query("SELECT COUNT() FROM Contact"))["totalSize"] == 2


async def test_graphs_stop_after_fourteen_failures_and_have_limits(empty: Client) -> None:
    graphs = [_graph(f"g{n}", 10**15) for n in range(16)]
    found = (await empty.call("POST", "/composite/graph", {"graphs": graphs})).json()["graphs"]
    codes = [graph["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"] for graph in found]
    assert codes == ["NUMBER_OUTSIDE_VALID_RANGE"] * 14 + ["PROCESSING_HALTED"] * 2
    many = [_graph(f"g{n}", 1) for n in range(76)]
    assert (await empty.refused("POST", "/composite/graph", {"graphs": many}))[1] == "LIMIT_EXCEEDED"
    twice = [_graph("g", 1), _graph("g", 1)]
    assert (await empty.refused("POST", "/composite/graph", {"graphs": twice}))[1] == "INVALID_INPUT"
