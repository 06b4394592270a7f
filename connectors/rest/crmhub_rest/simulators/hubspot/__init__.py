"""A strict local double of HubSpot's CRM APIs (v3, v4 and the dated versions)."""

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble


def create(options: Options) -> Double:
    """The double that `options` describe; raises `crmhub.testing.simulator.errors.SimulatorError`."""
    return HubSpotDouble(options)
