"""A local double of Salesforce: `crmhub simulate salesforce`.

Built from Salesforce's public documentation and from recorded replies of real orgs, and on nothing of the
connector. Change data capture and tooling resources are not played: their paths answer 404 NOT_FOUND.
"""

from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator.double import SalesforceDouble

__all__ = ["SalesforceDouble", "create"]


def create(options: Options) -> SalesforceDouble:
    """A Salesforce org with these options; raises SimulatorError for a file or setting that cannot be."""
    return SalesforceDouble(options)
