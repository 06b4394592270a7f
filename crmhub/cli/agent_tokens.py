"""``crmhub agents token``: by what agents are known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.agents_file import known_agents
from crmhub.cli.running import CONFIG, open_hub, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from crmhub.store.agent_tokens import AgentToken

__all__ = ["token"]

token = typer.Typer(help="The bearer tokens of agents.", no_args_is_help=True)


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="By which people know it: laptop, production.")],
    agent: Annotated[str, typer.Option(help="Whose it is: a name of the agents file.")],
    days: Annotated[int, typer.Option(min=0, help="How long it is good; 0 is for ever.")] = 90,
    config: Path = CONFIG,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from crmhub.agent.policy.load import load_agents
    from crmhub.document import suggest
    from crmhub.errors import UsageError

    path, known, _ = known_agents(None, config)
    agents = load_agents(path, known).agents
    if agent not in agents:
        raise UsageError(f"no agent {agent!r}", hint=suggest(agent, agents))

    async def make() -> str:
        async with open_hub(config) as hub:
            tokens = (await hub.store()).agent_tokens
            lasts = timedelta(days=days) if days else None
            return (await tokens.create(name, agent, lasts)).get_secret_value()

    typer.echo(run(make))


@token.command("list")
def list_(config: Path = CONFIG) -> None:
    """List the tokens, ended ones too; never a token itself."""

    async def read() -> tuple[Sequence[AgentToken], datetime]:
        async with open_hub(config) as hub:
            return await (await hub.store()).agent_tokens.all(), hub.clock.now()

    tokens, now = run(read)
    for each in tokens:
        typer.echo(f"{each.name:20} {each.agent:20} {_state(each, now):26} {_used(each)}")


@token.command()
def revoke(name: Annotated[str, typer.Argument(help="Which.")], config: Path = CONFIG) -> None:
    """End a token, from this moment on."""
    from crmhub.errors import UsageError

    async def end() -> bool:
        async with open_hub(config) as hub:
            return await (await hub.store()).agent_tokens.revoke(name)

    if not run(end):
        raise UsageError(f"there is no token {name!r} that is good", hint="crmhub agents token list")
    typer.echo(f"{name} has ended")


def _state(token: AgentToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    if token.expires_at is None:
        return "good for ever"
    return f"{'good until' if token.expires_at > now else 'ended'} {token.expires_at:%Y-%m-%d}"


def _used(token: AgentToken) -> str:
    return (
        "never used" if token.last_used_at is None else f"last used {token.last_used_at:%Y-%m-%d %H:%M} UTC"
    )
