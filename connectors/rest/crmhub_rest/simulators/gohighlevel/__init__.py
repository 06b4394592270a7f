"""A double of GoHighLevel's API (LeadConnector v2), built from its OpenAPI files (github.com/GoHighLevel/
highlevel-api-docs), its documentation and what users report of it; see docs/simulators.md.
"""

from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble


def create(options: Options) -> GoHighLevelDouble:
    """Make the double from its options."""
    return GoHighLevelDouble(options)
