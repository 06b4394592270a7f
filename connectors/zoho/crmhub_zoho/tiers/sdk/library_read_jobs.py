"""What Zoho's SDK does with bulk read jobs; see :mod:`crmhub_zoho.tiers.sdk.library`.

Of a result it gives an empty envelope: the bytes are where the job has put them, a piece at a time.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence

from zohocrmsdk.src.com.zoho.crm.api.bulk_read import BodyWrapper, BulkReadOperations, Query
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule

from crmhub.connector import Native
from crmhub_zoho.tiers.sdk.library import read

__all__ = ["read_job", "result", "start_read"]


def start_read(module: str, fields: Sequence[str], token: str | None) -> Native | None:
    """The answer for a new job."""
    named = MinifiedModule()
    named.set_api_name(module)
    query = Query()
    query.set_module(named)
    query.set_fields(list(fields))
    if token is not None:
        query.set_page_token(token)
    body = BodyWrapper()
    body.set_query(query)
    body.set_file_type("csv")
    return read(BulkReadOperations().create_bulk_read_job(body))


def read_job(id: str) -> Native | None:
    """A job as it stands."""
    return read(BulkReadOperations().get_bulk_read_job_details(int(id)))


def result(id: str) -> None:
    """Have a job's result come."""
    BulkReadOperations().download_result(int(id))
