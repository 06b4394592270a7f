"""The command tree."""

from __future__ import annotations

import typer

from crmhub.cli.demo import demo
from crmhub.cli.load import load
from crmhub.cli.mapping import mapping
from crmhub.cli.plugins import plugins
from crmhub.cli.simulate import simulate
from crmhub.cli.sync import dead_letters, sync

__all__ = ["app"]

app = typer.Typer(
    name="crmhub",
    help="Read, write and keep in sync any CRM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(sync)
app.command()(load)
app.command("dead-letters")(dead_letters)
app.command()(simulate)
app.command()(plugins)
app.add_typer(mapping, name="mapping")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:  # pyright: ignore[reportUnusedFunction]
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("crmhub"))
        raise typer.Exit
