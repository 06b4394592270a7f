"""Errors of the simulators themselves (not of the vendors that they play)."""

from crmhub.errors import ConfigError


class SimulatorError(ConfigError):
    """A simulator cannot start or was told something it cannot do; the message says what and how to mend
    it.
    """


class ConnectionCut(Exception):
    """The double drops the connection instead of answering.

    In process it reaches the ASGI caller, whose transport turns it into a network error; under `serve` the
    socket is really cut.
    """

    cuts_connection = True
    """Read by whoever mounts the application, so that it need not import this class."""
