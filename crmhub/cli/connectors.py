"""``crmhub connectors``: what there is to connect to. Plugins add commands for connectors of theirs."""

from __future__ import annotations

import typer

from crmhub.cli.plugged import PluggedConnectors

__all__ = ["connectors"]

connectors = typer.Typer(
    cls=PluggedConnectors, help="List connectors, and take one apart.", no_args_is_help=True
)


@connectors.command("list")
def list_() -> None:
    """List the installed connectors, with their distributions; nothing is loaded."""
    from crmhub.plugins import connector_names, find_connector

    for name in connector_names():
        (entry, *_) = find_connector(name)
        owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
        typer.echo(f"{name:14} {owner}")
