"""Zoho CRM's REST API for files attached to records, one method for each endpoint.

Source: Zoho CRM API v8, "Get Attachments", "Upload an Attachment", "Download an Attachment" and "Delete
Attachments".
"""

from __future__ import annotations

from crmhub.connector import Native
from crmhub.http import FormFile, HttpClient, Sink, path
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, one_answer, write_answer_of

__all__ = ["FIELDS", "RestFiles"]

FIELDS = ("id", "File_Name", "Size", "Created_Time")
"""What is asked for of an attachment."""


class RestFiles:
    """See the module."""

    def __init__(self, http: HttpClient, version: str) -> None:
        self._http = http
        self._place = f"/crm/{version}/{{module}}/{{id}}/Attachments"

    async def attachments(self, module: str, id: str, page: int, per_page: int) -> Answer:
        """A page of a record's attachments, newest first."""
        params: dict[str, str | int] = {"fields": ",".join(FIELDS), "page": page, "per_page": per_page}
        response = await self._http.request("GET", self._of(module, id), params=params)
        return answer_of(response.json(), response)

    async def attach(self, module: str, id: str, form: FormFile) -> WriteAnswer:
        """A new attachment: not safe to send twice."""
        headers = {"content-type": form.content_type}
        response = await self._http.request("POST", self._of(module, id), content=form, headers=headers)
        return write_answer_of(response.json(), response)

    async def content(self, module: str, id: str, file: str, into: Sink) -> bool:
        """An attachment's bytes; ``False``: Zoho answered that it has none."""
        response = await self._http.request("GET", self._one(module, id, file), into=into)
        return response.taken is not None

    async def detach(self, module: str, id: str, file: str) -> Native:
        """Zoho's word on the removal of an attachment."""
        response = await self._http.request("DELETE", self._one(module, id, file))
        return one_answer(write_answer_of(response.json(), response))

    def _of(self, module: str, id: str) -> str:
        return path(self._place, module=module, id=id)

    def _one(self, module: str, id: str, file: str) -> str:
        return path(self._place + "/{file}", module=module, id=id, file=file)
