"""Bulk API 2.0 of the Salesforce double, under simple-salesforce and by plain calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import SFBulk2Type
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceOperationError

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import Running, running
from crmhub_salesforce.simulator import SalesforceDouble, create
from tests.integration.salesforce_double.conftest import Client, MakeClient

# simple-salesforce says little about the types of its replies.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

LONG = "Long__c"
LONGEST = 131_072
ODD = (
    "two\nlines",
    'a "quoted" word, and a comma',
    "=1+1",
    "NA",
    "null",
    "😀 naïve Ünïcode",
    "tab\tand 'single'",
    "+491234",
)


class ToDouble(HTTPAdapter):
    """Sends what is meant for Salesforce to the double."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def send(self, request: requests.PreparedRequest, *args: object, **more: object) -> requests.Response:
        parts = urlsplit(str(request.url))
        if parts.hostname and parts.hostname.endswith("salesforce.com"):
            request.url = parts._replace(netloc=self._host).geturl()
        return super().send(request, *args, **more)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> SalesforceDouble:
    schema = tmp_path_factory.mktemp("schema") / "schema.yaml"
    schema.write_text(f"Account:\n  - {{name: {LONG}, type: longtext, length: {LONGEST}}}\n")
    return create(Options(rows={"Account": 25, "Contact": 2300}, schema=schema))


