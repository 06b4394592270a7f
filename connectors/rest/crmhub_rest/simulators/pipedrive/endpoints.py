"""All endpoints that the double plays."""

from crmhub_rest.simulators.pipedrive import field_api, leads, notes, pipelines, records, search, users
from crmhub_rest.simulators.pipedrive.call import Endpoint
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.webhooks import Webhooks


def endpoints(company: Company) -> list[Endpoint]:
    """Every endpoint; fixed paths stand before those with parameters."""
    return [
        *search.endpoints(company),
        *records.endpoints(),
        *pipelines.endpoints(),
        *field_api.endpoints(),
        *notes.ENDPOINTS,
        *leads.ENDPOINTS,
        *users.ENDPOINTS,
        *Webhooks(company).endpoints(),
    ]
