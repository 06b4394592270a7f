"""Files attached to a record."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, ConnectorError, NotFound, UnknownOutcome, Where
from crmhub.files import safe_name
from crmhub.http import Body, FormFile, Sink
from crmhub.powers import Attachment
from crmhub_zoho.errors import error_of
from crmhub_zoho.records import instant, is_record_id
from crmhub_zoho.routes import Tiers
from crmhub_zoho.tiers.answers import Answer
from crmhub_zoho.tiers.calls import FileCalls
from crmhub_zoho.tiers.rest import PAGE

__all__ = ["MOST_BYTES", "Files"]

MOST_BYTES = 20 * 1024 * 1024
"""Of one file (Zoho CRM API v8, "Upload an Attachment")."""


class Files:
    """The attachments of records, by the tier that ``tiers`` choose."""

    def __init__(self, tiers: Tiers, random: Random) -> None:
        self._tiers = tiers
        self._random = random

    async def list(self, module: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        """Pages of a record's attachments, newest first."""
        page, more = 1, True
        while more:
            with _at(module, record):
                answer = await self._tiers.file(
                    "files", module, partial(_listed, module=module, record=record, page=page)
                )
                found = [_attachment(row) for row in answer.rows]
            yield found
            page, more = page + 1, answer.goes_on(PAGE)

    async def upload(self, module: str, record: str, name: str, content: Body) -> str:
        """Attach a file; its id. Raises ``BadRequest`` before anything is sent when it is too large."""
        where = Where(object=module, record=record)
        if content.size > MOST_BYTES:
            raise BadRequest(
                f"Zoho takes files of at most {MOST_BYTES} bytes, and this one has {content.size}",
                hint="make it smaller, or attach a link to it in Zoho",
                where=where,
            )
        form = FormFile("file", safe_name(name), content, f"crmhub-{self._random.getrandbits(128):032x}")
        with _at(module, record):
            answer = await self._tiers.file(
                "upload", module, lambda calls: calls.attach(module, record, form)
            )
        item = answer.items[0] if len(answer.items) == 1 else {}
        if item.get("status") == "error":
            raise error_of(item, answer.response).at(object=module, record=record)
        details = item.get("details")
        file = _text(details.get("id")) if isinstance(details, dict) else ""
        if not file:
            raise UnknownOutcome(
                "Zoho's answer names no attachment", hint="list the record's files", where=where
            )
        return file

    async def download(self, module: str, record: str, file: str, into: Sink) -> None:
        """An attachment's bytes; raises ``NotFound`` where there are none."""
        with _at(module, record, file):
            if not await self._tiers.file(
                "download", module, lambda calls: calls.content(module, record, file, into)
            ):
                raise NotFound(_NO_FILE)

    async def delete(self, module: str, record: str, file: str) -> None:
        """Remove an attachment for good; raises ``NotFound`` where there is none."""
        with _at(module, record, file):
            item = await self._tiers.file(
                "delete_file", module, lambda calls: calls.detach(module, record, file)
            )
            if item.get("status") != "success":
                raise NotFound(_NO_FILE)


async def _listed(calls: FileCalls, *, module: str, record: str, page: int) -> Answer:
    return await calls.attachments(module, record, page, PAGE)


_NO_FILE = "the record has no such file"


@contextmanager
def _at(module: str, record: str, file: str | None = None) -> Generator[None]:
    """Errors in the terms of the call: of its ids, Zoho says ``INVALID_DATA`` alone."""
    try:
        if not is_record_id(record):
            raise NotFound(f"{module} has no such record")
        if file is not None and not is_record_id(file):
            raise NotFound(_NO_FILE)
        yield
    except ConnectorError as error:
        if error.code != "INVALID_DATA" or error.where.field is not None:
            error.at(object=module, record=record)
            raise
        what = f"{module} has no such record" if file is None else f"{_NO_FILE}, or the record is gone"
        raise NotFound(
            what,
            hint="it may have been deleted meanwhile",
            where=error.where,
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        ).at(object=module, record=record) from None


def _attachment(row: Native) -> Attachment:
    size = _text(row.get("Size"))
    return Attachment(
        id=_text(row.get("id")),
        name=_text(row.get("File_Name")),
        size=int(size) if size.isascii() and size.isdigit() else None,
        created=instant(_text(row.get("Created_Time"))),
        link=_text(row.get("$link_url")) or None,
    )


def _text(value: Value) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
