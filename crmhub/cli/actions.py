"""``crmhub actions``: what plugins can do across connections."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG, PARTIAL

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["actions"]

actions = typer.Typer(help="What plugins can do across connections.", no_args_is_help=True)


@actions.command("list")
def list_(
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines, each with the schema of the arguments.")
    ] = False,
) -> None:
    """List the actions of the installed plugins."""
    import json

    from crmhub.plugins import Plugins

    for name, each in Plugins().actions().items():
        if as_json:
            schema = each.arguments.model_json_schema()
            typer.echo(json.dumps({"name": name, "about": each.about, "arguments": schema}))
        else:
            typer.echo(f"{name:24} {each.about.partition(chr(10))[0]}")


@actions.command("run")
def run_(
    name: Annotated[str, typer.Argument(help="The action.")],
    given: Annotated[
        str,
        typer.Argument(metavar="JSON|@FILE|-", help="Its arguments: JSON, a file, or - for input."),
    ] = "{}",
    config: Path = CONFIG,
) -> None:
    """Do what an action does; prints what came of it as JSON."""
    from crmhub.cli.running import open_hub, run

    arguments = _arguments(given)

    async def work() -> BaseModel:
        async with open_hub(config) as hub:
            return await hub.act(name, arguments)

    result = run(work)
    typer.echo(result.model_dump_json(indent=2, exclude_none=True))
    if getattr(result, "ok", True) is False:
        raise typer.Exit(PARTIAL)


def _arguments(given: str) -> dict[str, object]:
    """The arguments that were given as JSON."""
    from decimal import Decimal

    import msgspec

    from crmhub.errors import ConfigError

    try:
        text = given
        if given == "-":
            text = sys.stdin.read()
        elif given.startswith("@"):
            text = Path(given[1:]).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{given[1:]}: cannot be read: {error.strerror}") from None
    try:
        return msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ConfigError(f"arguments: not a JSON object: {error}", hint='{"crmType": "all", …}') from None
