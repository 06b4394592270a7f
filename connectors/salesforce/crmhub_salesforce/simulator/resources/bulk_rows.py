"""Rows of ingest jobs: a request in two parts taken apart, rows as records, refusals as one cell."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from crmhub.testing.simulator.jsons import load_json
from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.service import PREFIX, Service

_MOST_IN_PARTS = 100_000
_BOUNDARY = re.compile(r'boundary="?([^";]{1,200})"?')
_NULL = "#N/A"
_CHUNK = 200
"""Records of one transaction."""


def parts(call: Call) -> tuple[Mapping[str, object], bytes | None]:
    """What a job is created with, and its data where the request has two parts."""
    media = call.headers.get("content-type", "")
    if not media.lower().startswith("multipart/form-data"):
        return call.object(), None
    match = _BOUNDARY.search(media)
    if match is None:
        raise ApiError("INVALIDJOB", "A multipart request names its boundary")
    found: dict[str, bytes] = {}
    for part in call.body.split(b"--" + match[1].encode())[1:-1]:
        normal = part.removeprefix(b"\r").removeprefix(b"\n")
        end = b"\r\n\r\n" if b"\r\n\r\n" in normal else b"\n\n"
        head, _, content = normal.partition(end)
        name = re.search(rb'name="(\w+)"', head)
        if name is not None:
            found[name[1].decode()] = content.removesuffix(b"\n").removesuffix(b"\r")
    if found.keys() != {"job", "content"} or len(found["content"]) > _MOST_IN_PARTS:
        raise ApiError("INVALIDJOB", f"The parts are job and content (of at most {_MOST_IN_PARTS} bytes)")
    try:
        body = load_json(found["job"])
    except msgspec.DecodeError as problem:
        raise ApiError("JSON_PARSER_ERROR", str(problem)) from None
    if not isinstance(body, Mapping):
        raise ApiError("JSON_PARSER_ERROR", "The part job is no object")
    return cast("Mapping[str, object]", body), found["content"]


def record_of(sobject: SObject, header: Sequence[str], row: Sequence[str]) -> Row:
    """A row as a record: an empty cell says nothing, `#N/A` says null, `Account.Key__c` a reference."""
    record: Row = {"attributes": {"type": sobject.name}}
    for name, cell in zip(header, row, strict=True):
        if not cell:
            continue
        value = None if cell == _NULL else cell
        reference, _, key = name.partition(".")
        kind, _, relationship = reference.rpartition(":")
        if not key:
            record["id" if name.lower() == "id" else name] = value
        elif value is None:
            record[relationship] = None
        else:
            inner: Row = {"attributes": {"type": kind}} if kind else {}
            record[relationship] = {**inner, key: value}
    return record


def error_cell(result: Row) -> str:
    """A refusal in one cell: `CODE:message:fields --`."""
    error = cast("list[Row]", result["errors"])[0]
    fields = ",".join(str(name) for name in cast("list[object]", error.get("fields") or []))
    return f"{error['statusCode']}:{error['message']}:{fields}{' ' if fields else ''}--"


def carry_out(
    service: Service, sobject: SObject, version: str, operation: str, key: str | None, records: Sequence[Row]
) -> list[Row]:
    """Write records in transactions of 200, each a call of sObject Collections; a result for each."""
    found: list[Row] = []
    for start in range(0, len(records), _CHUNK):
        found += _chunk(service, sobject, version, operation, key, records[start : start + _CHUNK])
    return found


def _chunk(
    service: Service, sobject: SObject, version: str, operation: str, key: str | None, records: Sequence[Row]
) -> list[Row]:
    below = "/composite/sobjects"
    if operation in {"delete", "hardDelete"}:
        query = (("ids", ",".join(_id_of(record) for record in records)), ("allOrNone", "false"))
        call = Call("DELETE", f"{PREFIX}/v{version}{below}", query)
    else:
        method = "POST" if operation == "insert" else "PATCH"
        below += f"/{sobject.name}/{key}" if operation == "upsert" else ""
        value: Row = {"allOrNone": False, "records": list(records)}
        call = Call(method, f"{PREFIX}/v{version}{below}", value=value)
    results = cast("list[Row]", service.carry_out(call).body)
    if any("success" not in result for result in results):  # refused as a whole
        error: Row = {"statusCode": results[0].get("errorCode"), "message": results[0].get("message")}
        return [{"success": False, "errors": [dict(error)]} for _ in records]
    if operation == "hardDelete":
        table = service.org.tables[sobject.name]
        for result in results:
            gone = table.deleted_by_id(str(result.get("id"))) if result["success"] is True else None
            if gone is not None:
                table.purge(gone.place)
    return results


def _id_of(record: Row) -> str:
    return next((str(value) for name, value in record.items() if name.lower() == "id" and value), "")
