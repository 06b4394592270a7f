"""``crmhub auth``: sign in as a person, and see what the credentials may do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.hub import Hub
    from crmhub.sign_in import SignIn

__all__ = ["auth"]


def auth(
    connection: Annotated[str, typer.Argument(help="The connection, e.g. zoho.")],
    browser: Annotated[
        bool, typer.Option("--browser", help="Print a URL and wait for the browser to come back.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open that URL in the browser too.")] = False,
    redirect_uri: Annotated[
        str, typer.Option(help="Where the browser comes back to, as the CRM knows it.")
    ] = "http://localhost:8765/callback",
    scopes: Annotated[str, typer.Option(help="What to ask for, with commas, in place of everything.")] = "",
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the browser.")] = 300,
    check: Annotated[
        bool, typer.Option("--check", help="Do not sign in; show what the credentials may do.")
    ] = False,
    config: Path = CONFIG,
) -> None:
    """Sign in to a connection as a person, and keep the refresh token encrypted in the store."""
    from crmhub.cli.running import list_of, open_hub, run

    if not config.exists():
        _demand_file(config, connection)
    hub = open_hub(config)

    async def work() -> bool:
        async with hub, hub[connection].in_use():
            steps = _steps(hub, connection)
            if not check:
                steps.demand_useful()
                asked = list_of(scopes) if scopes else tuple(steps.scopes)
                page = None if browser or open_ else steps.code_page(asked)
                if page is not None:
                    await steps.exchange(_pasted(page))
                else:
                    await _by_browser(hub, steps, asked, redirect_uri, wait, opens=open_)
                typer.echo(
                    f"signed in: connection {connection}; the refresh token is in the store, encrypted"
                )
            return await _told_allowances(steps, connection)

    if not run(work):
        raise typer.Exit(1)


def _steps(hub: Hub, connection: str) -> SignIn:
    from crmhub.errors import Unsupported
    from crmhub.sign_in import SupportsSignIn

    connector = hub[connection].connector
    if isinstance(connector, SupportsSignIn):
        return connector.sign_in
    raise Unsupported(
        f"connector {hub[connection].kind!r} has no sign-in for people",
        hint="the connection's settings say who it is; crmhub doctor tries them",
    )


def _pasted(page: str) -> str:
    """The code that a person brings; it is not shown, and is no argument, which others could see."""
    from crmhub import redact
    from crmhub.errors import UsageError

    typer.echo(page)
    if sys.stdin.isatty():
        code = typer.prompt(
            "Paste the code here (it is not shown)", hide_input=True, default="", show_default=False
        )
    else:
        code = sys.stdin.readline()
    code = str(code).strip()
    if not code:
        raise UsageError("no code was given", hint="paste it, or pipe it in")
    redact.register(code)
    return code


async def _by_browser(
    hub: Hub, steps: SignIn, scopes: Sequence[str], redirect_uri: str, wait: float, *, opens: bool
) -> None:
    from crmhub.callback import sign_in_by_browser

    def show(url: str) -> None:
        typer.echo(f"Open this in a browser on this machine and agree:\n\n{url}\n")
        sys.stdout.flush()
        if opens:
            import threading
            import webbrowser

            # beside this, since some browsers are waited for, and this must be listening when they come back
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    await sign_in_by_browser(
        steps, redirect_uri=redirect_uri, scopes=tuple(scopes), show=show, clock=hub.clock, patience=wait
    )


async def _told_allowances(steps: SignIn, connection: str) -> bool:
    """Print what the credentials may do; whether all is there that nearly everybody needs."""
    granted = await steps.granted()
    if not granted:
        typer.echo("the CRM does not tell which scopes were granted: crmhub doctor tries each permission")
        return True
    lines = steps.allowances(granted)
    typer.echo(f"scopes: {', '.join(sorted(granted))}")
    for line in lines:
        if not line.missing:
            typer.echo(f"ok    {line.capability}")
            continue
        kind = "fail" if line.needed else "warn"
        typer.echo(f"{kind}  {line.capability}: not granted · ask for {', '.join(line.missing)}")
    if any(line.missing for line in lines):
        typer.echo(f"to get what is not granted, sign in again with its scopes: crmhub auth {connection}")
    return not any(line.missing and line.needed for line in lines)


def _demand_file(config: Path, connection: str) -> None:
    """Print a first file for a connection named after its connector. Raises :class:`ConfigError`."""
    from crmhub.errors import ConfigError
    from crmhub.plugins import load_connector

    schema = load_connector(connection).Config.model_json_schema()
    examples: list[dict[str, str]] = schema.get("examples", [])
    own = [f"{name}: {value}" for example in examples[:1] for name, value in example.items()]
    own = own or _needed(connection, schema)
    lines = [
        "connections:",
        f"  {connection}:",
        f"    connector: {connection}",
        *(f"    {one}" for one in own),
    ]
    typer.echo("\n".join(lines))
    raise ConfigError(f"{config}: no such file", hint="write it with the lines above, set the variables")


def _needed(connection: str, schema: dict[str, Any]) -> list[str]:
    """What the settings need, and their choices, where they have no example of their own."""
    needed = schema.get("required", [])
    lines: list[str] = []
    for name, setting in schema["properties"].items():
        if name in needed:
            lines.append(f"{name}: env:{connection.upper()}_{name.upper()}")
        elif "enum" in setting:
            lines.append(f"{name}: {setting['default']}  # one of {' '.join(setting['enum'])}")
    return lines
