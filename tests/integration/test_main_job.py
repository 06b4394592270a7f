"""The main job: files into Zoho, Zoho into Salesforce, over real HTTP, all fields compared over there.

The comparison goes its own way: from the CSV files straight to what Salesforce answers to SOQL.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import cast

import httpx
import pytest

from crmhub.testing.sales import generate, main
from tests.integration import sales_expected as expected
from tests.support import EXAMPLE, Row, Simulated, crmhub, simulator, summary, write_config, written

REAL = Path(__file__).parents[3] / "shared" / "data" / "sales"

GENERATED = pytest.param(None, id="generated")
REAL_DATA = pytest.param(
    REAL,
    id="real",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(not REAL.exists(), reason="the real dataset is not part of the project"),
    ],
)


def select(salesforce: Simulated, soql: str) -> list[Row]:
    """All rows of a query, over raw HTTP."""
    headers = {"authorization": f"Bearer {salesforce.credentials['access_token']}"}
    rows: list[Row] = []
    path = "/services/data/v62.0/query/"
    params: dict[str, str] | None = {"q": soql}
    while path:
        reply = httpx.get(f"{salesforce.url}{path}", params=params, headers=headers, timeout=60)
        answer = cast("dict[str, object]", reply.raise_for_status().json(parse_float=Decimal))
        rows += cast("list[Row]", answer["records"])
        path, params = str(answer.get("nextRecordsUrl") or ""), None
    return rows


def inner(row: Row, name: str, field: str) -> object:
    nested = cast("Row | None", row[name])
    return nested[field] if nested else None


def accounts(salesforce: Simulated) -> dict[str, tuple[object, ...]]:
    fields = (
        "Name, Industry, AnnualRevenue, NumberOfEmployees, BillingCountry, Parent.Name, Year_Established__c"
    )
    return {
        str(row["Name"]): (
            row["Industry"],
            Decimal(str(row["AnnualRevenue"])),
            row["NumberOfEmployees"],
            row["BillingCountry"],
            inner(row, "Parent", "Name"),
            int(Decimal(str(row["Year_Established__c"]))),
        )
        for row in select(salesforce, f"SELECT {fields} FROM Account")
    }


def deals(salesforce: Simulated) -> dict[str, tuple[object, ...]]:
    fields = (
        "Name, Owner.Name, Product__c, Account.Name, StageName, Engage_Date__c, CloseDate, Amount, "
        "Opportunity_Id__c, IsWon, IsClosed"
    )
    return {
        str(row["Opportunity_Id__c"]): (
            row["Name"],
            inner(row, "Owner", "Name"),
            row["Product__c"],
            inner(row, "Account", "Name"),
            row["StageName"],
            row["Engage_Date__c"],
            row["CloseDate"],
            None if row["Amount"] is None else Decimal(str(row["Amount"])),
        )
        for row in select(salesforce, f"SELECT {fields} FROM Opportunity")
    }


@pytest.mark.parametrize("folder", [GENERATED, REAL_DATA])
def test_files_go_through_zoho_into_salesforce_whole(tmp_path: Path, folder: Path | None) -> None:
    data = folder or tmp_path / "data"
    users = tmp_path / "users.csv"
    if folder is None:
        generate(data, accounts=40, deals=400, agents=10, seed=7)
    main(["users", str(data / "sales_teams.csv"), str(users)])
    options = ("--users", str(users))
    with (
        simulator("zoho", "--schema", str(EXAMPLE / "zoho-schema.yaml"), *options) as zoho,
        simulator("salesforce", "--schema", str(EXAMPLE / "salesforce-schema.yaml"), *options) as salesforce,
    ):
        write_config(tmp_path, zoho, salesforce)
        load = ("load", "zoho", "--from", str(data), "--mapping", str(EXAMPLE / "mapping.yaml"), "--json")
        sync = ("sync", "zoho", "salesforce", "--models", "accounts,contacts,deals,activities", "--json")
        assert summary(crmhub(tmp_path, *load))["dead_letters"] == {}
        across = summary(crmhub(tmp_path, *sync))
        assert across["dead_letters"] == {}
        assert across["notes"] == {}

        wanted = expected.deals(data)
        undated = {id_ for id_, deal in wanted.items() if deal[6] is None}
        assert across["defaulted"] == {"expected_close": len(undated)}
        assert accounts(salesforce) == expected.accounts(data)
        found = deals(salesforce)
        assert found.keys() == wanted.keys()
        for id_, deal in wanted.items():
            filled = (*deal[:6], found[id_][6], deal[7]) if id_ in undated else deal
            assert found[id_] == filled
        assert all(found[id_][6] for id_ in undated)

        before = (zoho.calls(), salesforce.calls())
        assert written(crmhub(tmp_path, *load)) == 0
        assert written(crmhub(tmp_path, *sync)) == 0
        assert zoho.calls() > before[0]
        assert len(salesforce.truth("Opportunity")) == len(wanted)


def test_only_what_changes_in_zoho_moves(tmp_path: Path) -> None:
    with (
        simulator("zoho", "--rows", "40") as zoho,
        simulator("salesforce") as salesforce,
    ):
        write_config(tmp_path, zoho, salesforce)
        first = crmhub(tmp_path, "sync", "zoho", "salesforce", "--json")
        assert summary(first)["dead_letters"] == {}
        headers = {"authorization": f"Zoho-oauthtoken {zoho.credentials['access_token']}"}
        account, other = zoho.truth("Accounts")[:2]
        change = {"data": [{"id": account["id"], "Website": "https://changed.example", "Description": None}]}
        reply = httpx.put(f"{zoho.url}/crm/v8/Accounts", json=change, headers=headers, timeout=60)
        assert reply.json()["data"][0]["code"] == "SUCCESS"
        gone = httpx.delete(f"{zoho.url}/crm/v8/Deals?ids={zoho.truth('Deals')[0]['id']}", headers=headers)
        assert gone.status_code == 200
        count = len(salesforce.truth("Opportunity"))
        models = cast(
            "dict[str, dict[str, int]]",
            summary(crmhub(tmp_path, "sync", "zoho", "salesforce", "--json"))["models"],
        )
        assert models["account"].get("updated") == 1
        assert models["deal"].get("unlinked") == 1
        assert sum(counts.get("created", 0) for counts in models.values()) == 0
        rows = {row["Name"]: row for row in salesforce.truth("Account")}
        assert rows[account["Account_Name"]]["Website"] == "https://changed.example"
        assert rows[account["Account_Name"]]["Description"] is None
        assert rows[other["Account_Name"]]["Website"] == other["Website"]
        assert len(salesforce.truth("Opportunity")) == count
