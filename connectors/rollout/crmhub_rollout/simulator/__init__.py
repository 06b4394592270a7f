"""A strict local double of Rollout's Universal CRM API."""

from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.options import Options
from crmhub_rollout.simulator.double import RolloutDouble


def create(options: Options) -> Double:
    """The double that `options` describe; raises `crmhub.testing.simulator.errors.SimulatorError`."""
    return RolloutDouble(options)
