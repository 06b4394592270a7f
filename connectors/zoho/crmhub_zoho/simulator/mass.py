"""Mass update and mass delete: up to 500 records by id at once, or a view's records by a background job.

Source: Zoho CRM API v8, "Mass Update Records", "Mass Delete Records" and the pages of their jobs: one field a
call (three in Deals); at most 50,000 records of a view.
"""

from collections.abc import Mapping
from typing import cast

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_id, not_supported, required_param
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.jobs import Job
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.people import User
from crmhub_zoho.simulator.records import Records
from crmhub_zoho.simulator.views import view_id
from crmhub_zoho.simulator.writing import answer, items_of

MOST_IDS = 500
MOST_RECORDS = 50_000
_MOST_FIELDS = {"Deals": 3}
_UNSUPPORTED = frozenset({"Notes"})


class MassJob(Job):
    """A mass update (with `values`) or a mass delete (without) of all records of a module."""

    def __init__(
        self, by: User, records: Records, module: Module, values: Mapping[str, object] | None
    ) -> None:
        super().__init__(by)
        self.records = records
        self.module = module
        self.values = values
        self.total = len(module.table)
        self.changed = 0
        self.refused = 0

    def work(self) -> None:
        """Change or delete the records one by one."""
        if self.failed:
            return
        table = self.module.table
        ids = [table.id_at(place) for place in table.places()]
        self.total = len(ids)
        for record_id in ids:
            try:
                self._one(record_id)
                self.changed += 1
            except ZohoError:
                self.refused += 1

    def _one(self, record_id: str) -> None:
        if self.values is None:
            self.records.delete(self.module, record_id, self.by.id)
        else:
            self.records.update(self.module, {**self.values, "id": record_id}, "$.data[0]", self.by.id)


def mass_update(call: Call) -> Response:
    """`POST /{module}/actions/mass_update`."""
    module = _module(call)
    values = _values(call, module)
    if call.body.get("cvid") is not None:
        return _scheduled(call, module, values, "mass update scheduled successfully")

    def one(record_id: object, _: str) -> Details:
        item = {**values, "id": as_record_id(record_id) or str(record_id)}
        details = call.records.update(module, item, "$.data[0]", call.user.id)
        return {"code": "SUCCESS", "details": details, "message": "record updated", "status": "success"}

    return answer(_ids(call), one, 200)


def mass_delete(call: Call) -> Response:
    """`POST /{module}/actions/mass_delete`."""
    module = _module(call)
    if call.body.get("cvid") is not None:
        return _scheduled(call, module, None, "mass delete scheduled successfully")

    def one(record_id: object, _: str) -> Details:
        known = as_record_id(record_id) or ""
        if module.table.place_of(known) is None:
            raise invalid_id(str(record_id))
        details = call.records.delete(module, known, call.user.id)
        return {"code": "SUCCESS", "details": details, "message": "record is deleted", "status": "success"}

    return answer(_ids(call), one, 200)


def update_status(call: Call) -> Response:
    """`GET /{module}/actions/mass_update?job_id=`."""
    job = _job(call, deleting=False)
    left = job.total - job.changed - job.refused if job.done else 0
    counts = {"Updated_Count": job.changed, "Not_Updated_Count": left}
    return reply({"data": [{**_status(call.org, job), **counts}]})


def delete_status(call: Call) -> Response:
    """`GET /{module}/actions/mass_delete?job_id=`."""
    job = _job(call, deleting=True)
    return reply({"data": [{**_status(call.org, job), "Deleted_Count": job.changed}]})


def _status(org: Org, job: MassJob) -> Details:
    share = org.jobs.share(job)
    running = "SCHEDULED" if share < 0.5 and job.values is not None else "RUNNING"
    status = running if share < 1 else "FAILED" if job.failed else "COMPLETED"
    return {"Status": status, "Failed_Count": job.refused, "Total_Count": job.total}


def _job(call: Call, *, deleting: bool) -> MassJob:
    module = _module(call)
    job_id = call.params.get("job_id")
    if not job_id:
        raise required_param("job_id")
    job = call.org.jobs.find(MassJob, job_id)
    if job is None or job.module is not module or (job.values is None) is not deleting:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"param_name": "job_id"})
    return job


def _module(call: Call) -> Module:
    module = call.module()
    if module.name in _UNSUPPORTED:
        raise not_supported(resource_path_index=0)
    return module


def _scheduled(call: Call, module: Module, values: Mapping[str, object] | None, message: str) -> Response:
    if str(call.body["cvid"]) != view_id(module):
        details = {"api_name": "cvid", "json_path": "$.cvid"}
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", details)
    if len(module.table) > MOST_RECORDS:
        raise ZohoError(400, "LIMIT_EXCEEDED", "The limit is exceeded", {"limit": MOST_RECORDS})
    job = MassJob(call.user, call.records, module, values)
    job.failed = call.fault("job_failure")
    call.org.jobs.add(job)
    done = {"code": "SCHEDULED", "message": message, "status": "success"}
    return reply({"data": [{**done, "details": {"job_id": job.id}}]})


def _values(call: Call, module: Module) -> Mapping[str, object]:
    (item,) = items_of(call.body, most=1)
    if not isinstance(item, Mapping):
        details: Details = {"expected_data_type": "jsonobject", "json_path": "$.data[0]"}
        raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    values = cast("Mapping[str, object]", item)
    most = _MOST_FIELDS.get(module.name, 1)
    if not 1 <= len(values) <= most:
        place: Details = {"maximum_length": most, "json_path": "$.data[0]"}
        raise ZohoError(400, "INVALID_DATA", "invalid data", place)
    for name in values:
        if name not in module.fields:
            where: Details = {"api_name": name, "json_path": f"$.data[0].{name}"}
            raise ZohoError(400, "INVALID_DATA", "the field is not available", where)
    return values


def _ids(call: Call) -> list[object]:
    return items_of(call.body, most=MOST_IDS, key="ids")


_UPDATE, _DELETE = "/{module}/actions/mass_update", "/{module}/actions/mass_delete"
ENDPOINTS = (
    Endpoint("POST", _UPDATE, mass_update, ("mass_update.{module}.UPDATE",)),
    Endpoint("GET", _UPDATE, update_status, ("mass_update.{module}.READ",)),
    Endpoint("POST", _DELETE, mass_delete, ("mass_delete.{module}.DELETE",)),
    Endpoint("GET", _DELETE, delete_status, ("mass_delete.{module}.READ",)),
)
