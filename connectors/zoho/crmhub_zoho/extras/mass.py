"""Changes and deletions of many records at once.

Source: Zoho CRM API v8, "Mass Update Records" and "Mass Delete Records": one field a call (three in Deals),
up to 500 records by id, or all of a view (at most 50,000) by a job of Zoho's. They need scopes of their own,
which crmhub does not ask for unless it is told to.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from crmhub.connector import Native, Outcome, Value
from crmhub.errors import BadRequest, ConnectorError, PermissionDenied, UnknownOutcome, UsageError, Where
from crmhub_zoho.errors import error_of
from crmhub_zoho.extras.batches import in_batches
from crmhub_zoho.extras.checks import module_name, record_id
from crmhub_zoho.extras.results import MassJob, MassStatus
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.answers import WriteAnswer
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Mass"]

_MOST_IDS = 500
_MOST_FIELDS = {"Deals": 3}


class Mass:
    """Mass operations."""

    def __init__(self, rest: RestExtras, schemas: Schemas) -> None:
        self._rest = rest
        self._schemas = schemas

    async def update(self, module: str, ids: Sequence[str], values: Mapping[str, Value]) -> Sequence[Outcome]:
        """The same change of records; one outcome for each."""
        fields = await self._checked(module, values)
        with _at(module, "ZohoCRM.mass_update.UPDATE"):
            return await in_batches(
                ids, _MOST_IDS, lambda batch: self._rest.mass_update(module, batch, fields)
            )

    async def update_view(self, module: str, view: str, values: Mapping[str, Value]) -> MassJob:
        """Begin the same change of all records of a view."""
        fields = await self._checked(module, values)
        with _at(module, "ZohoCRM.mass_update.UPDATE"):
            answer = await self._rest.mass_update_view(module, record_id(view, "custom_views"), fields)
            return _job(answer, module, "update")

    async def delete(self, module: str, ids: Sequence[str]) -> Sequence[Outcome]:
        """Move records to the recycle bin; one outcome for each."""
        module_name(module)
        with _at(module, "ZohoCRM.mass_delete.DELETE"):
            return await in_batches(
                ids, _MOST_IDS, lambda batch: self._rest.mass_delete(module, batch), "deleted"
            )

    async def delete_view(self, module: str, view: str) -> MassJob:
        """Begin the deletion of all records of a view."""
        module_name(module)
        with _at(module, "ZohoCRM.mass_delete.DELETE"):
            answer = await self._rest.mass_delete_view(module, record_id(view, "custom_views"))
            return _job(answer, module, "delete")

    async def status(self, job: MassJob) -> MassStatus:
        """How far a job has come."""
        if not isinstance(job, MassJob):  # pyright: ignore[reportUnnecessaryIsInstance] - callers err
            raise UsageError(
                "job: not a job for a view", hint="give what mass_update_view or mass_delete_view gave"
            )
        with _at(job.object, f"ZohoCRM.mass_{job.kind}.READ"):
            answer = await self._rest.mass_job(job.object, f"mass_{job.kind}", job.id)
        row = answer.rows[0] if answer.rows else {}
        state = row.get("Status")
        if not isinstance(state, str):
            raise answer.response.unreadable("JSON without the Status of the job")
        done = row.get("Updated_Count") if job.kind == "update" else row.get("Deleted_Count")
        return MassStatus(
            state, _number(row.get("Total_Count")), _number(done), _number(row.get("Failed_Count"))
        )

    async def _checked(self, module: str, values: Mapping[str, Value]) -> Native:
        schema = await self._schemas.of(module)
        most = _MOST_FIELDS.get(module, 1)
        if not 1 <= len(values) <= most:
            raise BadRequest(
                f"a mass update of {module} changes {'1 field' if most == 1 else f'1 to {most} fields'}, "
                f"and {len(values)} are given",
                hint="update the records one by one for more: update_many(…)",
                where=Where(object=module),
            )
        for name in values:
            schema.check(name)
        return dict(values)


@contextmanager
def _at(module: str, scope: str) -> Generator[None]:
    """Errors in the terms of the call; a missing scope is named."""
    try:
        yield
    except ConnectorError as error:
        if isinstance(error, PermissionDenied) and error.code == "OAUTH_SCOPE_MISMATCH":
            error.hint = f"sign in again with {scope} among the scopes: crmhub auth --scopes"
        error.at(object=module)
        raise


def _job(answer: WriteAnswer, module: str, kind: Literal["update", "delete"]) -> MassJob:
    item = answer.items[0] if answer.items else {}
    if item.get("status") == "error":
        raise error_of(item, answer.response)
    details = item.get("details")
    job = details.get("job_id") if isinstance(details, dict) else None
    if not isinstance(job, str | int):
        raise UnknownOutcome("Zoho's answer names no job", where=Where(object=module))
    return MassJob(str(job), module, kind)


def _number(value: Value) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
