"""Bulk write: a zipped CSV file is uploaded, and a job writes its rows, `/crm/bulk/{version}/write`.

Source: Zoho CRM API v8, "Upload File" (bulk write), "Create Bulk Write Job", "Bulk Write Job Details",
"Download Bulk Write Result" and "Bulk Write Limitations": one CSV of at most 25 MB, 25,000 rows and 200
columns; 500 credits a job; not for Notes, Events and Calls.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from starlette.responses import Response

from crmhub_zoho.simulator.bulk import Item, bulk_module, checked_callback, download, no_resource
from crmhub_zoho.simulator.bulk_files import csv_text, unzipped, zipped
from crmhub_zoho.simulator.bulk_rows import Mapped, RowWriter, read_rows
from crmhub_zoho.simulator.call import BULK, Call, Endpoint, reply
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.fields import Field
from crmhub_zoho.simulator.jobs import Job
from crmhub_zoho.simulator.multipart import parse_multipart
from crmhub_zoho.simulator.org import Module, Org, Upload
from crmhub_zoho.simulator.organisation import ZGID
from crmhub_zoho.simulator.people import User

MOST_BYTES = 25 * 1024 * 1024
MOST_ROWS = 25_000
MOST_COLUMNS = 200
CREDITS = 500
_NOT_WRITABLE = frozenset({"Notes", "Events", "Calls"})
_OPERATIONS = {"insert": "CREATE", "update": "UPDATE", "upsert": "CREATE"}
_ID = Field("id", "bigint", length=19)


class WriteJob(Job):
    """One import: the rows and how they are written, and once it is done the counts and the result file."""

    def __init__(self, by: User, org: Org, writer: RowWriter, rows: list[list[str]], base_url: str) -> None:
        super().__init__(by)
        self.org = org
        self.writer = writer
        self.rows = rows
        self.base_url = base_url
        self.name = ""
        self.encoding: str | None = None
        self.resource: Details = {}
        self.callback: Item | None = None
        self.counts: Counter[str] = Counter()
        self.file = b""

    def work(self) -> None:
        """Write all rows and keep what became of them."""
        if not self.failed:
            outcomes = [self.writer.write(row) for row in self.rows]
            self.counts = Counter(one.status for one in outcomes)
            shown = [self.writer.shown(row, one) for row, one in zip(self.rows, outcomes, strict=True)]
            name = f"{self.writer.module.name}-{self.name}"
            self.file = zipped(name, csv_text(self.writer.shown_header(), shown))
        if self.callback is not None:
            self.org.outbox.append({"url": self.callback["url"], "body": job_json(self.org, self)})


def upload(call: Call) -> Response:
    """`POST /upload` on the host for contents."""
    feature, org_id = call.headers.get("feature"), call.headers.get("x-crm-org")
    for name, value in (("feature", feature), ("X-CRM-ORG", org_id)):
        if not value:
            message = f"required header {name} is not found"
            raise ZohoError(400, "MANDATORY_NOT_FOUND", message, {"header": name})
    if feature != "bulk-write":
        raise ZohoError(400, "NOT_SUPPORTED_FEATURE", "the feature is not supported", {"header": "feature"})
    if org_id != ZGID:
        raise ZohoError(400, "INVALID_DATA", "invalid organization id", {"header": "X-CRM-ORG"})
    parts = parse_multipart(call.headers.get("content-type", ""), call.raw_body) or []
    file = next((part for part in parts if part.name == "file"), None)
    if file is None:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required key file is not found", {"api_name": "file"})
    if len(file.content) > MOST_BYTES:
        raise ZohoError(413, "FILE_TOO_LARGE", "File size too large to process", {"limit": MOST_BYTES})
    if unzipped(file.content) is None:
        message = "invalid file format. only zip format is supported"
        raise ZohoError(400, "INVALID_FILE_FORMAT", message)
    file_id = call.org.keep_upload(Upload(file.filename or "file.zip", file.content))
    details = {"file_id": file_id, "created_time": call.org.stamp(call.org.clock.now())}
    done = {"status": "success", "code": "FILE_UPLOAD_SUCCESS", "message": "file uploaded."}
    return reply({**done, "details": details})


def create_write(call: Call) -> Response:
    """`POST /write`."""
    operation = call.body.get("operation")
    if operation is None:
        raise _missing("operation", "$.operation")
    if not isinstance(operation, str) or operation not in _OPERATIONS:
        raise ZohoError(400, "INVALID_DATA", "invalid operation", {"supported_values": list(_OPERATIONS)})
    callback = checked_callback(call.body.get("callback"))
    resource = _resource(call.body)
    module = bulk_module(call.org, resource.get("module"), "$.resource[0].module.api_name")
    if module.name in _NOT_WRITABLE:
        message = f"Requested module '{module.name}' is not available."
        raise ZohoError(400, "MODULE_NOT_AVAILABLE", message, {})
    call.require(f"modules.{module.name}.{_OPERATIONS[operation]}")
    encoding = call.body.get("character_encoding")
    name, header, rows = _table(call.org, resource, encoding if isinstance(encoding, str) else "UTF-8")
    mappings = _mappings(module, resource, header)
    find_by = _find_by(module, resource, operation, mappings)
    _check_mandatory(module, operation, mappings)
    ignore_empty = True in (resource.get("ignore_empty"), call.body.get("ignore_empty"))
    writer = RowWriter(
        call.org, call.records, module, operation, mappings, header, find_by, call.user.id, ignore_empty
    )
    job = WriteJob(call.user, call.org, writer, rows, call.base_url)
    job.name = name
    job.encoding = encoding if isinstance(encoding, str) else None
    job.callback = callback
    job.failed = call.fault("job_failure")
    call.org.jobs.add(job)
    details = {"id": job.id, "created_by": call.user.short_reference()}
    return reply({"status": "success", "code": "SUCCESS", "message": "success", "details": details}, 201)


def get_write(call: Call) -> Response:
    """`GET /write/{id}`."""
    job = _job(call)
    return reply(job_json(call.org, job))


def get_write_result(call: Call) -> Response:
    """`GET` of a job's `download_url`."""
    job = _job(call)
    if not job.done or job.failed or call.path["org"] != ZGID:
        raise no_resource(call.path["file"])
    return download(f"{job.id}.zip", job.file, "application/zip")


