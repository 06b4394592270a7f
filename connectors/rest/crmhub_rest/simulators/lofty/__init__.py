"""A strict local double of Lofty (formerly Chime), the real-estate CRM: Open API v1.0 and v2.0."""

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.lofty.double import LoftyDouble


def create(options: Options) -> Double:
    """The double that `options` describe; raises `crmhub.testing.simulator.errors.SimulatorError`."""
    return LoftyDouble(options)
