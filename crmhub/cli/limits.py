"""``crmhub limits``: what is used of what the CRMs let their accounts use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.usage import Usage

__all__ = ["limits"]


def limits(
    connection: Annotated[str | None, typer.Argument(help="The connection; all without it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    config: Path = CONFIG,
) -> None:
    """Show what is used of each account's allowance, what is kept for people, and what is left."""
    from dataclasses import asdict

    from crmhub.cli.running import open_hub, run
    from crmhub.errors import Unsupported

    async def work() -> dict[str, Usage]:
        found: dict[str, Usage] = {}
        async with open_hub(config) as hub:
            for name in hub if connection is None else [connection]:
                try:
                    found[name] = await hub[name].usage()
                except Unsupported:
                    if connection is not None:
                        raise
        return found

    for name, usage in run(work).items():
        if as_json:
            told = {**asdict(usage), "left": usage.left, "share": usage.share}
            typer.echo(json.dumps({"connection": name, **told}))
        else:
            for line in _lines(name, usage):
                typer.echo(line)


def _lines(name: str, usage: Usage) -> list[str]:
    hours = f"{usage.window / 3_600:g} hours"
    if usage.most is None or usage.share is None:
        lines = [f"{name}: {usage.used:,} {usage.unit} used in {hours}; how many there are is {usage.why}"]
    else:
        part = f"{usage.share:.0%}; {usage.why}"
        lines = [
            f"{name}: {usage.used:,} of {usage.most:,} {usage.unit} used in {hours} ({part})",
            f"  {usage.left:,} left for jobs, {usage.reserve:,} kept for people",
        ]
    if usage.others:
        lines.append(f"  {usage.others:,} of those used by other applications")
    return [*lines, f"  {usage.concurrency} calls at once"]
