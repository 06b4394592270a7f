"""All endpoints that the double plays."""

from crmhub_rest.simulators.pipedrive import (
    activity_types,
    field_api,
    field_api_v1,
    followers,
    leads,
    merging,
    notes,
    pipelines,
    recents,
    records,
    search,
    users,
    v1_lists,
)
from crmhub_rest.simulators.pipedrive.call import Endpoint
from crmhub_rest.simulators.pipedrive.call_logs import CallLogs
from crmhub_rest.simulators.pipedrive.changelog import Changelog
from crmhub_rest.simulators.pipedrive.comments import Comments
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.participants import Participants
from crmhub_rest.simulators.pipedrive.relationships import Relationships
from crmhub_rest.simulators.pipedrive.webhooks import Webhooks


def endpoints(company: Company, webhooks: Webhooks) -> list[Endpoint]:
    """Every endpoint; fixed paths stand before those with parameters."""
    return [
        *search.endpoints(company),
        *records.endpoints(),
        *pipelines.endpoints(),
        *field_api.endpoints(),
        *field_api_v1.endpoints(),
        *followers.endpoints(),
        *merging.endpoints(),
        *Participants(company).endpoints(),
        *Changelog(company).endpoints(),
        *Relationships(company).endpoints(),
        *Comments(company).endpoints(),
        *CallLogs(company).endpoints(),
        *notes.ENDPOINTS,
        *leads.ENDPOINTS,
        *activity_types.ENDPOINTS,
        *users.ENDPOINTS,
        *v1_lists.endpoints(),
        *recents.ENDPOINTS,
        *webhooks.endpoints(),
    ]
