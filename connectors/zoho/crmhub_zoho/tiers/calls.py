"""What a tier does with records, files and bulk jobs, whichever way it calls Zoho."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from crmhub.connector import Native
from crmhub.http import FormFile, Sink
from crmhub_zoho.tiers.answers import Answer, WriteAnswer

__all__ = ["BulkWriteCalls", "FileCalls", "RecordCalls", "RelatedCalls"]


class RecordCalls(Protocol):
    """The record calls of :class:`crmhub_zoho.tiers.rest.Rest`, where each is described.

    A tier that cannot make a call raises :class:`~crmhub.errors.Unsupported`, with nothing sent.
    """

    async def coql(self, query: str, limit: int) -> Answer:
        """Rows of a query."""
        ...

    async def records(
        self,
        module: str,
        fields: Sequence[str],
        *,
        ids: Sequence[str] = (),
        since: datetime | None = None,
        token: str | None = None,
        by_change: bool = False,
        per_page: int = 200,
    ) -> Answer:
        """A page of a list."""
        ...

    async def record(self, module: str, id: str, fields: Sequence[str]) -> Native | None:
        """One record, with the fields that no list shows; ``None``: there is none."""
        ...

    async def search(self, module: str, word: str, fields: Sequence[str], page: int, per_page: int) -> Answer:
        """A page of the records in which a word occurs."""
        ...

    async def insert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """New records."""
        ...

    async def update(self, module: str, body: Native, count: int) -> WriteAnswer:
        """Changes of records."""
        ...

    async def update_if(self, module: str, id: str, body: Native, unmodified_since: str) -> WriteAnswer:
        """A change of one record unless it has changed since."""
        ...

    async def upsert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """New or changed records by a unique field."""
        ...

    async def delete(self, module: str, ids: Sequence[str], *, triggers: bool) -> WriteAnswer:
        """Records moved to the recycle bin."""
        ...


class RelatedCalls(Protocol):
    """The related lists of :class:`crmhub_zoho.tiers.rest_extras.RestExtras`.

    A tier that cannot make a call raises :class:`~crmhub.errors.Unsupported`, with nothing sent.
    """

    async def related(
        self,
        module: str,
        id: str,
        related: str,
        fields: Sequence[str],
        per_page: int,
        *,
        token: str | None = None,
        page: int = 1,
    ) -> Answer:
        """A page of a related list, such as the `Tasks`, `Events` or `Calls` of a deal.

        The one of ``token``; without it by its number.
        """
        ...


class FileCalls(Protocol):
    """The calls of :class:`crmhub_zoho.tiers.rest_files.RestFiles`, where each is described."""

    async def attachments(self, module: str, id: str, page: int, per_page: int) -> Answer:
        """A page of a record's attachments."""
        ...

    async def attach(self, module: str, id: str, form: FormFile) -> WriteAnswer:
        """A new attachment."""
        ...

    async def content(self, module: str, id: str, file: str, into: Sink) -> bool:
        """An attachment's bytes; ``False``: there are none."""
        ...

    async def detach(self, module: str, id: str, file: str) -> Native:
        """Zoho's word on the removal of an attachment."""
        ...


class BulkWriteCalls(Protocol):
    """The calls of :class:`crmhub_zoho.tiers.rest_bulk_write.RestBulkWrite`, where each is described."""

    async def send_rows(self, org: str, form: FormFile) -> str:
        """Upload an archive of rows; its id."""
        ...

    async def start_write(self, body: Native) -> str:
        """Start a job; its id."""
        ...

    async def write_job(self, job: str) -> Native:
        """A job as it stands."""
        ...

    async def write_result(self, url: str, into: Sink) -> None:
        """The archive that tells what became of a job's rows."""
        ...
