"""``crmhub mcp``: the CRMs for agents, as an MCP server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crmhub.cli.agents_file import known_agents
from crmhub.cli.running import CONFIG, open_hub, run

if TYPE_CHECKING:
    from crmhub.agent.policy.language import Agents
    from crmhub.agent.tool import Toolbox

__all__ = ["mcp"]


def mcp(
    config: Path = CONFIG,
    agents: Annotated[
        Path | None, typer.Option(help="The file of agents and policies, where the configuration names none.")
    ] = None,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Serve one agent by standard input and output.")
    ] = False,
    agent: Annotated[str | None, typer.Option(help="With --stdio: which agent it is.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any free one.")] = 9001,
    text: Annotated[
        str, typer.Option(help="The text of results: a line, or the data for clients that read text alone.")
    ] = "line",
    json: Annotated[
        bool, typer.Option("--json", help="Answer with JSON instead of event streams; nobody can be asked.")
    ] = False,
) -> None:
    """Serve the CRMs to agents, each within its policy: Streamable HTTP at /mcp, or stdio."""
    from crmhub.errors import UsageError

    if text not in ("line", "data"):
        raise UsageError(f"--text {text}: no such text", hint="line or data")
    if stdio != (agent is not None):
        raise UsageError("--stdio and --agent belong together", hint="crmhub mcp --stdio --agent NAME")
    _demand_library()
    from crmhub.agent.policy.load import load_agents

    path, known, toolbox = known_agents(agents, config)
    found = load_agents(path, known)
    if agent is not None:
        run(lambda: _by_stdio(config, found, toolbox, agent, text))
    else:
        run(lambda: _by_http(config, found, toolbox, host, port, text, json_response=json))


def _demand_library() -> None:
    from importlib.util import find_spec

    from crmhub.errors import ConfigError

    if find_spec("mcp") is None:
        raise ConfigError(
            "the MCP server needs mcp, which is not installed", hint="pip install 'crmhub[mcp]'"
        )


async def _by_http(
    config: Path,
    agents: Agents,
    toolbox: Toolbox,
    host: str,
    port: int,
    text: Literal["line", "data"],
    *,
    json_response: bool,
) -> None:
    from crmhub.agent.assembling import assemble
    from crmhub.agent.serving.running import http_serving

    async with open_hub(config) as hub:
        assembled = await assemble(hub, agents, toolbox)
        serving = http_serving(hub, assembled, host=host, port=port, text=text, json_response=json_response)
        async with serving as server:
            typer.echo(f"{server.url}  ({len(agents.agents)} agents; Ctrl-C ends it)", err=True)
            tokens = await (await hub.store()).agent_tokens.all()
            if not tokens and agents.serving.issuer is None:
                name = next(iter(agents.agents), "NAME")
                typer.echo(
                    f"note: nobody has a token: crmhub agents token create laptop --agent {name}", err=True
                )
            await server.serve()


async def _by_stdio(
    config: Path, agents: Agents, toolbox: Toolbox, agent: str, text: Literal["line", "data"]
) -> None:
    from crmhub.agent.assembling import assemble
    from crmhub.agent.serving.running import serve_stdio

    async with open_hub(config) as hub:
        await serve_stdio(await assemble(hub, agents, toolbox), agent, text=text)
