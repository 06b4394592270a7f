"""The pack ``salesforce`` over the double: what it answers is what the double holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import pytest

from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs.salesforce import SALESFORCE
from crmhub.agent.tool import Toolbox
from tests.agents import BOT, ORIGIN, ListedAudit, agents_of
from tests.integration.api_doubles import Both, both

pytestmark = pytest.mark.anyio

ALL = {name: {"fields": {"allow": ["*"]}} for name in ("account", "contact", "deal")}
Rows = list[dict[str, object]]


@asynccontextmanager
async def asked(**policy: object) -> AsyncGenerator[tuple[Both, Gate]]:
    async with both() as hubs:
        whole = {"tools": ["pack:salesforce"], "connections": ["zoho", "salesforce"], "models": ALL} | policy
        yield hubs, await Gate.of(hubs.hub, agents_of(**whole), Toolbox([SALESFORCE]), ListedAudit())


async def ask(gate: Gate, tool: str, **given: object) -> Reply:
    return await gate.call(BOT, f"salesforce_{tool}", given, origin=ORIGIN)


def rows_of(reply: Reply) -> Rows:
    assert not reply.is_error, reply
    assert reply.structured["success"]
    rows = cast("Rows", reply.structured["records"])
    assert reply.structured["totalSize"] == len(rows)
    return rows


def code_of(reply: Reply) -> str:
    return str(cast("Mapping[str, object]", reply.structured["error"])["code"])


def truth(hubs: Both, object_: str) -> dict[str, Mapping[str, object]]:
    return cast("dict[str, Mapping[str, object]]", hubs.contents("salesforce")[object_])


async def test_accounts_opportunities_and_contacts_are_given_by_salesforces_names() -> None:
    async with asked() as (hubs, gate):
        accounts = rows_of(await ask(gate, "get_accounts"))
        assert len(accounts) == 5
        for row in accounts:
            assert row["Name"] == truth(hubs, "Account")[str(row["Id"])]["Name"]
            assert row["id"] == f"account:salesforce:{row['Id']}"
        deals = rows_of(await ask(gate, "get_opportunities", limit=50))
        assert {str(row["Id"]) for row in deals} == set(truth(hubs, "Opportunity"))
        for row in deals:
            held = truth(hubs, "Opportunity")[str(row["Id"])]
            if held["Amount"] is not None:
                amount = cast("dict[str, str]", row["Amount"])
                assert float(amount["amount"]) == float(str(held["Amount"]))
                assert not amount["text"][0].isdigit()  # its currency
            assert cast("dict[str, str]", row["CloseDate"])["value"] == held["CloseDate"]
        contacts = rows_of(await ask(gate, "get_contacts", limit=50))
        assert {str(row["Id"]) for row in contacts} == set(truth(hubs, "Contact"))


async def test_opportunities_of_a_stage_and_of_an_account_are_those_alone() -> None:
    async with asked() as (hubs, gate):
        held = truth(hubs, "Opportunity")
        stage = next(iter(held.values()))["StageName"]
        found = rows_of(await ask(gate, "get_opportunities", stage=stage, limit=50))
        assert {row["Id"] for row in found} == {id_ for id_, row in held.items() if row["StageName"] == stage}
        account = next(str(row["AccountId"]) for row in held.values() if row["AccountId"])
        name = str(truth(hubs, "Account")[account]["Name"])
        found = rows_of(await ask(gate, "get_opportunities", account_name=name, limit=50))
        meant = {id_ for id_, row in truth(hubs, "Account").items() if row["Name"] == name}
        assert {row["Id"] for row in found} == {id_ for id_, row in held.items() if row["AccountId"] in meant}


async def test_a_search_gives_records_of_every_kind_and_orgs_are_salesforces_alone() -> None:
    async with asked() as (hubs, gate):
        name = str(next(iter(truth(hubs, "Account").values()))["Name"])
        found = rows_of(await ask(gate, "search_records", search_term=name))
        assert ("Account", name) in {(row["type"], row["Name"]) for row in found}
        orgs = await ask(gate, "list_orgs")
        assert [org["alias"] for org in cast("Rows", orgs.structured["orgs"])] == ["salesforce"]
        assert code_of(await ask(gate, "get_accounts", connection="zoho")) == "connection_not_available"


async def test_a_query_chooses_sorts_counts_and_is_cut_at_the_limit() -> None:
    async with asked() as (hubs, gate):
        held = truth(hubs, "Opportunity")
        amounts = sorted((float(str(row["Amount"])) for row in held.values() if row["Amount"]), reverse=True)
        soql = (
            "select name, amount, closedate from opportunity where (not amount = null) order by amount desc"
        )
        reply = await ask(gate, "soql_query", soql_query=soql)
        rows = rows_of(reply)
        assert [float(cast("dict[str, str]", row["Amount"])["amount"]) for row in rows] == amounts[:5]
        assert [*rows[0]] == ["Name", "Amount", "CloseDate"]
        assert reply.structured["truncated"] is True
        assert len(rows_of(await ask(gate, "soql_query", soql_query=f"{soql} LIMIT 7"))) == 7
        many = amounts[len(amounts) // 2]
        counted = await ask(
            gate, "soql_query", soql_query=f"SELECT COUNT() FROM Opportunity WHERE Amount >= {many:.2f}"
        )
        assert counted.structured["totalSize"] == sum(1 for each in amounts if each >= many)


async def test_a_query_finds_no_field_that_the_policy_hides_and_no_object_with_rows() -> None:
    models = {
        "account": {"fields": {"allow": ["*"], "deny": ["annual_revenue"], "mask": ["phones"]}},
        "deal": {"fields": {"allow": ["*"]}, "rows": {"owner.email": "ada@seller.example"}},
    }
    async with asked(models=models) as (_, gate):
        for soql in (
            "SELECT AnnualRevenue FROM Account",
            "SELECT Id FROM Account WHERE AnnualRevenue > 5",
            "SELECT Id FROM Account ORDER BY annualrevenue",
            "SELECT COUNT() FROM Account WHERE Phone LIKE '%7'",
            "SELECT Secret__c FROM Account",
        ):
            assert code_of(await ask(gate, "soql_query", soql_query=soql)) == "field_not_available"
        for object_ in ("Opportunity", "Contact", "Lead", "User", "Nonsense"):
            reply = await ask(gate, "soql_query", soql_query=f"SELECT Id FROM {object_}")
            assert code_of(reply) == "object_not_available"
        (row, *_) = rows_of(await ask(gate, "get_accounts"))
        assert "AnnualRevenue" not in row
        assert row.get("Phone", "***") == "***"
