"""Bulk read: jobs that export the records of a module, `/crm/bulk/{version}/read`.

Source: Zoho CRM API v8, "Create Bulk Read Job", "Bulk Read Job Details", "Download Bulk Read Result", and
"API Limits" (50 credits to start a job).
"""

from collections.abc import Callable
from itertools import islice
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.bulk import (
    Item,
    bulk_module,
    checked_callback,
    download,
    no_resource,
    require_json,
    required_mapping,
)
from crmhub_zoho.simulator.bulk_criteria import Test, test_for
from crmhub_zoho.simulator.bulk_files import Read, calendar_text, cells, csv_text, zipped
from crmhub_zoho.simulator.call import BULK, Call, Endpoint, reply
from crmhub_zoho.simulator.coql_columns import resolve
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.jobs import Job
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.paging import PageStart, PageTokens
from crmhub_zoho.simulator.people import User
from crmhub_zoho.simulator.views import view_id

MOST_FIELDS = 200
MOST_EVENTS = 20_000
MOST_PAGES = 500
CREDITS = 50


class ReadJob(Job):
    """One export: what was asked, and once it is done the file."""

    def __init__(
        self, by: User, module: Module, page: PageStart, per_page: int, test: Test | None, query: Details
    ) -> None:
        super().__init__(by)
        self.module = module
        self.page = page
        self.per_page = per_page
        self.test = test
        self.query = query
        self.columns: list[tuple[str, Read]] | None = None
        self.callback: Item | None = None
        self.on_done: Callable[[ReadJob], None] = lambda _: None
        self.count = 0
        self.last: int | None = None
        self.next_token: str | None = None
        self.file = b""

    def work(self) -> None:
        """Read the page and keep it as a file; `last` is where the next page goes on, if there is one."""
        if not self.failed:
            table, start = self.module.table, self.page
            places = table.places(after=start.after[1]) if start.after else table.places()
            test = self.test
            if test is not None:
                places = (place for place in places if test(table.row(place)))
            window = list(islice(places, start.before, start.before + self.per_page + 1))
            page = window[: self.per_page]
            self.count = len(page)
            self.last = page[-1] if len(window) > len(page) else None
            self.file = self._file([table.row(place) for place in page])
        self.on_done(self)

    @property
    def file_type(self) -> str:
        """`csv` or `ics`."""
        return "ics" if self.columns is None else "csv"

    def _file(self, rows: list[Row]) -> bytes:
        if self.columns is None:
            text = calendar_text(rows)
        else:
            header = [name for name, _ in self.columns]
            text = csv_text(header, cells([read for _, read in self.columns], rows))
        return zipped(f"{self.id}.{self.file_type}", text)


def create_read(call: Call) -> Response:
    """`POST /read`."""
    require_json(call)
    query = required_mapping(call.body.get("query"), "query")
    module = bulk_module(call.org, query.get("module"), "$.query.module.api_name")
    call.require(f"modules.{module.name}.READ")
    callback = checked_callback(call.body.get("callback"))
    calendar = _is_calendar(call, module, query)
    per_page = min(call.org.bulk_page, MOST_EVENTS) if calendar else call.org.bulk_page
    names = _field_names(query.get("fields"), module)
    if query.get("cvid") not in {None, view_id(module)}:
        raise ZohoError(400, "CVID_NOT_SUPPORTED", "The given cvid is not supported.", {})
    criteria = query.get("criteria")
    test = None if criteria is None else test_for(call.org, module, criteria)
    shown: Details = {"module": {"api_name": module.name, "id": module.id}}
    shown |= {"fields": names} if query.get("fields") else {}
    shown |= {} if criteria is None else {"criteria": criteria}
    start = _start(call, query, per_page, shown)
    job = ReadJob(call.user, module, start, per_page, test, shown | {"page": start.page})
    if not calendar:
        job.columns = [("id", _id), *((name, _reader(call, module, name)) for name in names)]
    job.callback = callback
    job.failed = call.fault("job_failure")
    org, tokens, url_path = call.org, call.tokens, call.url_path
    job.on_done = lambda done: _finish(org, tokens, url_path, done)
    call.org.jobs.add(job)
    details = {
        "id": job.id,
        "operation": "read",
        "state": "ADDED",
        "created_by": call.user.short_reference(),
        "created_time": call.org.stamp(job.created_at),
    }
    added = {
        "status": "success",
        "code": "ADDED_SUCCESSFULLY",
        "message": "Added successfully.",
        "details": details,
    }
    return reply({"data": [added], "info": {}}, 201)


def get_read(call: Call) -> Response:
    """`GET /read/{id}`."""
    job = _job(call)
    return reply({"data": [_job_json(call.org, job)]})