def job_json(org: Org, job: WriteJob) -> Details:
    """A job as the API describes it."""
    status = _status(org, job)
    file = {
        "status": status,
        "name": job.name,
        "added_count": job.counts["ADDED"],
        "skipped_count": job.counts["SKIPPED"],
        "updated_count": job.counts["UPDATED"],
        "total_count": job.counts.total(),
    }
    module = job.writer.module
    resource: Details = {
        "status": status,
        "type": "data",
        "module": {"api_name": module.name, "id": module.id},
        "ignore_empty": job.writer.ignore_empty,
        "find_by": job.writer.find_by,
        "field_mappings": [_mapping_json(one) for one in job.writer.mappings],
        "file": file,
    }
    shown: Details = {
        "status": status,
        "character_encoding": job.encoding or "UTF-8",
        "resource": [resource],
        "id": job.id,
        "created_by": job.by.short_reference(),
        "operation": job.writer.operation,
        "created_time": org.stamp(job.created_at),
    }
    if job.callback is not None:
        shown["callback"] = job.callback
    if job.done and not job.failed:
        path = f"/v2/crm/{ZGID}/bulk-write/{job.id}/{job.id}.zip"
        shown["result"] = {"download_url": f"{job.base_url}{path}"}
    return shown


def _mapping_json(one: Mapped) -> Details:
    shown: Details = {"api_name": one.field.api_name, "index": one.index}
    shown |= {"format": one.format, "find_by": one.find_by}
    return shown | ({"default_value": {"value": one.default}} if one.default is not None else {})


def _status(org: Org, job: WriteJob) -> str:
    share = org.jobs.share(job)
    if share < 1:
        return "ADDED" if share < 0.5 else "INPROGRESS"
    return "FAILED" if job.failed else "COMPLETED"


def _job(call: Call) -> WriteJob:
    job = call.org.jobs.find(WriteJob, call.path["id"])
    if job is None:
        raise no_resource(call.path["id"])
    return job


def _missing(key: str, path: str) -> ZohoError:
    message = f"required key {key} is not found in request body."
    return ZohoError(400, "MISSING_REQUIRED_KEY", message, {"json_path": path})


def _resource(body: Item) -> Item:
    given = body.get("resource")
    items = cast("list[object]", given) if isinstance(given, list) else []
    if len(items) != 1 or not isinstance(items[0], Mapping):
        raise _missing("resource", "$.resource")
    resource = cast("Item", items[0])
    if resource.get("type") != "data":
        raise _missing("type", "$.resource[0].type")
    return resource


