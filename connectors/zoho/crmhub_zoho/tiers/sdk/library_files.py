"""What Zoho's SDK does with files; see :mod:`crmhub_zoho.tiers.sdk.library`.

A form is handed to the SDK as one made already (:class:`crmhub.http.FormFile`): it is sent as it is, a piece
at a time. What the SDK gives for a download is an empty envelope: the bytes are where the job has put them.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

from zohocrmsdk.src.com.zoho.crm.api import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.attachments import (
    AttachmentsOperations,
    FileBodyWrapper,
    GetAttachmentsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.util import StreamWrapper

from crmhub.connector import Native
from crmhub.http import FormFile
from crmhub.http.paths import quote
from crmhub_zoho.tiers.sdk.library import read

__all__ = ["attach", "attachment", "attachments", "detach"]


def attachments(module: str, id: str, fields: str, page: int, per_page: int) -> Native | None:
    """A page of a record's attachments."""
    params = ParameterMap()
    for param, value in (
        (GetAttachmentsParam.fields, fields),
        (GetAttachmentsParam.page, page),
        (GetAttachmentsParam.per_page, per_page),
    ):
        params.add(param, value)
    return read(AttachmentsOperations().get_attachments(int(id), _segment(module), params))


def attach(module: str, id: str, form: FormFile) -> Native | None:
    """The answer for a new attachment."""
    body = FileBodyWrapper()
    body.set_file(StreamWrapper("file", form))
    return read(AttachmentsOperations().upload_attachments(int(id), _segment(module), body))


def attachment(module: str, id: str, file: str) -> None:
    """Have an attachment's bytes come."""
    AttachmentsOperations().get_attachment(int(file), int(id), _segment(module))


def detach(module: str, id: str, file: str) -> Native | None:
    """The answer for an attachment's removal."""
    return read(AttachmentsOperations().delete_attachment(int(file), int(id), _segment(module)))


def _segment(module: str) -> str:
    """The module as one segment of a path; the SDK would take in any."""
    return quote(module, name="module")