def get_read_result(call: Call) -> Response:
    """`GET /read/{id}/result`."""
    job = _job(call)
    if not job.done or job.failed:
        raise no_resource(f"{job.id}/result")
    call.org.jobs.download()
    return download(f"{job.id}.zip", job.file, "application/zip")


def _job(call: Call) -> ReadJob:
    job = call.org.jobs.find(ReadJob, call.path["id"])
    if job is None:
        raise no_resource(call.path["id"])
    return job


def _is_calendar(call: Call, module: Module, query: Item) -> bool:
    kind = call.body.get("file_type") or query.get("file_type")
    if kind not in {None, "csv", "ics"}:
        raise ZohoError(400, "REQUEST_BODY_NOT_SUPPORTED", "The file type is not supported.", {})
    if kind != "ics":
        return False
    if module.name != "Events":
        raise ZohoError(400, "MODULE_NOT_SUPPORTED", "ICS is supported only for Events.", {})
    if query.get("fields"):
        raise ZohoError(400, "FIELD_NOT_SUPPORTED", "Fields are not supported with ICS.", {})
    return True


def _field_names(given: object, module: Module) -> list[str]:
    if given is None or given == []:
        return list(module.fields)
    names = cast("list[object]", given) if isinstance(given, list) else [None]
    if not all(isinstance(name, str) for name in names):
        raise ZohoError(400, "REQUEST_BODY_NOT_SUPPORTED", "Fields must be a list of names.", {})
    if len(names) > MOST_FIELDS:
        details: Details = {"limit": MOST_FIELDS}
        raise ZohoError(400, "LIMIT_EXCEEDED", "The number of fields exceeds the limit.", details)
    return [name for name in dict.fromkeys(cast("list[str]", names)) if name != "id"]


def _reader(call: Call, module: Module, name: str) -> Read:
    try:
        return resolve(call.org, module, name).value
    except ZohoError:
        details: Details = {"api_name": name, "module": module.name}
        raise ZohoError(400, "FIELD_NOT_AVAILABLE", "The given field is not available.", details) from None


def _id(row: Row) -> object:
    return row["id"]


def _start(call: Call, query: Item, per_page: int, shown: Details) -> PageStart:
    token, page = query.get("page_token"), query.get("page")
    if token is not None:
        if page is not None or not isinstance(token, str):
            raise ZohoError(400, "PAGE_NOT_SUPPORTED", "Use either page or page_token.", {})
        return call.tokens.read(token, {"query": dump_json(shown).decode()}, call.url_path, call.user.id)
    if page is None:
        page = 1
    if not isinstance(page, int) or isinstance(page, bool) or page < 1:
        raise ZohoError(400, "REQUEST_BODY_NOT_SUPPORTED", "The page must be a number from 1.", {})
    if page > MOST_PAGES:
        raise ZohoError(400, "PAGE_RANGE_EXCEEDED", "Page range exceeded.", {"max_limit": MOST_PAGES})
    return PageStart(page, (page - 1) * per_page)


def _finish(org: Org, tokens: PageTokens, url_path: str, job: ReadJob) -> None:
    """What happens when a job is done: the next page's token is made, and the callback called."""
    if job.last is not None:
        following = PageStart(job.page.page + 1, 0, (0, job.last))
        asked = {name: value for name, value in job.query.items() if name != "page"}
        bound = {"query": dump_json(asked).decode()}
        job.next_token, _ = tokens.issue(following, bound, url_path, job.by.id)
    if job.callback is not None:
        org.outbox.append({"url": job.callback["url"], "body": {"job_id": job.id, **_job_json(org, job)}})


def _job_json(org: Org, job: ReadJob) -> Details:
    shown: Details = {
        "id": job.id,
        "operation": "read",
        "state": _state(org, job),
        "query": job.query,
        "created_by": job.by.short_reference(),
        "created_time": org.stamp(job.created_at),
        "file_type": job.file_type,
    }
    if job.done and not job.failed:
        shown["result"] = {
            "page": job.page.page,
            "count": job.count,
            "download_url": f"/crm/bulk/v8/read/{job.id}/result",
            "per_page": job.per_page,
            "more_records": job.last is not None,
            "next_page_token": job.next_token,
        }
    return shown


def _state(org: Org, job: ReadJob) -> str:
    share = org.jobs.share(job)
    if share < 0.25:
        return "ADDED"
    if share < 0.5:
        return "QUEUED"
    if share < 1:
        return "IN PROGRESS"
    return "FAILURE" if job.failed else "COMPLETED"


ENDPOINTS = (
    Endpoint("POST", "/read", create_read, ("bulk.READ",), lambda _: CREDITS, prefix=BULK),
    Endpoint("GET", "/read/{id}", get_read, ("bulk.READ",), prefix=BULK),
    Endpoint("GET", "/read/{id}/result", get_read_result, ("bulk.READ",), prefix=BULK),
)
