"""Commands that plugins bring, loaded when one is asked for that is not crmhub's own, or for ``--help``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer._click.core import Command, Context  # typer's own copy of click

__all__ = ["PluggedApp", "PluggedConnectors", "PluggedSchema"]


class PluggedApp(TyperGroup):
    """A group of crmhub's with the commands that the hook ``crmhub_commands`` puts into it."""

    inside: ClassVar[str] = ""
    """What stands before the commands' names in the hook: the group's own name, with a space."""

    def list_commands(self, ctx: Context) -> list[str]:
        """The group's own commands, then those of plugins."""
        own = super().list_commands(ctx)
        return [*own, *sorted(self._plugged().keys() - set(own))]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The group's own command of that name, else a plugin's."""
        return super().get_command(ctx, cmd_name) or self._plugged().get(cmd_name)

    def _plugged(self) -> Mapping[str, Command]:
        from crmhub.plugins import Plugins

        found: dict[str, Command] = {}
        for name, brought in Plugins().commands().items():
            group, _, command = name.rpartition(" ")
            if f"{group} ".lstrip() == self.inside and isinstance(brought, typer.Typer):
                found[command] = typer.main.get_command(brought)
                found[command].name = command
        return found


class PluggedConnectors(PluggedApp):
    """``crmhub connectors``."""

    inside = "connectors "


class PluggedSchema(PluggedApp):
    """``crmhub schema``."""

    inside = "schema "