@pytest.fixture(scope="module")
def served(double: SalesforceDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(double, tls_dir=tmp_path_factory.mktemp("tls")) as state:
        yield state


@pytest.fixture
def client(double: SalesforceDouble, served: Running) -> Iterator[Salesforce]:
    host = urlsplit(served.url).netloc
    with requests.Session() as session:
        session.trust_env = False  # CA bundles named by the environment would win over ours
        session.verify = str(served.ca_file)
        session.mount("https://", ToDouble(host))
        yield Salesforce(instance=host, session_id=double.sessions.open(), session=session, version="62.0")


def _bulk(client: Salesforce, name: str) -> SFBulk2Type:
    return cast("SFBulk2Type", getattr(client.bulk2, name))


def _accounts(client: Salesforce) -> SFBulk2Type:
    return _bulk(client, "Account")


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_it_queries_in_pages(client: Salesforce) -> None:
    handler = _bulk(client, "Contact")
    pages = list(handler.query("SELECT Id, Name, Account.Name FROM Contact", max_records=1000, wait=0))
    rows = [row for page in pages for row in _rows(cast("str", page))]
    assert [len(_rows(cast("str", page))) for page in pages] == [1000, 1000, 300]
    assert len({row["Id"] for row in rows}) == 2300
    assert set(rows[0]) == {"Id", "Name", "Account.Name"}
    assert all(row["Account.Name"] for row in rows)


def test_it_inserts_what_is_hard_to_write_as_csv_and_reads_it_back(client: Salesforce) -> None:
    records = [{"Name": f"odd {at}", "Description": text} for at, text in enumerate(ODD)]
    (made,) = _accounts(client).insert(records=records, wait=0)
    assert (made["numberRecordsProcessed"], made["numberRecordsFailed"]) == (len(ODD), 0)
    successful = _rows(_accounts(client).get_successful_records(cast("str", made["job_id"])))
    assert {row["sf__Created"] for row in successful} == {"true"}
    assert len({row["sf__Id"] for row in successful}) == len(ODD)
    soql = "SELECT Name, Description FROM Account WHERE Name LIKE 'odd %'"
    (text,) = _accounts(client).query(soql, wait=0)
    by_bulk = {row["Name"]: row["Description"] for row in _rows(cast("str", text))}
    assert by_bulk == {record["Name"]: record["Description"] for record in records}
    by_rest = {row["Name"]: row["Description"] for row in client.query_all_iter(soql)}
    assert by_rest == by_bulk


def test_the_longest_texts_are_read_whole_and_are_too_long_to_be_sent(client: Salesforce) -> None:
    text = "x" * (LONGEST - 1) + "é"
    client.restful("sobjects/Account", method="POST", json={"Name": "long", LONG: text})
    (read,) = _accounts(client).query(f"SELECT {LONG} FROM Account WHERE Name = 'long'", wait=0)
    assert _rows(cast("str", read)) == [{LONG: text}]
    with pytest.raises(SalesforceOperationError, match="longer than 32000"):
        _accounts(client).insert(records=[{"Name": "x", LONG: text}], wait=0)


def test_it_updates_upserts_and_deletes(client: Salesforce, double: SalesforceDouble) -> None:
    accounts = _accounts(client)
    records = [{"External_Id__c": f"k{at}", "Name": f"one {at}", "Phone": "1"} for at in range(3)]
    (made,) = accounts.upsert(records=records, external_id_field="External_Id__c", wait=0)
    created = _rows(accounts.get_successful_records(cast("str", made["job_id"])))
    ids = {row["External_Id__c"]: row["sf__Id"] for row in created}
    (again,) = accounts.upsert(
        records=[{"External_Id__c": "k0", "Name": "new"}, {"External_Id__c": "k9", "Phone": "2"}],
        external_id_field="External_Id__c",
        wait=0,
    )
    assert again["numberRecordsFailed"] == 1
    (kept,) = _rows(accounts.get_successful_records(cast("str", again["job_id"])))
    assert (kept["sf__Id"], kept["sf__Created"]) == (ids["k0"], "false")
    (failed,) = _rows(accounts.get_failed_records(cast("str", again["job_id"])))
    assert failed["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    accounts.update(records=[{"Id": ids["k0"], "Name": "", "Phone": "#N/A"}], wait=0)
    row = double.org.live(ids["k0"]) or {}
    assert (row["Name"], row.get("Phone")) == ("new", None)
    accounts.delete(records=[{"Id": ids["k1"]}], wait=0)
    accounts.hard_delete(records=[{"Id": ids["k2"]}], wait=0)
    assert [double.org.live(ids[key]) is None for key in ("k0", "k1", "k2")] == [False, True, True]
    assert [double.org.in_bin(ids[key]) for key in ("k1", "k2")] == [True, False]


def test_a_relationship_is_named_by_external_id(client: Salesforce, double: SalesforceDouble) -> None:
    client.restful("sobjects/Account", method="POST", json={"Name": "parent", "External_Id__c": "par"})
    contacts = _bulk(client, "Contact")
    (made,) = contacts.insert(records=[{"LastName": "x", "Account.External_Id__c": "par"}], wait=0)
    (row,) = _rows(contacts.get_successful_records(cast("str", made["job_id"])))
    contact = double.org.live(row["sf__Id"]) or {}
    assert (double.org.live(str(contact["AccountId"])) or {})["Name"] == "parent"


def test_a_session_that_ended_is_told(client: Salesforce, double: SalesforceDouble) -> None:
    double.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        list(_accounts(client).query("SELECT Id FROM Account", wait=0))


# ── by plain calls ───────────────────────────────────────────────────────────────────────────────


async def _made(client: Client, kind: str, **body: object) -> str:
    reply = await client.call("POST", f"/jobs/{kind}", body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


async def _state(client: Client, kind: str, job: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", (await client.call("GET", f"/jobs/{kind}/{job}")).json())


async def _sent(client: Client, job: str, text: str) -> int:
    reply = await client.http.put(
        f"/services/data/v62.0/jobs/ingest/{job}/batches",
        content=text.encode(),
        headers={"content-type": "text/csv"},
    )
    if reply.status_code == 201:
        await client.call("PATCH", f"/jobs/ingest/{job}", {"state": "UploadComplete"})
    return reply.status_code


@pytest.mark.anyio
async def test_a_job_takes_its_time_by_the_orgs_clock(make_client: MakeClient) -> None:
    client = make_client({"Account": 5}, settings={"bulk_seconds": "100"})
    job = await _made(client, "query", operation="query", query="SELECT Id FROM Account")
    assert (await _state(client, "query", job))["state"] == "UploadComplete"
    assert (await client.refused("GET", f"/jobs/query/{job}/results"))[1] == "INVALIDJOBSTATE"
    client.double.clock.advance(50)
    assert (await _state(client, "query", job))["state"] == "InProgress"
    client.double.clock.advance(50)
    told = await _state(client, "query", job)
    assert (told["state"], told["numberRecordsProcessed"], told["jobType"]) == ("JobComplete", 5, "V2Query")


@pytest.mark.anyio
async def test_locators_are_stable_and_belong_to_a_version(make_client: MakeClient) -> None:
    client = make_client({"Account": 5})
    job = await _made(client, "query", operation="query", query="SELECT Id FROM Account")
    first = await client.call("GET", f"/jobs/query/{job}/results", params={"maxRecords": "3"})
    assert (first.headers["sforce-numberofrecords"], first.headers["content-type"]) == ("3", "text/csv")
    await client.make("Account", Name="later")
    params = {"maxRecords": "3", "locator": first.headers["sforce-locator"]}
    rest = [(await client.call("GET", f"/jobs/query/{job}/results", params=params)) for _ in range(2)]
    assert rest[0].text == rest[1].text
    assert rest[0].headers["sforce-locator"] == "null"
    assert [len(_rows(reply.text)) for reply in (first, rest[0])] == [3, 2]
    assert (await client.call("GET", f"/services/data/v61.0/jobs/query/{job}/results")).status_code == 409
    junk = await client.refused("GET", f"/jobs/query/{job}/results", params={"locator": "junk"})
    assert junk[:2] == (400, "INVALID_QUERY_LOCATOR")
    assert (await client.call("DELETE", f"/jobs/query/{job}")).status_code == 204
    assert (await client.call("GET", f"/jobs/query/{job}")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    "soql",
    [
        "SELECT BillingAddress FROM Account",
        "SELECT COUNT() FROM Account",
        "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT Id FROM Account OFFSET 5",
    ],
)
async def test_what_query_jobs_cannot_do_is_refused(empty: Client, soql: str) -> None:
    status, code, _, _ = await empty.refused("POST", "/jobs/query", {"operation": "query", "query": soql})
    assert (status, code) == (400, "API_ERROR")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"operation": "insert"}, "INVALIDENTITY"),
        ({"operation": "upsert", "object": "Account"}, "INVALIDJOB"),
    ],
)
async def test_a_job_that_leaves_something_out_is_told_so_in_the_services_words(
    empty: Client, given: dict[str, str], code: str
) -> None:
    refusal = await empty.refused("POST", "/jobs/ingest", given)
    assert refusal[:2] == (400, code)
    assert "null" in refusal[2]
    assert "None" not in refusal[2]


