"""Full reads by query jobs of Bulk API 2.0."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse, Response

from crmhub.connector import Checkpoint, Condition, Native, Page, ReadRequest, Value
from crmhub.errors import ConnectorError, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

FIELDS = ("Name", "Phone", "AnnualRevenue", "NumberOfEmployees", "OwnerId", "CreatedDate", "Industry")
JOBS = "/jobs/query"


def by_jobs(org: Org, **settings: float) -> Connector:
    """A connection that reads by a job from 20 records on."""
    return org.connect(tokens=None, bulk_read_from=20, page_size=10, **settings)


async def read(
    connector: Connector, *fields: str, since: Checkpoint | None = None, filter: tuple[Condition, ...] = ()
) -> list[Page]:
    return [page async for page in connector.read(ReadRequest("Account", fields, since=since, filter=filter))]


async def keep(stream: AsyncGenerator[Page], pages: list[Page]) -> None:
    """Take pages until an error comes."""
    async for page in stream:
        pages.append(page)  # noqa: PERF401 - what came before the error is needed


def rows_of(pages: list[Page]) -> dict[str, Native]:
    return {str(row["Id"]): row for page in pages for row in page.upserts}


def events(org: Org, name: str) -> list[dict[str, object]]:
    return [dict(event.detail) for event in org.heard if event.name == name]


async def test_a_job_gives_exactly_what_queries_give(make_org: World) -> None:
    org = make_org(60)
    odd: dict[str, Value] = {
        "Name": ' "odd",\n=1+1 ',
        "Description": "line\r\nbreak, NA, null 😀 \\ 'x' ; #N/A",
        "AnnualRevenue": 1234567.25,
        "NumberOfEmployees": 7,
    }
    connector = by_jobs(org)
    await connector.request("POST", "/services/data/v62.0/sobjects/Account", json=odd)
    described = await connector.describe("Account")
    fields = [name for name, spec in described.fields.items() if spec.type not in {"address", "geo", "file"}]
    by_job = await read(connector, *fields)
    assert len(org.calls(JOBS)) > 2
    by_query = await read(org.connect(bulk_read_from=None), *fields)
    assert rows_of(by_job).keys() == org.truth("Account").keys()
    found = {key: json.dumps(row, default=repr) for key, row in rows_of(by_job).items()}
    assert found == {key: json.dumps(row, default=repr) for key, row in rows_of(by_query).items()}
    assert sum(len(page.upserts) for page in by_job) == 61


async def test_a_read_by_a_job_goes_on_with_the_changes(make_org: World) -> None:
    org = make_org(60)
    connector = by_jobs(org)
    pages = await read(connector, "Name")
    org.clock.advance(5)
    changed = sorted(org.truth("Account"))[3]
    await org.change([changed], Name="new")
    news = rows_of(await read(connector, "Name", since=pages[-1].checkpoint))
    assert news[changed]["Name"] == "new"


@pytest.mark.parametrize("page_rows", ["7", "250000"])
async def test_a_read_goes_on_at_every_page_of_the_job(make_org: World, page_rows: str) -> None:
    org = make_org(60, settings={"bulk_page_rows": page_rows})
    pages = await read(by_jobs(org), *FIELDS)
    assert len(events(org, "bulk_read.started")) == 1
    whole = rows_of(pages)
    assert len(whole) == 60
    for at, page in enumerate(pages[:-1]):
        assert page.checkpoint is not None
        since = json.loads(json.dumps(dict(page.checkpoint)))
        rest = await read(by_jobs(org), *FIELDS, since=since)
        assert rows_of(pages[: at + 1]) | rows_of(rest) == whole
        if "job" in since:
            assert not rows_of(pages[: at + 1]).keys() & rows_of(rest).keys()
            assert sum(len(page.upserts) for page in rest) == 60 - len(rows_of(pages[: at + 1]))


async def test_what_does_not_pay_is_left_to_queries(make_org: World) -> None:
    org = make_org(60)
    await read(org.connect(page_size=10, bulk_read_from=59), "Name")
    await read(org.connect(page_size=10, bulk_read_from=None), "Name")
    await read(org.connect(page_size=10, bulk_read_from=20), "Owner.Email", "BillingAddress")
    none = (Condition("Name", "eq", "nobody"),)
    await read(by_jobs(org), "Name", filter=none)
    assert org.calls(JOBS) == []


async def test_only_what_meets_the_conditions_is_read(make_org: World) -> None:
    org = make_org(60)
    names = sorted(str(value[1]) for value in org.truth("Account", "Name").values())
    later = (Condition("Name", "ge", names[5]),)
    found = rows_of(await read(by_jobs(org), "Name", filter=later))
    assert org.calls(JOBS)
    assert found == rows_of(await read(org.connect(), "Name", filter=later))


@pytest.mark.parametrize("code", [401, 400])
async def test_a_session_that_ends_in_the_middle_is_renewed_once_at_the_same_place(
    make_org: World, code: int
) -> None:
    org = make_org(60, settings={"bulk_page_rows": "20"})
    connector = by_jobs(org)
    seen: list[str] = []

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if not request.url.path.endswith("/results"):
            return None
        seen.append(request.url.query)
        if len(seen) != 2:
            return None
        if code == 401:
            org.double.expire_tokens()
            return None
        refusal = {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}
        return JSONResponse(refusal, 400)

    org.instead = instead
    before = len(org.forms)
    assert len(rows_of(await read(connector, "Name"))) == 60
    assert seen[1] == seen[2] != seen[0]
    assert len(org.forms) - max(before, 1) == 1
    assert not events(org, "bulk_read.given_up")


@pytest.mark.parametrize("trouble", ["failed", "refused", "gone", "short", "html", "loop"])
async def test_a_job_that_cannot_be_gone_on_with_is_left_to_queries_with_an_event(
    make_org: World, trouble: str
) -> None:
    faults = ("job_failure@/jobs/",) if trouble == "failed" else ()
    org = make_org(60, faults=faults, settings={"bulk_page_rows": "20"})
    first: list[str] = []

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        path, method = request.url.path, request.method
        if trouble == "refused" and path.endswith(JOBS):
            return JSONResponse([{"errorCode": "EXCEEDEDQUOTA", "message": "no"}], 400)
        if trouble == "gone" and JOBS in path and method == "GET":
            return JSONResponse([{"errorCode": "NOT_FOUND", "message": "no"}], 404)
        if not path.endswith("/results"):
            return None
        first.append(path)
        headers = {"Sforce-Locator": "AAA", "Sforce-NumberOfRecords": "2"}
        if trouble == "short":
            return Response('"Id","SystemModstamp","Name"\n', headers=headers, media_type="text/csv")
        if trouble == "html":
            return Response("<html>a gateway</html>", media_type="text/html")
        row = '"001Hs00000zzzzzIAA","2026-01-01T00:00:00.000Z","x"\n'
        if trouble == "loop":
            headers["Sforce-NumberOfRecords"] = "1"
            return Response('"Id","SystemModstamp","Name"\n' + row, headers=headers, media_type="text/csv")
        return None

    org.instead = instead
    found = rows_of(await read(by_jobs(org), "Name"))
    assert found.keys() >= org.truth("Account").keys()
    assert len(events(org, "bulk_read.given_up")) == 1


async def test_a_job_that_takes_too_long_is_aborted(make_org: World) -> None:
    org = make_org(60, settings={"bulk_seconds": "100000"})
    found = rows_of(await read(by_jobs(org, bulk_timeout=50), "Name"))
    assert len(found) == 60
    assert [call for call in org.calls(JOBS) if call.startswith("PATCH")]
    (given_up,) = events(org, "bulk_read.given_up")
    assert re.fullmatch(r"the query job 750\w{15} ended as Aborted", str(given_up["why"]))


async def test_a_job_of_seven_days_ago_is_begun_again(make_org: World) -> None:
    org = make_org(60)
    pages = await read(by_jobs(org), "Name")
    middle = next(page for page in pages if page.checkpoint and "job" in page.checkpoint)
    org.clock.advance(8 * 86_400)
    rest = rows_of(await read(by_jobs(org), "Name", since=middle.checkpoint))
    before = rows_of(pages[: pages.index(middle) + 1])
    assert (before | rest).keys() == org.truth("Account").keys()


async def test_other_errors_come_out_and_the_checkpoint_stays_good(make_org: World) -> None:
    org = make_org(60, settings={"bulk_page_rows": "20"})
    connector = by_jobs(org)
    calls: list[str] = []

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        if request.url.path.endswith("/results"):
            calls.append(request.url.path)
            if len(calls) == 2:
                return JSONResponse([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Total"}], 403)
        return None

    org.instead = instead
    pages: list[Page] = []
    stream = connector.read(ReadRequest("Account", ("Name",)))
    with pytest.raises(QuotaExceeded):
        await keep(stream, pages)
    rest = await read(by_jobs(org), "Name", since=pages[-1].checkpoint)
    assert sum(len(page.upserts) for page in [*pages, *rest]) == 60
    assert (rows_of(pages) | rows_of(rest)).keys() == org.truth("Account").keys()


@pytest.mark.parametrize("job", ["x", ["750000000000001AAA"], ["../x", None, 0], ["7", None, -1], [1, 2, 3]])
async def test_a_damaged_place_in_a_job_is_refused(make_org: World, job: Value) -> None:
    org = make_org(60)
    pages = await read(by_jobs(org), "Name")
    middle = next(page.checkpoint for page in pages if page.checkpoint and "job" in page.checkpoint)
    with pytest.raises(ConnectorError, match="cannot be used"):
        await read(by_jobs(org), "Name", since={**middle, "job": job})
