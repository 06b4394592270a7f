"""Bulk API 1.0 of the Salesforce double, under simple-salesforce and by plain calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import Running, running
from crmhub_salesforce.simulator import SalesforceDouble, create
from tests.integration.salesforce_double.clients import signed_in
from tests.integration.salesforce_double.conftest import Client, MakeClient

# simple-salesforce says little about the types of its replies.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def double() -> SalesforceDouble:
    return create(Options(rows={"Account": 25, "Contact": 40}))


@pytest.fixture(scope="module")
def served(double: SalesforceDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(double, tls_dir=tmp_path_factory.mktemp("tls")) as state:
        yield state


@pytest.fixture
def client(double: SalesforceDouble, served: Running) -> Iterator[Salesforce]:
    with signed_in(double, served) as client:
        yield client


def _bulk(client: Salesforce, name: str) -> Any:  # its types know neither statements nor replies
    return getattr(client.bulk, name)


def test_it_writes_in_batches_and_hears_of_each_record(client: Salesforce) -> None:
    accounts = _bulk(client, "Account")
    rows = [{"Name": f"v1 {n}", "External_Id__c": f"v1-{n}"} for n in range(5)]
    made = cast("Rows", accounts.insert(rows, batch_size=2))
    assert [(row["success"], row["created"]) for row in made] == [(True, True)] * 5
    ids = [str(row["id"]) for row in made]
    changed = cast("Rows", accounts.update([{"Id": ids[0], "Phone": "1"}, {"Id": ids[1], "Name": None}]))
    assert [row["success"] for row in changed] == [True, False]
    (error,) = cast("Rows", changed[1]["errors"])
    assert (error["statusCode"], error["fields"]) == ("REQUIRED_FIELD_MISSING", ["Name"])
    keyed = [{"External_Id__c": "v1-0", "Name": "again"}, {"External_Id__c": "v1-9", "Name": "new"}]
    upserted = cast("Rows", accounts.upsert(keyed, "External_Id__c", batch_size="auto"))
    assert [(row["success"], row["created"]) for row in upserted] == [(True, False), (True, True)]
    detailed = cast("Rows", accounts.insert([{"Name": "told"}], include_detailed_results=True))
    assert (detailed[0]["Name"], detailed[0]["success"]) == ("told", True)
    contacts = [{"LastName": "x", "Account": {"External_Id__c": "v1-9"}}]
    (child,) = cast("Rows", cast("Any", client.bulk).submit_dml("Contact", "insert", contacts))
    assert child["success"]
    assert all(row["success"] for row in cast("Rows", accounts.delete([{"Id": id_} for id_ in ids[:2]])))
    assert all(row["success"] for row in cast("Rows", accounts.hard_delete([{"Id": ids[2]}])))
    gone = client.query_all("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True)["records"]
    assert {row["Id"] for row in gone} >= set(ids[:2])
    assert ids[2] not in {row["Id"] for row in gone}


def test_it_reads_with_dates_in_milliseconds(client: Salesforce) -> None:
    contacts = _bulk(client, "Contact")
    rows = cast(
        "Rows", contacts.query("SELECT Id, Account.Name, CreatedDate FROM Contact WHERE Email != null")
    )
    assert len(rows) == 40
    assert cast("dict[str, object]", rows[0]["Account"])["Name"]
    assert rows[0]["CreatedDate"] == 1_704_067_200_000
    (page,) = contacts.query_all("SELECT Id FROM Contact LIMIT 3", lazy_operation=True)
    assert len(page) == 3


def test_a_query_that_fails_and_an_object_that_is_not_there_are_told(client: Salesforce) -> None:
    with pytest.raises(SalesforceGeneralError, match="No such column"):
        _bulk(client, "Account").query("SELECT Nope FROM Account")
    with pytest.raises(SalesforceMalformedRequest) as refused:
        _bulk(client, "Nope").query("SELECT Id FROM Nope")
    assert cast("Any", refused.value.content)["exceptionCode"] == "InvalidEntity"


def test_a_session_that_has_ended_is_a_bad_request(client: Salesforce, double: SalesforceDouble) -> None:
    double.expire_tokens()
    with pytest.raises(SalesforceMalformedRequest) as refused:
        _bulk(client, "Account").query("SELECT Id FROM Account")
    assert refused.value.status == 400
    assert refused.value.content == {
        "exceptionCode": "InvalidSessionId",
        "exceptionMessage": "Invalid session id",
    }


JOB = (
    '<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
    "<operation>{}</operation><object>Account</object><contentType>CSV</contentType></jobInfo>"
)


async def _post(client: Client, path: str, body: str, kind: str = "application/xml") -> str:
    token = client.double.credentials["access_token"]
    headers = {"Content-Type": kind, "X-SFDC-Session": token}
    reply = await client.http.post(f"/services/async/62.0/{path}", content=body, headers=headers)
    assert reply.status_code in {200, 201}, reply.text
    return reply.text


def _said(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


@pytest.mark.anyio
async def test_jobs_of_csv_are_told_in_xml(empty: Client) -> None:
    job = _said(await _post(empty, "job", JOB.format("insert")), "id")
    batch = _said(
        await _post(empty, f"job/{job}/batch", 'Name,Phone\n"a",1\n,2\n', "text/csv; charset=UTF-8"), "id"
    )
    closed = await _post(
        empty, f"job/{job}", JOB.replace("<operation>{}</operation>", "<state>Closed</state>")
    )
    assert _said(closed, "numberRecordsFailed") == "1"
    below = f"/services/async/62.0/job/{job}/batch/{batch}"
    assert _said((await empty.call("GET", below)).text, "state") == "Completed"
    result = await empty.call("GET", f"{below}/result")
    assert result.headers["content-type"] == "text/csv"
    lines = result.text.splitlines()
    assert lines[0] == '"Id","Success","Created","Error"'
    assert '"REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"' in lines[2]
    asked = _said(await _post(empty, "job", JOB.format("query")), "id")
    batch = _said(await _post(empty, f"job/{asked}/batch", "SELECT Name FROM Account", "text/csv"), "id")
    below = f"/services/async/62.0/job/{asked}/batch/{batch}/result"
    found = _said((await empty.call("GET", below)).text, "result")
    assert (await empty.call("GET", f"{below}/{found}")).text == '"Name"\n"a"\n'


@pytest.mark.anyio
async def test_a_batch_takes_its_time_and_an_aborted_job_leaves_it(make_client: MakeClient) -> None:
    client = make_client(settings={"bulk_seconds": "60"})
    job = _said(await _post(client, "job", JOB.format("insert")), "id")
    first = _said(await _post(client, f"job/{job}/batch", "Name\na\n", "text/csv"), "id")
    client.double.clock.advance(61)
    second = _said(await _post(client, f"job/{job}/batch", "Name\nb\n", "text/csv"), "id")
    await _post(client, f"job/{job}", "<jobInfo><state>Aborted</state></jobInfo>")
    states = [
        _said((await client.call("GET", f"/services/async/62.0/job/{job}/batch/{one}")).text, "state")
        for one in (first, second)
    ]
    assert states == ["Completed", "NotProcessed"]
