"""Bulk read jobs by Zoho's SDK; see :mod:`crmhub_zoho.tiers.bulk_read`."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.http import Sink
from crmhub_zoho.prices import BULK_READ_CREDITS
from crmhub_zoho.tiers.answers import answer_of, write_answer_of
from crmhub_zoho.tiers.bulk_read import RESULT, ReadJob, job_of, no_result, started
from crmhub_zoho.tiers.sdk.job import Kind
from crmhub_zoho.tiers.sdk.tier import Sdk

__all__ = ["SdkBulkRead"]


class SdkBulkRead:
    """See :class:`crmhub_zoho.tiers.bulk_read.BulkReadCalls` for each."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def start(self, module: str, fields: Sequence[str], token: str | None) -> str:
        """A new job; its id."""
        kind = Kind(cost=BULK_READ_CREDITS, repeatable=False)
        body, response = await self._sdk.call(kind, lambda: _library().start_read(module, fields, token))
        return started(write_answer_of(body, response))

    async def job(self, id: str) -> ReadJob:
        """A job as it stands."""
        body, response = await self._sdk.call(Kind(), lambda: _library().read_job(id))
        return job_of(answer_of(body, response))

    async def result(self, id: str, into: Sink) -> None:
        """The archive of a job that is done."""
        _, response = await self._sdk.call(
            Kind(expect="any", into=into, endpoint=RESULT), lambda: _library().result(id)
        )
        if response.taken is None:
            raise no_result()


def _library():
    from crmhub_zoho.tiers.sdk import library_read_jobs

    return library_read_jobs
