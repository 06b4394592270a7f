"""The command tree."""

from __future__ import annotations

from typing import Annotated

import typer

from crmhub.cli.actions import actions
from crmhub.cli.agents import agents
from crmhub.cli.approvals import approvals
from crmhub.cli.audit import audit
from crmhub.cli.auth import auth
from crmhub.cli.conformance import conformance
from crmhub.cli.connectors import connectors
from crmhub.cli.demo import demo
from crmhub.cli.doctor import doctor
from crmhub.cli.limits import limits
from crmhub.cli.load import load
from crmhub.cli.mapping import mapping
from crmhub.cli.mcp import mcp
from crmhub.cli.plugged import PluggedApp
from crmhub.cli.plugins import plugins
from crmhub.cli.schema import schema
from crmhub.cli.simulate import simulate
from crmhub.cli.store import backup, rotate_key
from crmhub.cli.sync import dead_letters, sync
from crmhub.cli.tiers import route, tiers

__all__ = ["app"]

app = typer.Typer(
    name="crmhub",
    cls=PluggedApp,
    help="Read, write and keep in sync any CRM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich for it would take longer than all the rest
    add_completion=False,
)
app.command()(demo)
app.command()(sync)
app.command()(load)
app.command("dead-letters")(dead_letters)
app.command()(auth)
app.command()(doctor)
app.command()(backup)
app.command("rotate-key")(rotate_key)
app.command()(simulate)
app.command()(route)
app.command()(tiers)
app.command()(limits)
app.command()(mcp)
app.command()(plugins)
app.command()(conformance)
app.add_typer(connectors, name="connectors")
app.add_typer(mapping, name="mapping")
app.add_typer(schema, name="schema")
app.add_typer(actions, name="actions")
app.add_typer(audit, name="audit")
app.add_typer(approvals, name="approvals")
app.add_typer(agents, name="agents")


@app.callback(invoke_without_command=True)
def _before(  # pyright: ignore[reportUnusedFunction] - typer calls it
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every call to standard error.")
    ] = False,
) -> None:
    if verbose:
        import logging

        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("crmhub").setLevel(logging.INFO)
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("crmhub"))
        raise typer.Exit
