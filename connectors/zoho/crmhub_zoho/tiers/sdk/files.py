"""Files of records by Zoho's SDK, with the answers that REST gives.

Nothing is held in memory that REST would not hold: what the SDK sends and gets is passed on a piece at a time
(:mod:`crmhub_zoho.tiers.sdk.library_files`).
"""

from __future__ import annotations

from crmhub.connector import Native
from crmhub.http import FormFile, Sink
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, one_answer, write_answer_of
from crmhub_zoho.tiers.rest_files import FIELDS
from crmhub_zoho.tiers.sdk.job import Kind
from crmhub_zoho.tiers.sdk.tier import Sdk

__all__ = ["SdkFiles"]


class SdkFiles:
    """See :class:`crmhub_zoho.tiers.rest_files.RestFiles` for each."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def attachments(self, module: str, id: str, page: int, per_page: int) -> Answer:
        """A page of a record's attachments, newest first."""
        body, response = await self._sdk.call(
            Kind(), lambda: _library().attachments(module, id, ",".join(FIELDS), page, per_page)
        )
        return answer_of(body, response)

    async def attach(self, module: str, id: str, form: FormFile) -> WriteAnswer:
        """A new attachment: not safe to send twice."""
        kind = Kind(repeatable=False)
        body, response = await self._sdk.call(kind, lambda: _library().attach(module, id, form))
        return write_answer_of(body, response)

    async def content(self, module: str, id: str, file: str, into: Sink) -> bool:
        """An attachment's bytes; ``False``: Zoho answered that it has none."""
        kind = Kind(expect="any", into=into)
        _, response = await self._sdk.call(kind, lambda: _library().attachment(module, id, file))
        return response.taken is not None

    async def detach(self, module: str, id: str, file: str) -> Native:
        """Zoho's word on the removal of an attachment."""
        body, response = await self._sdk.call(Kind(), lambda: _library().detach(module, id, file))
        return one_answer(write_answer_of(body, response))


def _library():
    from crmhub_zoho.tiers.sdk import library_files

    return library_files