@pytest.mark.anyio
async def test_ingest_works_by_transactions_and_an_aborted_job_keeps_what_is_done(
    make_client: MakeClient,
) -> None:
    client = make_client(settings={"bulk_seconds": "100"})
    job = await _made(client, "ingest", object="Account", operation="insert", lineEnding="LF")
    assert await _sent(client, job, "Name\n" + "".join(f"a{at}\n" for at in range(1000))) == 201
    client.double.clock.advance(50)
    told = await _state(client, "ingest", job)
    assert (told["state"], told["numberRecordsProcessed"]) == ("InProgress", 400)
    await client.call("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"})
    client.double.clock.advance(500)
    assert (await client.query("SELECT COUNT() FROM Account"))["totalSize"] == 400
    left = await client.call("GET", f"/jobs/ingest/{job}/unprocessedRecords")
    assert len(_rows(left.text)) == 600
    refused = await client.refused("PATCH", f"/jobs/ingest/{job}", {"state": "Aborted"})
    assert refused[1:3] == ("INVALIDJOBSTATE", "Aborting already Aborted Job not allowed")


@pytest.mark.anyio
async def test_a_job_can_fail_half_way(make_client: MakeClient) -> None:
    client = make_client(faults=("job_failure@/jobs/",))
    job = await _made(client, "ingest", object="Account", operation="insert")
    await _sent(client, job, "Name\n" + "".join(f"a{at}\n" for at in range(10)))
    told = await _state(client, "ingest", job)
    assert (told["state"], told["numberRecordsProcessed"]) == ("Failed", 5)
    done = await client.call("GET", f"/jobs/ingest/{job}/successfulResults")
    left = await client.call("GET", f"/jobs/ingest/{job}/unprocessedrecords")
    assert (len(_rows(done.text)), len(_rows(left.text))) == (5, 5)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Nope\nx\n", "InvalidBatch : Field name not found : Nope"),
        ("Name\r\nx\r\n", "ClientInputError : LineEnding is invalid on user data"),
        ("Name,Phone\nx\n", "InvalidBatch : A row has another number of columns"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_the_job(empty: Client, text: str, said: str) -> None:
    job = await _made(empty, "ingest", object="Account", operation="insert")
    assert await _sent(empty, job, text) == 201
    told = await _state(empty, "ingest", job)
    assert told["state"] == "Failed"
    assert str(told["errorMessage"]).startswith(said)


@pytest.mark.anyio
async def test_a_small_job_comes_in_two_parts_of_one_request(empty: Client) -> None:
    form = (
        '--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name="job"\r\n\r\n'
        '{"object": "Account", "operation": "insert", "columnDelimiter": "PIPE"}\r\n'
        '--B\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n\r\n'
        "Name|Phone\nx|1\n\r\n--B--\r\n"
    )
    reply = await empty.http.post(
        "/services/data/v62.0/jobs/ingest",
        content=form.encode(),
        headers={"content-type": 'multipart/form-data; boundary="B"'},
    )
    assert (reply.status_code, reply.json()["state"]) == (200, "UploadComplete")
    assert (await _state(empty, "ingest", reply.json()["id"]))["state"] == "JobComplete"
    (row,) = await empty.records("SELECT Name, Phone FROM Account")
    assert (row["Name"], row["Phone"]) == ("x", "1")


@pytest.mark.anyio
async def test_jobs_are_listed_and_counted(make_client: MakeClient) -> None:
    client = make_client(settings={"daily_bulk_query_jobs": "1"})
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    job = await _made(client, "query", **body)
    assert (await client.refused("POST", "/jobs/query", body))[1] == "EXCEEDEDQUOTA"
    listed = (await client.call("GET", "/jobs/query")).json()
    assert [one["id"] for one in listed["records"]] == [job]
    client.double.clock.advance(8 * 86_400)
    token = client.double.sessions.open()
    client.http.headers["Authorization"] = f"Bearer {token}"
    assert (await client.call("GET", f"/jobs/query/{job}")).status_code == 404
