"""``crmhub plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

import typer

__all__ = ["plugins"]


def plugins() -> None:
    """List connectors and plugins, each tried; broken ones say why and stop nothing else."""
    from crmhub.plugins import report

    lines = report()
    for line in lines:
        state = f"broken: {line.error}" if line.error else "ok"
        if line.left_out:
            state = "left out: CRMHUB_LOAD_PLUGINS does not name it"
        typer.echo(f"{line.kind:10} {line.name:14} {line.distribution} {line.version}  {state}")
    if any(line.error for line in lines):
        raise typer.Exit(1)
