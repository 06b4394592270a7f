"""The hooks that a plugin can implement, all of them optional.

A plugin is a module with functions marked ``@crmhub.hookimpl``, named in the entry-point group
``crmhub``. Hooks register things once, at start; they are never called per record. A *connector* is
not a hook: name its class in the entry-point group ``crmhub.connectors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never

import pluggy

if TYPE_CHECKING:
    import typer

    from crmhub.actions import Action
    from crmhub.events import Observer
    from crmhub.mapping.codecs.base import Factory
    from crmhub.models import Record

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("crmhub")
hookimpl = pluggy.HookimplMarker("crmhub")


@hookspec
def crmhub_codecs() -> Mapping[str, Factory]:  # pyright: ignore[reportReturnType]
    """Codecs that mappings can name, by name."""


@hookspec
def crmhub_models() -> Sequence[type[Record]]:  # pyright: ignore[reportReturnType]
    """Canonical models of your own."""


@hookspec
def crmhub_mappings() -> Mapping[str, Path]:  # pyright: ignore[reportReturnType]
    """Mapping files, by connector name."""


@hookspec
def crmhub_added_mappings() -> Mapping[str, Path]:  # pyright: ignore[reportReturnType]
    """Mapping files of your own models, by connector name: they add to what that CRM's own mapping has."""


@hookspec
def crmhub_actions() -> Sequence[Action[Never]]:  # pyright: ignore[reportReturnType]
    """Things to do across connections, by the hub, the command line and servers of tools."""


@hookspec
def crmhub_tools() -> Sequence[object]:  # pyright: ignore[reportReturnType]
    """Packs of tools for agents (``crmhub.agent.tool.Pack``); a policy says which of them an agent has."""


@hookspec
def crmhub_secrets() -> Mapping[str, Callable[[str], str]]:  # pyright: ignore[reportReturnType]
    """Resolvers of secret references, by scheme: ``vault`` resolves ``vault:path#key``."""


@hookspec
def crmhub_observers() -> Sequence[Observer]:  # pyright: ignore[reportReturnType]
    """Functions that are called with every event."""


@hookspec
def crmhub_commands() -> Mapping[str, typer.Typer]:  # pyright: ignore[reportReturnType]
    """Commands and groups of them for the CLI, by name; ``schema acme`` goes into the group ``schema``."""
