"""A strict local double of Pipedrive: API v2, and of API v1 what has no successor."""

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble


def create(options: Options) -> Double:
    """The double that `options` describe; raises `crmhub.testing.simulator.errors.SimulatorError`."""
    return PipedriveDouble(options)
