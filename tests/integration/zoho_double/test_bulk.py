"""Bulk read and bulk write: states, files, pages, per-row outcomes, refusals, credits."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.conftest import Make

pytestmark = pytest.mark.anyio
READ, WRITE = "/crm/bulk/v8/read", "/crm/bulk/v8/write"
ORG = {"feature": "bulk-write", "X-CRM-ORG": "60001234567"}


def query(module: str, **more: object) -> dict[str, Any]:
    return {"query": {"module": {"api_name": module}, **more}}


def table(content: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


def zipped(text: str, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names or ("rows.csv",):
            archive.writestr(name, text)
    return out.getvalue()


async def read_job(zoho: httpx.AsyncClient, double: ZohoDouble, body: dict[str, Any]) -> dict[str, Any]:
    added = await zoho.post(READ, json=body)
    assert added.status_code == 201, added.text
    double.clock.advance(1)
    return (await zoho.get(f"{READ}/{added.json()['data'][0]['details']['id']}")).json()["data"][0]


async def uploaded(zoho: httpx.AsyncClient, content: bytes) -> str:
    reply = await zoho.post("/crm/v8/upload", headers=ORG, files={"file": ("rows.zip", content)})
    assert reply.status_code == 200, reply.text
    assert reply.json()["code"] == "FILE_UPLOAD_SUCCESS"
    return reply.json()["details"]["file_id"]


def mapped(*names: str) -> list[dict[str, Any]]:
    return [{"api_name": name, "index": number} for number, name in enumerate(names)]


def resource(module: str, file_id: str, mappings: list[dict[str, Any]], **more: object) -> dict[str, Any]:
    named = {"type": "data", "module": {"api_name": module}, "file_id": file_id}
    return {**named, "field_mappings": mappings, **more}


async def write_job(
    zoho: httpx.AsyncClient, double: ZohoDouble, operation: str, one: dict[str, Any]
) -> dict[str, Any]:
    added = await zoho.post(WRITE, json={"operation": operation, "resource": [one]})
    assert added.status_code == 201, added.text
    double.clock.advance(1)
    return (await zoho.get(f"{WRITE}/{added.json()['details']['id']}")).json()


async def test_a_read_goes_through_its_states_as_time_passes(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=3, settings={"bulk_delay": "100"})
    callback = {"url": "https://example.com/done", "method": "post"}
    body = {**query("Contacts", fields=["Last_Name"]), "callback": callback, "file_type": "csv"}
    added = (await zoho.post(READ, json=body)).json()["data"][0]
    assert (added["code"], added["details"]["state"]) == ("ADDED_SUCCESSFULLY", "ADDED")
    url = f"{READ}/{added['details']['id']}"
    seen = [(await zoho.get(url)).json()["data"][0]["state"]]
    assert (await zoho.get(f"{url}/result")).json()["code"] == "RESOURCE_NOT_FOUND"
    for _ in range(4):
        double.clock.advance(25)
        seen.append((await zoho.get(url)).json()["data"][0]["state"])
    assert seen == ["ADDED", "QUEUED", "IN PROGRESS", "IN PROGRESS", "COMPLETED"]
    done = (await zoho.get(url)).json()["data"][0]
    assert done["result"] == {
        "page": 1,
        "count": 3,
        "per_page": 200_000,
        "more_records": False,
        "next_page_token": None,
        "download_url": f"{url}/result",
    }
    assert [sent["url"] for sent in double.org.outbox] == ["https://example.com/done"]


async def test_a_read_gives_the_truth_as_csv(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=30)
    job = await read_job(
        zoho, double, query("Deals", fields=["Deal_Name", "Amount", "Account_Name", "Owner"])
    )
    file = await zoho.get(job["result"]["download_url"])
    assert file.headers["content-type"] == "application/zip"
    assert file.headers["content-disposition"].startswith("attachment;filename=")
    header, *rows = table(file.content)
    assert header == ["id", "Deal_Name", "Amount", "Account_Name", "Owner"]
    truth = list(double.truth("Deals"))
    assert [row[0] for row in rows] == [deal["id"] for deal in truth]
    first: Any = truth[0]
    assert rows[0][1:] == [
        first["Deal_Name"],
        "" if first["Amount"] is None else str(first["Amount"]),
        first["Account_Name"]["id"] if first["Account_Name"] else "",
        first["Owner"]["id"],
    ]


async def test_a_read_costs_fifty_credits_to_start_and_one_for_each_other_call(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=2)
    before = double.limits.used
    job = await read_job(zoho, double, query("Accounts"))
    await zoho.get(job["result"]["download_url"])
    assert double.limits.used - before == 50 + 1 + 1


async def test_without_fields_a_read_has_them_all(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=2)
    job = await read_job(zoho, double, query("Accounts"))
    header = table((await zoho.get(job["result"]["download_url"])).content)[0]
    assert header == ["id", *double.org.modules["Accounts"].fields]


async def test_a_read_goes_on_by_page_and_by_token(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=25, settings={"bulk_page": "10"})
    first = await read_job(zoho, double, query("Contacts", fields=["Email"]))
    token = first["result"]["next_page_token"]
    assert first["result"]["more_records"] is True
    by_token = await read_job(zoho, double, query("Contacts", fields=["Email"], page_token=token))
    by_page = await read_job(zoho, double, query("Contacts", fields=["Email"], page=2))
    files = [(await zoho.get(job["result"]["download_url"])).content for job in (by_token, by_page)]
    assert table(files[0]) == table(files[1])
    assert by_token["query"]["page"] == 2
    last = await read_job(zoho, double, query("Contacts", fields=["Email"], page=3))
    assert (last["result"]["count"], last["result"]["more_records"]) == (5, False)
    other = await zoho.post(READ, json=query("Contacts", fields=["Phone"], page_token=token))
    assert other.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    double.clock.advance(86_400)
    late = await zoho.post(READ, json=query("Contacts", fields=["Email"], page_token=token))
    assert late.json()["code"] == "EXPIRED_VALUE"


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"field": {"api_name": "Amount"}, "comparator": "greater_than", "value": 50}, {"B", "C"}),
        ({"field": {"api_name": "Deal_Name"}, "comparator": "in", "value": ["A", "C"]}, {"A", "C"}),
        ({"field": {"api_name": "Deal_Name"}, "comparator": "starts_with", "value": "b"}, {"B"}),
        ({"field": {"api_name": "Next_Step"}, "comparator": "equal", "value": "${EMPTY}"}, {"A", "B"}),
        ({"field": {"api_name": "Amount"}, "comparator": "between", "value": ["10", "100"]}, {"A", "B"}),
    ],
)
async def test_a_read_keeps_to_its_criteria(
    zoho: httpx.AsyncClient, double: ZohoDouble, criteria: dict[str, Any], expected: set[str]
) -> None:
    deals = [("A", 10, None), ("B", 100, None), ("C", 1000, "call")]
    data = [{"Deal_Name": n, "Amount": a, "Stage": "Closed Won", "Next_Step": s} for n, a, s in deals]
    await zoho.post("/crm/v8/Deals", json={"data": data})
    always = {"field": {"api_name": "Stage"}, "comparator": "not_equal", "value": "Closed Lost"}
    grouped = {"group_operator": "and", "group": [criteria, always]}
    for one in (criteria, grouped):
        job = await read_job(zoho, double, query("Deals", fields=["Deal_Name"], criteria=one))
        rows = table((await zoho.get(job["result"]["download_url"])).content)[1:]
        assert {row[1] for row in rows} == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_REQUIRED_KEY"),
        (query("Nothing"), "MODULE_NOT_AVAILABLE"),
        (query("Leads", fields=["Nothing"]), "FIELD_NOT_AVAILABLE"),
        (query("Leads", fields=["x"] * 201), "LIMIT_EXCEEDED"),
        (query("Leads", page=501), "PAGE_RANGE_EXCEEDED"),
        (query("Leads", page=1, page_token="x"), "PAGE_NOT_SUPPORTED"),
        (query("Leads", page_token="x"), "INVALID_DATA"),
        (query("Leads", cvid="5"), "CVID_NOT_SUPPORTED"),
        (query("Leads", criteria={}), "INVALID_CRITERIA"),
        (
            query("Leads", criteria={"field": {"api_name": "X"}, "comparator": "equal", "value": "1"}),
            "FIELD_IN_CRITERIA_NOT_AVAILABLE",
        ),
        (
            query("Leads", criteria={"field": {"api_name": "Email"}, "comparator": "near", "value": "1"}),
            "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
        ),
        (
            query(
                "Leads", criteria={"field": {"api_name": "Email"}, "comparator": "less_than", "value": "1"}
            ),
            "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            query(
                "Leads",
                criteria={"field": {"api_name": "Annual_Revenue"}, "comparator": "equal", "value": "x"},
            ),
            "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (query("Leads", criteria={"group_operator": "xor", "group": []}), "GROUP_OPERATOR_NOT_SUPPORTED"),
        ({**query("Leads"), "file_type": "ics"}, "MODULE_NOT_SUPPORTED"),
        ({**query("Leads"), "callback": {"url": "nowhere", "method": "post"}}, "INVALID_CALLBACK_URL"),
        (
            {**query("Leads"), "callback": {"url": "https://example.com", "method": "get"}},
            "INVALID_CALLBACK_METHOD",
        ),
    ],
)
async def test_reads_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    reply = await zoho.post(READ, json=body)
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert set(reply.json()) == {"code", "details", "message", "status"}


async def test_more_than_25_conditions_are_too_many(zoho: httpx.AsyncClient) -> None:
    one = {"field": {"api_name": "Email"}, "comparator": "equal", "value": "x"}
    body = query("Leads", criteria={"group_operator": "or", "group": [one] * 26})
    assert (await zoho.post(READ, json=body)).json()["code"] == "CRITERIA_LIMIT_EXCEEDED"


async def test_a_read_wants_its_content_type_and_its_scope(make_zoho: Make) -> None:
    double, zoho = make_zoho()
    plain = await zoho.post(READ, content=b'{"query": {"module": {"api_name": "Leads"}}}')
    assert (plain.status_code, plain.json()["code"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")
    token = double.accounts.book.issue("narrow", "t", frozenset({"ZohoCRM.bulk.ALL"}), 3600).value
    header = {"Authorization": f"Zoho-oauthtoken {token}"}
    reply = await zoho.post(READ, json=query("Leads"), headers=header)
    assert (reply.status_code, reply.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


async def test_eleven_downloads_a_minute_are_too_many(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=1)
    job = await read_job(zoho, double, query("Leads", fields=["Email"]))
    url = job["result"]["download_url"]
    statuses = [(await zoho.get(url)).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    double.clock.advance(61)
    assert (await zoho.get(url)).status_code == 200


async def test_a_job_may_end_in_failure(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=1, faults=("job_failure@/read:1x",))
    job = await read_job(zoho, double, query("Leads", fields=["Email"]))
    assert job["state"] == "FAILURE"
    assert "result" not in job
    assert (await zoho.get(f"{READ}/{job['id']}/result")).status_code == 404
    assert (await zoho.get(f"{READ}/1")).json()["code"] == "RESOURCE_NOT_FOUND"


async def test_meetings_can_be_read_as_a_calendar(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=4)
    job = await read_job(zoho, double, {**query("Events"), "file_type": "ics"})
    content = (await zoho.get(job["result"]["download_url"])).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    assert text.count("BEGIN:VEVENT") == len(list(double.truth("Events")))


async def test_a_write_tells_what_became_of_each_row(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    text = "Name,Mail,Born,Phone\nOkafor,a@example.com,1990-02-01,1\n,b@example.com,,2\nLee,no mail,x,3\n"
    file_id = await uploaded(zoho, zipped(text))
    one = resource("Contacts", file_id, mapped("Last_Name", "Email", "Date_of_Birth", "Phone"))
    job = await write_job(zoho, double, "insert", one)
    assert (job["status"], job["operation"]) == ("COMPLETED", "insert")
    assert job["resource"][0]["file"] == {
        "status": "COMPLETED",
        "name": "rows.csv",
        "total_count": 3,
        "added_count": 1,
        "skipped_count": 2,
        "updated_count": 0,
    }
    header, *rows = table((await zoho.get(job["result"]["download_url"])).content)
    assert header == ["Name", "Mail", "Born", "STATUS", "RECORD_ID", "ERRORS"]
    (contact,) = double.truth("Contacts")
    assert rows[0] == ["Okafor", "a@example.com", "1990-02-01", "ADDED", contact["id"], ""]
    assert rows[1][3:] == ["SKIPPED", "", "MANDATORY_NOT_FOUND-Name"]
    assert rows[2][3:] == ["SKIPPED", "", "INVALID_DATA-Mail:INVALID_DATA-Born"]


async def test_a_write_is_not_seen_before_it_is_done(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    file_id = await uploaded(zoho, zipped("Last_Name\nA\n"))
    body = {"operation": "insert", "resource": [resource("Leads", file_id, [])]}
    added = (await zoho.post(WRITE, json=body)).json()["details"]
    assert (await zoho.get(f"{WRITE}/{added['id']}")).json()["status"] == "ADDED"
    assert list(double.truth("Leads")) == []
    double.clock.advance(1)
    assert [lead["Last_Name"] for lead in double.truth("Leads")] == ["A"]


async def test_a_write_updates_by_id_and_upserts_by_a_unique_field(
    zoho: httpx.AsyncClient, double: ZohoDouble
) -> None:
    made = await zoho.post(
        "/crm/v8/Contacts", json={"data": [{"Last_Name": "A", "Email": "a@example.com", "Phone": "1"}]}
    )
    known = made.json()["data"][0]["details"]["id"]
    file_id = await uploaded(zoho, zipped(f"id,Phone\n{known},2\n5,3\n"))
    one = resource("Contacts", file_id, mapped("id", "Phone"), find_by="id")
    job = await write_job(zoho, double, "update", one)
    rows = table((await zoho.get(job["result"]["download_url"])).content)[1:]
    assert [row[2:] for row in rows] == [["UPDATED", known, ""], ["SKIPPED", "", "RESOURCE_NOT_FOUND-id"]]
    file_id = await uploaded(zoho, zipped("Email;Last_Name;Phone\na@example.com;B;\nn@example.com;N;9\n"))
    one = resource("Contacts", file_id, mapped("Email", "Last_Name", "Phone"), find_by="Email")
    job = await write_job(zoho, double, "upsert", {**one, "ignore_empty": True})
    file = job["resource"][0]["file"]
    assert (file["added_count"], file["updated_count"]) == (1, 1)
    contact = next(row for row in double.truth("Contacts") if row["id"] == known)
    assert (contact["Last_Name"], contact["Phone"]) == ("B", "2")
    await write_job(zoho, double, "upsert", {**one, "ignore_empty": False})
    contact = next(row for row in double.truth("Contacts") if row["id"] == known)
    assert contact["Phone"] is None


async def test_a_write_reads_every_kind_of_value(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    made = await zoho.post("/crm/v8/Accounts", json={"data": [{"Account_Name": "Acme"}]})
    account = made.json()["data"][0]["details"]["id"]
    owner = next(user for user in double.org.users.values() if user.active)
    text = f"n,s,a,c,acc,own,x\nD,Closed Won,12.50,31/12/2026,Acme,{owner.email},\n"
    file_id = await uploaded(zoho, zipped(text))
    mappings = mapped("Deal_Name", "Stage", "Amount", "Closing_Date", "Account_Name", "Owner", "Next_Step")
    mappings[3]["format"] = "dd/MM/yyyy"
    mappings[4]["find_by"] = "Account_Name"
    mappings[6]["default_value"] = {"value": "call"}
    job = await write_job(zoho, double, "insert", resource("Deals", file_id, mappings))
    assert job["resource"][0]["file"]["added_count"] == 1
    deal: Any = next(double.truth("Deals"))
    assert (str(deal["Amount"]), deal["Closing_Date"]) == ("12.50", "2026-12-31")
    assert (deal["Account_Name"]["id"], deal["Owner"]["id"]) == (account, owner.id)
    assert deal["Next_Step"] == "call"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": None}, "MISSING_REQUIRED_KEY"),
        ({"operation": "replace"}, "INVALID_DATA"),
        ({"operation": "update"}, "MANDATORY_NOT_FOUND"),
        ({"resource": []}, "MISSING_REQUIRED_KEY"),
        ({"module": {"api_name": "Notes"}}, "MODULE_NOT_AVAILABLE"),
        ({"file_id": "5"}, "INVALID_FILE_ID"),
        ({"field_mappings": mapped("Nothing")}, "INVALID_FIELD_NAME"),
        ({"field_mappings": [{"api_name": "Last_Name"}]}, "MISSING_REQUIRED_KEY"),
        ({"field_mappings": [{"api_name": "Last_Name", "index": 9}]}, "COLUMN_INDEX_NOT_FOUND"),
        ({"field_mappings": [{"api_name": "Phone", "index": 0}]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ({"operation": "upsert", "find_by": "Phone"}, "INVALID_FIELD"),
        ({"callback": {"url": "x", "method": "post"}}, "INVALID_CALLBACK_URL"),
    ],
)
async def test_writes_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, change: dict[str, Any], code: str
) -> None:
    file_id = await uploaded(zoho, zipped("Last_Name\nA\n"))
    outer = {key: value for key, value in change.items() if key in {"operation", "resource", "callback"}}
    inner = {key: value for key, value in change.items() if key not in outer}
    one = resource("Leads", file_id, mapped("Last_Name")) | inner
    reply = await zoho.post(WRITE, json={"operation": "insert", "resource": [one]} | outer)
    assert (reply.status_code, reply.json()["code"]) == (400, code)


async def test_files_that_cannot_be_written_are_refused(zoho: httpx.AsyncClient) -> None:
    async def code(content: bytes) -> str:
        body = {"operation": "insert", "resource": [resource("Leads", await uploaded(zoho, content), [])]}
        return (await zoho.post(WRITE, json=body)).json()["code"]

    assert await code(zipped("Last_Name\nA\n", "a.csv", "b.csv")) == "FILE_NOT_SUPPORTED"
    assert await code(zipped("Last_Name\nA\n", "a.txt")) == "FILE_NOT_SUPPORTED"
    assert await code(zipped("")) == "INVALID_FORMAT"
    assert await code(zipped("Last_Name\n" + "A\n" * 25_001)) == "LIMIT_EXCEEDED"
    assert await code(zipped(",".join("x" for _ in range(201)))) == "HEADER_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"X-CRM-ORG": "60001234567"}, zipped("a"), 400, "MANDATORY_NOT_FOUND"),
        ({"feature": "bulk-write"}, zipped("a"), 400, "MANDATORY_NOT_FOUND"),
        ({**ORG, "feature": "other"}, zipped("a"), 400, "NOT_SUPPORTED_FEATURE"),
        ({**ORG, "X-CRM-ORG": "1"}, zipped("a"), 400, "INVALID_DATA"),
        (ORG, b"Last_Name\nA\n", 400, "INVALID_FILE_FORMAT"),
        (ORG, b"x" * (25 * 1024 * 1024 + 1), 413, "FILE_TOO_LARGE"),
    ],
)
async def test_uploads_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    reply = await zoho.post("/crm/v8/upload", headers=headers, files={"file": ("a.zip", content)})
    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_a_write_costs_500_credits(make_zoho: Make) -> None:
    double, zoho = make_zoho()
    file_id = await uploaded(zoho, zipped("Last_Name\nA\n"))
    before = double.limits.used
    await write_job(zoho, double, "insert", resource("Leads", file_id, []))
    assert double.limits.used - before == 501


async def test_a_failed_write_writes_nothing(make_zoho: Make) -> None:
    double, zoho = make_zoho(faults=("job_failure@/write:1x",))
    file_id = await uploaded(zoho, zipped("Last_Name\nA\n"))
    job = await write_job(zoho, double, "insert", resource("Leads", file_id, []))
    assert (job["status"], job["resource"][0]["file"]["added_count"]) == ("FAILED", 0)
    assert list(double.truth("Leads")) == []
