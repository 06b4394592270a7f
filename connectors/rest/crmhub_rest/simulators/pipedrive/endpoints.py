"""All endpoints that the double plays."""

from crmhub_rest.simulators.pipedrive import leads, notes, pipelines, records, users
from crmhub_rest.simulators.pipedrive.call import Endpoint
from crmhub_rest.simulators.pipedrive.company import Company


def endpoints(company: Company) -> list[Endpoint]:
    """Every endpoint; fixed paths stand before those with parameters."""
    del company
    return [
        *records.endpoints(),
        *pipelines.endpoints(),
        *notes.ENDPOINTS,
        *leads.ENDPOINTS,
        *users.ENDPOINTS,
    ]
