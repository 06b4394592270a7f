"""The Salesforce double under a client that others wrote: simple-salesforce, over a TLS socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce, SFType
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id, format_soql

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import Running, running
from crmhub_salesforce.simulator import SalesforceDouble, create
from crmhub_salesforce.simulator.customs import Customs

# simple-salesforce says little about the types of its replies.
# pyright: reportOptionalSubscript=false, reportOptionalIterable=false, reportIndexIssue=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false


class ToDouble(HTTPAdapter):
    """Sends what is meant for Salesforce to the double: the client's login hosts are fixed."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def send(self, request: requests.PreparedRequest, *args: object, **more: object) -> requests.Response:
        parts = urlsplit(str(request.url))
        if parts.hostname and parts.hostname.endswith("salesforce.com"):
            request.url = parts._replace(netloc=self._host).geturl()
        return super().send(request, *args, **more)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def double() -> SalesforceDouble:
    return create(Options(rows={"Account": 25, "Contact": 2300}))


@pytest.fixture(scope="module")
def served(double: SalesforceDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("tls")
    with running(double, tls_dir=folder) as state:
        yield state


@pytest.fixture
def session(served: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # CA bundles named by the environment would win over ours
        session.verify = str(served.ca_file)
        session.mount("https://", ToDouble(urlsplit(served.url).netloc))
        yield session


@pytest.fixture
def client(double: SalesforceDouble, served: Running, session: requests.Session) -> Salesforce:
    host = urlsplit(served.url).netloc
    return Salesforce(instance=host, session_id=double.sessions.open(), session=session, version="62.0")


def test_it_describes_and_reads_all_pages(client: Salesforce) -> None:
    assert {item["name"] for item in client.describe()["sobjects"]} >= {"Account", "Contact"}
    assert {item["name"] for item in cast("SFType", client.Contact).describe()["fields"]} >= {
        "Id",
        "Email",
        "External_Id__c",
    }
    rows = list(client.query_all_iter("SELECT Id, Name, Account.Name FROM Contact"))
    assert len({row["Id"] for row in rows}) == len(rows) == 2300
    assert all(row["Account"]["Name"] for row in rows)
    assert client.api_usage["api-usage"].total == 5_000_000


def test_it_writes_finds_and_deletes(client: Salesforce) -> None:
    accounts = cast("SFType", client.Account)
    key = "it's 1/é+ \\"
    made = accounts.create({"Name": key, "External_Id__c": key, "AnnualRevenue": 1.5})
    assert made["success"]
    assert accounts.update(made["id"], {"Phone": "1"}) == 204
    assert accounts.upsert(format_external_id("External_Id__c", key), {"Name": "new"}) == 200
    assert accounts.upsert("External_Id__c/other", {"Name": "other"}) == 201
    assert accounts.get_by_custom_id("External_Id__c", "other")["Name"] == "other"
    found = client.query(format_soql("SELECT Name, Phone FROM Account WHERE External_Id__c = {}", key))
    assert [(row["Name"], row["Phone"]) for row in found["records"]] == [("new", "1")]
    start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=2)
    assert made["id"] in accounts.updated(start, end)["ids"]
    assert accounts.delete(made["id"]) == 204
    assert made["id"] in {row["id"] for row in accounts.deleted(start, end)["deletedRecords"]}
    gone = client.query_all("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True)
    assert [row["Id"] for row in gone["records"]] == [made["id"]]


def test_it_reaches_collections_limits_and_search(client: Salesforce) -> None:
    records = [
        {"attributes": {"type": "Lead"}, "LastName": "Fjordson", "Company": "x"},
        {"attributes": {"type": "Lead"}},
    ]
    results = client.restful("composite/sobjects", method="POST", json={"records": records})
    assert [item["success"] for item in results] == [True, False]
    assert client.limits()["DailyApiRequests"]["Max"] == 5_000_000
    assert [row["Id"] for row in client.quick_search("Fjordson")["searchRecords"]] == [results[0]["id"]]


def test_it_meets_the_errors_that_it_knows(client: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        client.query("SELECT Nope FROM Account")
    assert malformed.value.content[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceResourceNotFound):
        cast("SFType", client.Account).get("001000000000001")


@pytest.mark.parametrize("flow", ["client credentials", "password"])
def test_it_logs_in(double: SalesforceDouble, session: requests.Session, flow: str) -> None:
    known = double.credentials
    login: dict[str, str] = {"consumer_key": known["client_id"], "consumer_secret": known["client_secret"]}
    if flow == "password":
        login |= {"username": known["username"], "password": known["password"] + known["security_token"]}
    else:
        login["domain"] = "acme.my"
    client = Salesforce(session=session, version="62.0", **login)  # pyright: ignore[reportArgumentType]
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 2300


def test_it_sees_its_session_end(double: SalesforceDouble, client: Salesforce) -> None:
    double.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Account LIMIT 1")


def test_it_meets_the_administrators_rules(client: Salesforce, double: SalesforceDouble) -> None:
    accounts = cast("SFType", client.Account)
    double.org.customs = Customs(validations=True, duplicates="alert")
    try:
        first = accounts.create({"Name": "Ruled"})["id"]
        with pytest.raises(SalesforceMalformedRequest) as refused:
            accounts.update(first, {"AnnualRevenue": -1})
        assert refused.value.content[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        with pytest.raises(SalesforceMalformedRequest) as alike:
            accounts.create({"Name": "ruled"})
        (found,) = alike.value.content[0]["duplicateResut"]["matchResults"]
        assert [match["record"]["Id"] for match in found["matchRecords"]] == [first]
        allowing = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
        assert accounts.create({"Name": "ruled"}, headers=allowing)["success"]
        double.org.customs.hold(first, 1)
        with pytest.raises(SalesforceMalformedRequest, match="UNABLE_TO_LOCK_ROW"):
            accounts.delete(first)
        assert accounts.delete(first) == 204
    finally:
        double.org.customs = Customs()
