"""Describes, versions, limits and the org's own facts."""

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import VERSIONS, Call, Reply
from crmhub_salesforce.simulator.describe import describe, global_describe, summary
from crmhub_salesforce.simulator.resources.rows import create_row, http_date, read_http_date
from crmhub_salesforce.simulator.service import PREFIX, Service

_SEASONS = ("Spring", "Summer", "Winter")
_RESOURCES = (
    "composite",
    "jobs",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "recent",
    "search",
    "sobjects",
)
_OTHER_LIMITS = {
    "ConcurrentAsyncGetReportInstances": 200,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDurableStreamingApiEvents": 200_000,
    "DailyStreamingApiEvents": 200_000,
    "DailyWorkflowEmails": 100_000,
    "DataStorageMB": 1_073,
    "FileStorageMB": 1_073,
    "HourlyAsyncReportRuns": 1_200,
    "HourlySyncReportRuns": 500,
    "MassEmail": 5_000,
    "SingleEmail": 5_000,
}


def add_describes(service: Service) -> None:
    """Add the routes that tell about the org."""
    resource = _Describes(service)
    service.router.add("/", GET=resource.resources)
    service.router.add("/limits", GET=resource.limits)
    service.router.add("/limits/recordCount", GET=resource.counts)
    service.router.add("/recent", GET=lambda _: Reply(200, list[object]()))
    service.router.add("/sobjects", GET=resource.objects)
    service.router.add(
        "/sobjects/{sobject}", GET=resource.basics, POST=lambda call: create_row(service, call)
    )
    service.router.add("/sobjects/{sobject}/describe", GET=resource.fields)


def versions() -> list[Row]:
    """`GET /services/data`: the versions that answer, oldest first."""
    found: list[Row] = []
    for number in VERSIONS:
        # Three releases a year; Winter carries the next year's name. Spring '25 is 63.0.
        season, year = _SEASONS[number % 3], 25 + (number - 63) // 3 + (number % 3 == 2)
        found.append({"label": f"{season} '{year}", "url": f"{PREFIX}/v{number}.0", "version": f"{number}.0"})
    return found


class _Describes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._org = service.org

    def resources(self, call: Call) -> Reply:
        found: Row = {name: f"{PREFIX}/v{call.version}/{name}" for name in _RESOURCES}
        found["identity"] = f"{call.base_url}/id/{self._org.id}/{self._org.user_id}"
        return Reply(200, found)

    def limits(self, call: Call) -> Reply:
        del call
        usage = self._service.usage
        found: Row = {name: {"Max": top, "Remaining": top} for name, top in _OTHER_LIMITS.items()}
        for name, allowance in self._service.allowances.items():
            most, used = allowance()
            found[name] = {"Max": most, "Remaining": max(most - used, 0)}
        found["DailyApiRequests"] = {"Max": usage.allowed, "Remaining": max(usage.allowed - usage.used(), 0)}
        return Reply(200, dict(sorted(found.items())))

    def counts(self, call: Call) -> Reply:
        """Record counts; objects without records, and unknown ones, are left out."""
        wanted = call.one("sObjects")
        names = (
            [name.strip() for name in wanted.split(",")]
            if wanted
            else [item.name for item in self._org.catalog]
        )
        objects = (self._org.catalog.get(name) for name in names)
        counted = [(item.name, len(self._org.tables[item.name])) for item in objects if item is not None]
        return Reply(200, {"sObjects": [{"count": count, "name": name} for name, count in counted if count]})

    def _unchanged(self, call: Call, headers: dict[str, str]) -> Reply | None:
        since = read_http_date(call.headers.get("if-modified-since"))
        if since is not None and self._org.created_at <= since:
            return Reply(304, None, headers)
        return None

    def _headers(self) -> dict[str, str]:
        return {"Last-Modified": http_date(self._org.created_at)}

    def objects(self, call: Call) -> Reply:
        headers = self._headers()
        return self._unchanged(call, headers) or Reply(
            200, global_describe(self._org.catalog, call.version), headers
        )

    def basics(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        return Reply(200, {"objectDescribe": summary(sobject, call.version), "recentItems": []})

    def fields(self, call: Call) -> Reply:
        headers = self._headers()
        sobject = self._service.sobject(call.params["sobject"])
        return self._unchanged(call, headers) or Reply(
            200, describe(self._org, sobject, call.version), headers
        )