def _table(org: Org, resource: Item, encoding: str) -> tuple[str, list[str], list[list[str]]]:
    file_id = resource.get("file_id")
    if file_id is None:
        raise _missing("file_id", "$.resource[0].file_id")
    file = org.uploads.get(str(file_id))
    if file is None:
        raise ZohoError(400, "INVALID_FILE_ID", "improper file id", {})
    members = unzipped(file.content) or []
    if len(members) != 1 or not members[0][0].lower().endswith(".csv"):
        raise ZohoError(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write", {})
    table = read_rows(members[0][1], encoding)
    if table is None:
        raise ZohoError(400, "INVALID_FORMAT", "the file cannot be read", {})
    header, rows = table
    if len(header) > MOST_COLUMNS:
        raise ZohoError(400, "HEADER_LIMIT_EXCEEDED", "too many columns", {"limit": MOST_COLUMNS})
    if len(rows) > MOST_ROWS:
        raise ZohoError(400, "LIMIT_EXCEEDED", "too many rows", {"limit": MOST_ROWS})
    return members[0][0].rpartition("/")[2], header, rows


def _mappings(module: Module, resource: Item, header: Sequence[str]) -> list[Mapped]:
    given = resource.get("field_mappings")
    if given is None or given == []:
        return [Mapped(_field(module, name), index) for index, name in enumerate(header)]
    items = cast("list[object]", given) if isinstance(given, list) else []
    if not items or not all(isinstance(one, Mapping) for one in items):
        raise _missing("field_mappings", "$.resource[0].field_mappings")
    return [_mapped(module, cast("Item", one), number, header) for number, one in enumerate(items)]


def _mapped(module: Module, item: Item, number: int, header: Sequence[str]) -> Mapped:
    path = f"$.resource[0].field_mappings[{number}]"
    name = item.get("api_name")
    if not isinstance(name, str):
        raise _missing("api_name", f"{path}.api_name")
    default, index = item.get("default_value"), item.get("index")
    value = cast("Item", default).get("value") if isinstance(default, Mapping) else None
    if index is None and value is None:
        raise _missing(f"index for field {name}", f"{path}.index")
    if index is not None and (not isinstance(index, int) or not 0 <= index < len(header)):
        details: Details = {"index": index, "json_path": f"{path}.index"}
        raise ZohoError(400, "COLUMN_INDEX_NOT_FOUND", "the column is not in the file", details)
    texts = {key: item[key] for key in ("format", "find_by", "module") if isinstance(item.get(key), str)}
    return Mapped(
        _field(module, name),
        index,
        cast("str | None", texts.get("format")),
        cast("str | None", texts.get("find_by")),
        None if value is None else str(value),
        cast("str | None", texts.get("module")),
    )


def _field(module: Module, name: str) -> Field:
    field = _ID if name == "id" else module.fields.get(name)
    if field is None:
        raise ZohoError(400, "INVALID_FIELD_NAME", f"invalid mapping. invalid api_name {name}.", {})
    return field


def _find_by(module: Module, resource: Item, operation: str, mappings: Sequence[Mapped]) -> str | None:
    if operation == "insert":
        return None
    name = resource.get("find_by")
    if not isinstance(name, str) or not name:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "Required key find_by is not available", {})
    if name not in {"id", module.spec.check_field, *module.unique_fields}:
        raise ZohoError(400, "INVALID_FIELD", "find_by must be the id or a unique field", {"api_name": name})
    if name not in {one.field.api_name for one in mappings}:
        raise ZohoError(400, "INVALID_FIELD", "the find_by field is not mapped", {"api_name": name})
    return name


def _check_mandatory(module: Module, operation: str, mappings: Sequence[Mapped]) -> None:
    if operation == "update":
        return
    mapped = {one.field.api_name for one in mappings}
    if any(one.mandatory and one.api_name not in mapped for one in module.fields.values()):
        message = "All mandatory fields are not mapped for the layout"
        raise ZohoError(400, "MANDATORY_FIELDS_NOT_MAPPED", message, {})


ENDPOINTS = (
    Endpoint("POST", "/upload", upload, ("ZohoFiles.files.ALL",)),
    Endpoint("POST", "/write", create_write, ("bulk.CREATE",), lambda _: CREDITS, prefix=BULK),
    Endpoint("GET", "/write/{id}", get_write, ("bulk.CREATE",), prefix=BULK),
    Endpoint("GET", "/v2/crm/{org}/bulk-write/{id}/{file}", get_write_result, ("bulk.CREATE",), prefix=""),
)
