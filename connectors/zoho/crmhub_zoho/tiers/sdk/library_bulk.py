"""What Zoho's SDK does with bulk write jobs; see :mod:`crmhub_zoho.tiers.sdk.library_files` for the forms."""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

from zohocrmsdk.src.com.zoho.crm.api import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.bulk_write import (
    BulkWriteOperations,
    FileBodyWrapper,
    UploadFileHeader,
)
from zohocrmsdk.src.com.zoho.crm.api.util import StreamWrapper

from crmhub.connector import Native
from crmhub.http import FormFile
from crmhub.http.paths import quote
from crmhub_zoho.tiers.sdk.library import read
from crmhub_zoho.tiers.sdk.values import object_of

__all__ = ["result", "send_rows", "start_write", "write_job"]

_WRAPPER = "zohocrmsdk.src.com.zoho.crm.api.bulk_write.RequestWrapper"


def send_rows(org: str, form: FormFile) -> Native | None:
    """The answer for an archive of rows, uploaded."""
    headers = HeaderMap()
    headers.add(UploadFileHeader.feature, "bulk-write")
    headers.add(UploadFileHeader.x_crm_org, org)
    body = FileBodyWrapper()
    body.set_file(StreamWrapper("file", form))
    return read(BulkWriteOperations().upload_file(body, headers))


def start_write(body: Native) -> Native | None:
    """The answer for a new job."""
    return read(BulkWriteOperations().create_bulk_write_job(object_of(body, _WRAPPER, {})))


def write_job(job: str) -> Native | None:
    """A job as it stands."""
    return read(BulkWriteOperations().get_bulk_write_job_details(quote(job, name="job")))


def result(url: str) -> None:
    """Have a job's result come."""
    BulkWriteOperations().download_bulk_write_result(url)
