"""Bulk jobs of servers that are not as they should be: files written otherwise, jobs that tell too little."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import pytest
from starlette.responses import JSONResponse, Response

from crmhub.connector import Value, WriteItem
from tests.integration.salesforce.other_server import (
    BASE,
    DATA,
    Serve,
    id_of,
    is_query,
    paged,
    read,
    record,
    sent,
    wrote,
)

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

JOB = id_of(1, "750")
ENDED: Mapping[str, Value] = {"state": "JobComplete", "numberRecordsProcessed": 3}
Rows = list[dict[str, str]]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def table(rows: Sequence[Mapping[str, str]], ends: str = "\n") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=ends)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def made(rows: Rows, ids: Sequence[str] | None = None) -> Rows:
    """The rows as the job has made them: with the id that the number in their name says, or ``ids``."""
    found = ids or [id_of(int(row["Name"].split()[-1])) for row in rows]
    return [{"sf__Id": id_, "sf__Created": "true", **row} for id_, row in zip(found, rows, strict=True)]


class Ingest:
    """A job that ends as ``told``, with the file ``good`` of what it has done."""

    def __init__(
        self,
        good: Callable[[Rows], str | bytes],
        *,
        told: Mapping[str, Value] = ENDED,
        kind: str = "text/csv",
        expires: Literal["", "upload", "close", "poll", "results"] = "",
    ) -> None:
        self._good, self._told, self._kind, self._expires = good, told, kind, expires
        self._rows: Rows = []
        self.collected = 0

    def __call__(self, request: Request, body: bytes) -> Response | None:
        path, step = request.url.path, self._step(request)
        if step == self._expires != "":
            self._expires = ""
            if step == "close":
                told = "<error><exceptionCode>InvalidSessionId</exceptionCode></error>"
                return Response(told, 400, media_type="application/xml")
            return JSONResponse([{"errorCode": "INVALID_SESSION_ID", "message": "expired"}], 401)
        if path.endswith("/composite/sobjects"):
            self.collected += len(sent(body))
            return JSONResponse(
                [{"id": id_of(90 + at), "success": True, "errors": []} for at, _ in enumerate(sent(body))]
            )
        if path == f"{DATA}/jobs/ingest":
            return JSONResponse({"id": JOB, "state": "Open", "contentUrl": f"{BASE}/elsewhere"})
        if step == "upload":
            self._rows = list(csv.DictReader(io.StringIO(body.decode())))
            return Response(status_code=201)
        if step == "close":
            return JSONResponse({"id": JOB, "state": "UploadComplete"})
        if step == "poll":
            return JSONResponse({"id": JOB, **self._told})
        if step == "results":
            return Response(self._good(self._rows), headers={"content-type": self._kind})
        first = {"failedResults": "sf__Id,sf__Error,", "unprocessedrecords": ""}.get(path.rpartition("/")[2])
        return None if first is None else Response(first + ",".join(self._rows[0]) + "\n")

    def _step(self, request: Request) -> str:
        path = request.url.path
        if path.endswith(f"/{JOB}"):
            return {"PATCH": "close", "GET": "poll"}[request.method]
        return {"batches": "upload", "successfulResults": "results"}.get(path.rpartition("/")[2], "")


def named(*names: str) -> list[WriteItem]:
    return [WriteItem({"Name": name}) for name in names]


ITEMS = named("name 0", "name 1", "name 2")
FILES: dict[str, Callable[[Rows], str | bytes]] = {
    "in another order": lambda rows: table(made(rows)[::-1]),
    "with a mark and returns": lambda rows: "\ufeff" + table(made(rows), "\r\n"),
    "without a last line feed": lambda rows: table(made(rows)).rstrip("\n"),
    "with rows twice": lambda rows: table([*made(rows), *made(rows)]),
    "with rows of others": lambda rows: table([*made([{"Name": "of another 7"}]), *made(rows)]),
    "with NUL": lambda rows: table(made(rows)) + f'{id_of(8)},true,"a\0b"\n',
}


@pytest.mark.parametrize("file", FILES)
async def test_each_record_is_told_once_however_the_file_is_written(serve: Serve, file: str) -> None:
    job = Ingest(FILES[file], kind="text/csv; charset=ISO-8859-1")
    outcomes = await wrote(serve(job).connect(bulk_write_from=1), "create", ITEMS)
    assert outcomes == [("created", id_of(at), None) for at in range(3)]
    assert not job.collected


async def test_one_new_record_is_not_told_for_two_items(serve: Serve) -> None:
    job = Ingest(lambda rows: table(made(rows, [id_of(1), id_of(1), id_of(2)])))
    outcomes = await wrote(serve(job).connect(bulk_write_from=1), "create", named("same", "same", "same"))
    assert sorted(status for status, *_ in outcomes) == ["created", "created", "unknown"]
    assert {id_ for _, id_, _ in outcomes} == {id_of(1), id_of(2), None}


@pytest.mark.parametrize("id_", ["", "x", "../../limits"])
async def test_a_new_record_without_an_id_is_unknown(serve: Serve, id_: str) -> None:
    job = Ingest(lambda rows: table(made(rows, [id_, id_of(1), id_of(2)])))
    outcomes = await wrote(serve(job).connect(bulk_write_from=1), "create", ITEMS)
    assert outcomes == [("unknown", None, "lost"), *(("created", id_of(at), None) for at in (1, 2))]


async def test_a_change_that_is_told_of_another_record_is_unknown(serve: Serve) -> None:
    job = Ingest(lambda rows: table(made(rows, [id_of(0), id_of(9), id_of(2)])))
    items = [WriteItem({"Name": "n"}, id=id_of(at)) for at in range(3)]
    outcomes = await wrote(serve(job).connect(bulk_write_from=1), "update", items)
    assert [(status, id_) for status, id_, _ in outcomes] == [
        ("updated", id_of(0)), ("unknown", id_of(1)), ("updated", id_of(2)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"state": "Failed", "numberRecordsProcessed": 0}, "created"),
        ({"state": "Failed", "numberRecordsProcessed": 2}, "unknown"),
        ({"state": "Failed"}, "unknown"),
        ({"state": "Aborted", "numberRecordsProcessed": 0}, "unknown"),
    ],
)
async def test_a_job_without_results_is_done_again_only_if_it_says_that_it_has_done_nothing(
    serve: Serve, told: Mapping[str, Value], status: str
) -> None:
    job = Ingest(lambda rows: "sf__Id,sf__Created," + ",".join(rows[0]) + "\n", told=told)
    outcomes = await wrote(serve(job).connect(bulk_write_from=1), "create", ITEMS)
    assert [one for one, *_ in outcomes] == [status] * 3
    assert job.collected == (3 if status == "created" else 0)


@pytest.mark.parametrize("step", ["upload", "close", "poll", "results"])
async def test_a_session_may_end_at_each_step_of_a_job(
    serve: Serve, step: Literal["upload", "close", "poll", "results"]
) -> None:
    job = Ingest(lambda rows: table(made(rows)), expires=step)
    server = serve(job)
    outcomes = await wrote(server.connect(bulk_write_from=1), "create", ITEMS)
    assert outcomes == [("created", id_of(at), None) for at in range(3)]
    assert (server.signed_in, job.collected) == (2, 0)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def lines(*numbers: int) -> str:
    rows = "".join(f'"{id_of(at)}","2026-01-01T00:00:00.000Z","name {at}"\n' for at in numbers)
    return '"Id","SystemModstamp","Name"\n' + rows


class Query:
    """Four accounts, one by a query, then what ``page`` gives for a locator: text and headers."""

    def __init__(
        self, page: Callable[[str | None], tuple[str | bytes, dict[str, str]]], **told: Value
    ) -> None:
        self._page, self._told = page, told

    def __call__(self, request: Request, body: bytes) -> Response | None:
        del body
        path, soql = request.url.path, request.query_params.get("q", "")
        if is_query(request) and "COUNT()" in soql:
            return JSONResponse({"totalSize": 3, "done": True, "records": []})
        if is_query(request):
            after = re.search(r"Id > '(\w+)'", soql)
            left = [at for at in range(4) if after is None or id_of(at) > after[1]]
            return paged([record(at) for at in left[: int(soql.rpartition(" ")[2])]])
        if path == f"{DATA}/jobs/query":
            return JSONResponse({"id": JOB, "state": "UploadComplete"})
        if path.endswith(f"/{JOB}"):
            return JSONResponse({"id": JOB, "state": "JobComplete", **self._told})
        if path.endswith("/results"):
            content, headers = self._page(request.query_params.get("locator"))
            return Response(content, headers={"content-type": "text/csv", **headers})
        return None


def last(rows: int) -> dict[str, str]:
    return {"sforce-locator": "null", "sforce-numberofrecords": str(rows)}


PAGES: dict[str, Callable[[str | None], tuple[str | bytes, dict[str, str]]]] = {
    "no locator": lambda at: (lines(1, 2), {"sforce-numberofrecords": "2"}),
    "no number": lambda at: (lines(1, 2, 3), {"sforce-locator": "null"}),
    "fewer rows than the job": lambda at: (lines(1), last(1)),
    "fewer rows than it says": lambda at: (lines(1, 2), last(3)),
    "more rows than it says": lambda at: (lines(1, 2, 3), last(2)),
    "the same locator": lambda at: (lines(1, 2), {**last(2), "sforce-locator": "MjAw"}),
    "a second page without its header": lambda at: (
        (lines(3).partition("\n")[2], last(1)) if at else (lines(1, 2), {**last(2), "sforce-locator": "MjAw"})
    ),
    "a page of HTML": lambda at: ("<html></html>", {"content-type": "text/html"}),
    "Latin-1": lambda at: (lines(1, 2, 3).replace("name", "n\xe4me").encode("latin-1"), last(3)),
    "compressed": lambda at: (lines(1, 2, 3), {**last(3), "content-encoding": "gzip"}),
}


@pytest.mark.parametrize("page", PAGES)
async def test_results_that_are_not_whole_are_read_again_by_queries(serve: Serve, page: str) -> None:
    server = serve(Query(PAGES[page], numberRecordsProcessed=3))
    pages = await read(server.connect(bulk_read_from=2), size=1)
    assert {str(row["Id"]) for page in pages for row in page.upserts} == {id_of(at) for at in range(4)}
    assert {event.name for event in server.heard} >= {"bulk_read.started", "bulk_read.given_up"}


async def test_results_in_several_pages_are_read_to_the_last(serve: Serve) -> None:
    def page(at: str | None) -> tuple[str, dict[str, str]]:
        return (lines(3), last(1)) if at else (lines(1, 2), {**last(2), "sforce-locator": "MjAw"})

    server = serve(Query(page, numberRecordsProcessed=3))
    pages = await read(server.connect(bulk_read_from=2), size=1)
    assert [str(row["Id"]) for page in pages for row in page.upserts] == [id_of(at) for at in range(4)]
    assert "bulk_read.given_up" not in {event.name for event in server.heard}
