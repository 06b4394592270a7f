"""What crmhub-rest adds to the command line.

A package of its own, since hooks are looked at whenever crmhub starts, and crmhub_rest takes time to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmhub import hookimpl

if TYPE_CHECKING:
    import typer

__all__ = ["crmhub_commands"]


@hookimpl
def crmhub_commands() -> Mapping[str, typer.Typer]:
    """``dev``, ``connectors eject`` and ``schema connector``."""
    from crmhub_rest_cli.commands import dev, eject, schema

    return {"dev": dev, "connectors eject": eject, "schema connector": schema}
