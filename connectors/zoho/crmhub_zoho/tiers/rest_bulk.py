"""Zoho CRM's REST API for bulk read jobs; see :mod:`crmhub_zoho.tiers.bulk_read`."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.http import HttpClient, Sink, path
from crmhub_zoho.prices import BULK_READ_CREDITS
from crmhub_zoho.tiers.answers import answer_of, write_answer_of
from crmhub_zoho.tiers.bulk_read import RESULT, ReadJob, body_of, job_of, no_result, started

__all__ = ["RestBulkRead"]


class RestBulkRead:
    """See :class:`crmhub_zoho.tiers.bulk_read.BulkReadCalls` for each."""

    def __init__(self, http: HttpClient, version: str) -> None:
        self._http = http
        self._jobs = f"/crm/bulk/{version}/read"

    async def start(self, module: str, fields: Sequence[str], token: str | None) -> str:
        """A new job; its id."""
        response = await self._http.request(
            "POST", self._jobs, json=body_of(module, fields, token), idempotent=False, cost=BULK_READ_CREDITS
        )
        return started(write_answer_of(response.json(), response))

    async def job(self, id: str) -> ReadJob:
        """A job as it stands."""
        response = await self._http.request("GET", path(self._jobs + "/{id}", id=id))
        return job_of(answer_of(response.json(), response))

    async def result(self, id: str, into: Sink) -> None:
        """The archive of a job that is done."""
        response = await self._http.request(
            "GET", path(self._jobs + "/{id}/result", id=id), into=into, endpoint=RESULT
        )
        if response.taken is None:
            raise no_result()
