"""``crmhub agents``: who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmhub.cli.agent_tokens import token
from crmhub.cli.agents_file import known_agents
from crmhub.cli.running import CONFIG, PARTIAL

__all__ = ["agents"]

agents = typer.Typer(help="Agents, and what each of them may do.", no_args_is_help=True)
agents.add_typer(token, name="token")


@agents.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="A file of agents and policies; without it those of the configuration."),
    ] = None,
    config: Path = CONFIG,
) -> None:
    """Check agents and their policies, and say what each may do; exits 3 where something is amiss."""
    from crmhub.agent.policy.load import load_agents, remarks

    path, known, toolbox = known_agents(file, config)
    found = load_agents(path, known)
    for name, entry in found.agents.items():
        policy = found.policies[entry.policy]
        tools = toolbox.chosen(policy.tools)
        writing = sum(tool.effect.writes for tool in tools.values())
        typer.echo(
            f"{name:20} {entry.policy}@{policy.version}  {len(tools)} tools ({writing} write)  "
            f"{', '.join(policy.connections)}  {', '.join(policy.models) or 'no records'}"
        )
    odd = remarks(found, toolbox)
    for line in odd:
        typer.echo(f"note: {line}", err=True)
    if odd:
        raise typer.Exit(PARTIAL)


@agents.command()
def example(
    name: Annotated[str | None, typer.Argument(help="Which; without it they are listed.")] = None,
) -> None:
    """Print a policy to begin with."""
    from importlib.resources import files

    from crmhub.document import suggest
    from crmhub.errors import UsageError

    folder = files("crmhub.agent.policy.examples")
    known = sorted(
        each.name.removesuffix(".yaml") for each in folder.iterdir() if each.name.endswith(".yaml")
    )
    if name is None:
        typer.echo("\n".join(known))
        return
    if name not in known:
        raise UsageError(f"no example {name!r}", hint=suggest(name, known))
    typer.echo((folder / f"{name}.yaml").read_text("utf-8"), nl=False)
