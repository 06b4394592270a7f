"""Finding a connector's target.

It is named in the entry-point group ``crmhub.targets`` under the connector's name; else it is ``target`` in
the module ``conformance`` of the connector's package.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import cast

from crmhub.errors import ConfigError, PluginError
from crmhub.plugins import find_connector, load_connector
from crmhub.testing.conformance.target import Target

__all__ = ["TARGETS", "find_target"]

TARGETS = "crmhub.targets"


def find_target(name: str) -> Target:
    """The target of the connector of that name.

    Raises :class:`UnknownConnector`, :class:`ConfigError` where the connector brings no target, and
    :class:`PluginError` where what it brings cannot be used.
    """
    load_connector(name)
    named = next(iter(entry_points(group=TARGETS, name=name)), None)
    module = named.module if named is not None else _module(find_connector(name)[0].module)
    if find_spec(module) is None:
        raise ConfigError(
            f"connector {name!r} brings no conformance target",
            hint=f"write {module} with target = …; see docs/conformance.md",
        )
    try:
        found = cast("object", getattr(import_module(module), named.attr if named else "target", None))
    except Exception as error:
        raise PluginError(
            f"{module} cannot be imported: {type(error).__name__}: {error}",
            hint="a simulator needs pip install 'crmhub[simulate]'",
        ) from error
    if not isinstance(found, Target):
        raise PluginError(f"{module} has no target", hint="write target = …Target() in it")
    return found


def _module(connector: str) -> str:
    """``crmhub_shop.conformance`` for a connector in ``crmhub_shop`` or in ``crmhub_shop.connector``."""
    spec = find_spec(connector)
    package = connector if spec and spec.submodule_search_locations else connector.rpartition(".")[0]
    return f"{package}.conformance"
