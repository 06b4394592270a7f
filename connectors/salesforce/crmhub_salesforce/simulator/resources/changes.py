"""Replication: `/sobjects/X/updated` and `/sobjects/X/deleted` (sObject Get Updated, sObject Get Deleted)."""

from crmhub.testing.simulator.clock import days
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.errors import ApiError, not_found
from crmhub_salesforce.simulator.org import BIN_DAYS
from crmhub_salesforce.simulator.service import Service
from crmhub_salesforce.simulator.values import epoch, read_instant, stamp

MOST_IDS = 600_000
UPDATED_DAYS = 30
_MINUTE = 60


def add_changes(service: Service) -> None:
    """Add the routes of replication."""
    changes = _Changes(service)
    service.router.add("/sobjects/{sobject}/updated", GET=changes.updated)
    service.router.add("/sobjects/{sobject}/deleted", GET=changes.deleted)


class _Changes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._org = service.org

    def _replicated(self, call: Call) -> str:
        sobject = self._service.sobject(call.params["sobject"])
        if not sobject.replicateable:
            raise not_found()
        return sobject.name

    def _span(self, call: Call, reach_days: int) -> tuple[int, int]:
        """Start and end in epoch seconds, their seconds cut off."""
        start, end = (self._moment(call, name) for name in ("start", "end"))
        if start >= end:
            message = "startDate value must be before endDate value and must be at least 1 minute apart"
            raise ApiError("INVALID_REPLICATION_DATE", message)
        if start < self._org.clock.now() - days(reach_days) - _MINUTE:
            raise ApiError("INVALID_REPLICATION_DATE", f"startDate cannot be more than {reach_days} days ago")
        return start, end

    def _moment(self, call: Call, name: str) -> int:
        text = call.one(name)
        if text is None:
            raise ApiError("MISSING_ARGUMENT", f"{name} not specified")
        found = read_instant(text)
        if found is None:
            raise ApiError("INVALID_REPLICATION_DATE", f"{name}: {text} is not a date and time in ISO 8601")
        return epoch(found) // _MINUTE * _MINUTE

    def _covered(self, end: int) -> str:
        """Changes are complete up to the end, or to the last whole minute if that comes first."""
        return stamp(min(end, self._org.clock.seconds() // _MINUTE * _MINUTE))

    def updated(self, call: Call) -> Reply:
        table = self._org.tables[self._replicated(call)]
        start, end = self._span(call, UPDATED_DAYS)
        ids = [table.id_at(place) for place in table.places_by_modified(since=start, until=end - 1)]
        _few_enough(len(ids))
        return Reply(200, {"ids": ids, "latestDateCovered": self._covered(end)})

    def deleted(self, call: Call) -> Reply:
        name = self._replicated(call)
        start, end = self._span(call, BIN_DAYS)
        self._org.empty_old_bins()
        found = [entry for entry in self._org.deletions[name] if start <= entry.at < end]
        _few_enough(len(found))
        earliest = max(self._org.log_from, self._org.clock.seconds() - int(days(BIN_DAYS)))
        return Reply(
            200,
            {
                "deletedRecords": [{"deletedDate": stamp(entry.at), "id": entry.id} for entry in found],
                "earliestDateAvailable": stamp(earliest // _MINUTE * _MINUTE),
                "latestDateCovered": self._covered(end),
            },
        )


def _few_enough(count: int) -> None:
    if count > MOST_IDS:
        message = f"More than {MOST_IDS} ids: choose start and end closer together"
        raise ApiError("EXCEEDED_ID_LIMIT", message)
