"""A strict local double of Zoho CRM (API v8)."""

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.double import ZohoDouble


def create(options: Options) -> Double:
    """The double that `options` describe; raises `crmhub.testing.simulator.errors.SimulatorError`."""
    return ZohoDouble(options)
