"""Bulk write jobs by Zoho's SDK, with the answers that REST gives."""

from __future__ import annotations

from crmhub.connector import Native
from crmhub.http import FormFile, Sink
from crmhub_zoho.prices import BULK_WRITE_CREDITS
from crmhub_zoho.tiers.rest_bulk_write import details_of, host_of, object_of
from crmhub_zoho.tiers.sdk.job import Kind
from crmhub_zoho.tiers.sdk.tier import Sdk

__all__ = ["SdkBulkWrite"]


class SdkBulkWrite:
    """See :class:`crmhub_zoho.tiers.rest_bulk_write.RestBulkWrite` for each."""

    def __init__(self, sdk: Sdk, uploads: str | None) -> None:
        self._sdk = sdk
        self._uploads = uploads

    async def send_rows(self, org: str, form: FormFile) -> str:
        """Upload an archive of rows; its id."""
        kind = Kind(base=self._uploads)
        body, response = await self._sdk.call(kind, lambda: _library().send_rows(org, form))
        return details_of(body, response, "file_id")

    async def start_write(self, body: Native) -> str:
        """Start a job; its id. Not safe to send twice."""
        kind = Kind(cost=BULK_WRITE_CREDITS, repeatable=False)
        answer, response = await self._sdk.call(kind, lambda: _library().start_write(body))
        return details_of(answer, response, "id")

    async def write_job(self, job: str) -> Native:
        """A job as it stands."""
        body, response = await self._sdk.call(Kind(), lambda: _library().write_job(job))
        return object_of(body, response)

    async def write_result(self, url: str, into: Sink) -> None:
        """The archive that tells what became of a job's rows."""
        kind = Kind(expect="any", into=into, base=host_of(url)[0])
        await self._sdk.call(kind, lambda: _library().result(url))


def _library():
    from crmhub_zoho.tiers.sdk import library_bulk

    return library_bulk
