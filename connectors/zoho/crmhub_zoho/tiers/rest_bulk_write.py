"""Zoho CRM's REST API for bulk write jobs, one method for each endpoint.

Source: Zoho CRM API v8, "Upload File" (bulk write), "Create Bulk Write Job", "Bulk Write Job Details" and
"Download Bulk Write Result". Files go to a host of their own, and come from another one.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse
from crmhub.http import FormFile, HttpClient, Response, Sink, path
from crmhub_zoho.prices import BULK_WRITE_CREDITS

__all__ = ["RestBulkWrite", "details_of", "host_of", "object_of"]

_PLACE = re.compile(r"/[^/]")  # on the host for all calls, as the results of bulk reads are told


class RestBulkWrite:
    """See the module. ``uploads`` is the host for files; ``None``: the one for all calls."""

    def __init__(self, http: HttpClient, version: str, uploads: str | None) -> None:
        self._http = http
        self._upload = f"/crm/{version}/upload"
        self._jobs = f"/crm/bulk/{version}/write"
        self._uploads = uploads

    async def send_rows(self, org: str, form: FormFile) -> str:
        """Upload an archive of rows for that organisation; its id. By itself it changes nothing."""
        response = await self._http.request(
            "POST",
            self._upload,
            content=form,
            headers={"content-type": form.content_type, "feature": "bulk-write", "x-crm-org": org},
            idempotent=True,
            base=self._uploads,
        )
        return details_of(response.json(), response, "file_id")

    async def start_write(self, body: Native) -> str:
        """Start a job; its id. Not safe to send twice."""
        response = await self._http.request("POST", self._jobs, json=body, cost=BULK_WRITE_CREDITS)
        return details_of(response.json(), response, "id")

    async def write_job(self, job: str) -> Native:
        """A job as it stands."""
        response = await self._http.request("GET", path(f"{self._jobs}/{{job}}", job=job))
        return object_of(response.json(), response)

    async def write_result(self, url: str, into: Sink) -> None:
        """The archive that tells what became of a job's rows, from where the job says it is."""
        host, place = (None, urlsplit(url).path) if _PLACE.match(url) else host_of(url)
        query = dict(parse_qsl(urlsplit(url).query))
        await self._http.request("GET", place, params=query or None, into=into, base=host)


def host_of(url: str) -> tuple[str, str]:
    """Scheme and host, and path, of where a result is; raises ``BadResponse`` when it is no such place."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc or not parts.path:
        raise BadResponse("Zoho names no place where the job's result is")
    return f"{parts.scheme}://{parts.netloc}", parts.path


def details_of(body: Value, response: Response, name: str) -> str:
    """An id in the details of a success; raises ``BadResponse`` where there is none."""
    details = object_of(body, response).get("details")
    found = details.get(name) if isinstance(details, dict) else None
    if isinstance(found, str | int) and not isinstance(found, bool) and str(found):
        return str(found)
    raise response.unreadable(f"JSON without details.{name}")


def object_of(body: Value, response: Response) -> Native:
    """The body as an object; raises ``BadResponse`` where it is none."""
    if not isinstance(body, dict):
        raise response.unreadable("JSON that is not an object")
    return body
