"""What simple-salesforce does beside queries and records, unpatched, on the Salesforce double."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import Running, running
from crmhub_salesforce.simulator import SalesforceDouble, create
from tests.integration.salesforce_double.clients import signed_in

# simple-salesforce says little about the types of its replies.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportOptionalSubscript=false


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> SalesforceDouble:
    schema = tmp_path_factory.mktemp("schema") / "schema.yaml"
    schema.write_text("Account:\n  - {name: Shared__c, type: text, length: 9, external_id: true}\n")
    rows = {"Account": 5, "Contact": 2300}
    return create(Options(rows=rows, schema=schema, settings={"record_types": "Account.Big,Account.Small"}))


@pytest.fixture(scope="module")
def served(double: SalesforceDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(double, tls_dir=tmp_path_factory.mktemp("tls")) as state:
        yield state


@pytest.fixture
def client(double: SalesforceDouble, served: Running) -> Iterator[Any]:
    with signed_in(double, served) as client:
        yield client


def test_it_goes_on_by_the_pages_name_and_by_its_address(client: Any) -> None:
    page = client.query("SELECT Id FROM Contact")
    by_address = client.query_more(page["nextRecordsUrl"], True)
    name = page["nextRecordsUrl"].rpartition("/")[2]
    assert client.query_more(name)["records"] == by_address["records"]
    assert len(by_address["records"]) == 300
    assert client.is_sandbox() is False


def test_files_go_up_and_come_down(client: Any, tmp_path: Path) -> None:
    account = client.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    text = base64.b64encode(b"first\0").decode()
    made = client.Attachment.create({"ParentId": account, "Name": "a.txt", "Body": text})["id"]
    assert client.Attachment.get_base64(made) == b"first\0"
    path = tmp_path / "b.txt"
    path.write_bytes(b"second")
    assert client.Attachment.update_base64(made, str(path)) == 204
    read = client.Attachment.get(made)
    assert (read["Body"], read["BodyLength"]) == (f"/services/data/v62.0/sobjects/Attachment/{made}/Body", 6)
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        client.Attachment.upload_base64(str(path))
    version = {"PathOnClient": "dir/c.pdf", "VersionData": text, "FirstPublishLocationId": account}
    first = client.ContentVersion.create(version)["id"]
    assert client.ContentVersion.get_base64(first, "VersionData") == b"first\0"
    shown = client.ContentVersion.get(first)
    assert (shown["Title"], shown["FileType"], shown["ContentSize"]) == ("c", "PDF", 6)
    document = shown["ContentDocumentId"]
    client.ContentVersion.create({**version, "ContentDocumentId": document, "FirstPublishLocationId": None})
    soql = f"SELECT VersionNumber, IsLatest FROM ContentVersion WHERE ContentDocumentId = '{document}'"
    versions = client.query(f"{soql} ORDER BY Id")["records"]
    assert [(row["VersionNumber"], row["IsLatest"]) for row in versions] == [("1", False), ("2", True)]
    soql = f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '{account}'"
    assert [row["ContentDocument"]["Title"] for row in client.query(soql)["records"]] == ["c"]
    with pytest.raises(SalesforceMalformedRequest, match="Implementation restriction"):
        client.query("SELECT Id FROM ContentDocumentLink")


def test_layouts_and_the_values_of_record_types_are_described(client: Any) -> None:
    described = client.Account.metadata()["objectDescribe"]
    infos = client.Account.describe()["recordTypeInfos"]
    assert described["name"] == "Account"
    layout = client.Account.describe_layout(infos[0]["recordTypeId"])
    assert layout["editLayoutSections"][0]["layoutRows"]
    mappings = client.restful("sobjects/Account/describe/layouts")["recordTypeMappings"]
    assert [mapping["name"] for mapping in mappings] == ["Big", "Small", "Master"]
    kind = infos[1]["recordTypeId"]
    values = client.restful(f"ui-api/object-info/Account/picklist-values/{kind}")["picklistFieldValues"]
    assert "Banking" in {value["value"] for value in values["Industry"]["values"]}
    with pytest.raises(SalesforceResourceNotFound):
        client.Account.describe_layout("012000000000009")


def test_relationships_are_followed_by_path(client: Any) -> None:
    contact = client.query("SELECT Id, AccountId FROM Contact LIMIT 1")["records"][0]
    account = client.restful(f"sobjects/Contact/{contact['Id']}/Account", params={"fields": "Name"})
    assert account["attributes"]["url"].endswith(contact["AccountId"])
    below = client.restful(f"sobjects/Account/{contact['AccountId']}/Contacts", params={"fields": "Id"})
    assert (below["totalSize"], len(below["records"])) == (460, 460)
    with pytest.raises(SalesforceResourceNotFound):
        client.restful(f"sobjects/Account/{contact['AccountId']}/Nothing")


def test_a_key_that_several_records_share_names_them_all(client: Any) -> None:
    for name in ("a", "b"):
        client.Account.create({"Name": name, "Shared__c": "twice"})
    with pytest.raises(SalesforceMoreThanOneRecord) as several:
        client.Account.upsert("Shared__c/twice", {"Name": "c"})
    assert len(several.value.content) == 2


def test_users_get_passwords_and_say_who_they_are(client: Any, double: SalesforceDouble) -> None:
    who = client.oauth2("userinfo")
    user = who["user_id"]
    assert who["preferred_username"] == double.sessions.username
    assert who["sub"].endswith(f"/id/{who['organization_id']}/{user}")
    old = double.sessions.password
    try:
        assert client.set_password(user, "another-One1") is None
        assert double.sessions.password == "another-One1"
        with pytest.raises(SalesforceMalformedRequest, match="INVALID_NEW_PASSWORD"):
            client.set_password(user, "short")
        assert client.restful(f"sobjects/User/{user}/password") == {"isExpired": False}
    finally:
        double.sessions.password = old


def test_what_an_org_without_programs_and_rights_refuses(
    client: Any, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(served.ca_file))  # zeep has a session of its own
    with pytest.raises(SalesforceResourceNotFound, match="Could not find a match for URL"):
        client.apexecute("nothing", method="POST", data={})
    with pytest.raises(SalesforceResourceNotFound):
        client.toolingexecute("executeAnonymous/?anonymousBody=1")
    with pytest.raises(SalesforceGeneralError, match="INSUFFICIENT_ACCESS") as refused:
        client.deploy(io.BytesIO(b"PK"), sandbox=True)
    assert refused.value.status == 500
    with pytest.raises(Exception, match="use of the Metadata API requires"):  # zeep's own kind
        client.mdapi.describe_metadata()


def test_bulk_2_reads_what_is_deleted_and_downloads_to_files(client: Any, tmp_path: Path) -> None:
    accounts = client.bulk2.Account
    (made,) = accounts.insert(records=[{"Name": "b2"}, {"Name": ""}], wait=0)
    assert (made["numberRecordsProcessed"], made["numberRecordsFailed"]) == (2, 1)
    records = accounts.get_all_ingest_records(made["job_id"])
    assert [len(records[kind]) for kind in ("successfulRecords", "failedRecords", "unprocessedRecords")] == [
        1,
        1,
        0,
    ]
    key = records["successfulRecords"][0]["sf__Id"]
    accounts.delete(records=[{"Id": key}], wait=0)
    (deleted,) = accounts.query_all("SELECT Id FROM Account WHERE IsDeleted = true", wait=0)
    assert key in deleted
    (other,) = accounts.insert(records=[{"Name": "gone for good"}], wait=0)
    gone = accounts.get_successful_records(other["job_id"]).splitlines()[1].split(",")[0].strip('"')
    accounts.hard_delete(records=[{"Id": gone}], wait=0)
    found = client.query_all(f"SELECT Id FROM Account WHERE Id = '{gone}'", include_deleted=True)
    assert found["records"] == []
    files = client.bulk2.Contact.download("SELECT Id FROM Contact", str(tmp_path), max_records=1000, wait=0)
    assert sum(result["number_of_records"] for result in files) == 2300


def test_a_session_given_by_hand_and_one_that_was_signed_out(
    client: Any, double: SalesforceDouble, served: Running
) -> None:
    token = double.sessions.open()
    session_id, instance = SalesforceLogin(
        session=client.session,
        username=double.sessions.username,
        password=double.sessions.password,
        security_token=double.sessions.security_token,
        domain="login",
    )
    assert session_id != token
    assert instance == urlsplit(served.url).netloc
    client.oauth2("revoke", {"token": client.session_id}, method="POST")
    with pytest.raises(SalesforceExpiredSession):
        client.limits()
