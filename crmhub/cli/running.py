"""What commands share: opening the hub of a configuration file, running async code, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from crmhub.events import Event
    from crmhub.hub import Hub

__all__ = ["CONFIG", "PARTIAL", "list_of", "open_hub", "run", "wants_json"]

PARTIAL = 3
"""Exit code: done, and some records were set aside."""
_INTERRUPTED = 130

CONFIG = typer.Option(Path("crmhub.yaml"), "--config", "-c", help="The configuration file.")

_T = TypeVar("_T")


def open_hub(config: Path) -> Hub:
    """The hub of a configuration file. Raises :class:`ConfigError` with a first file to write."""
    from crmhub.errors import ConfigError
    from crmhub.hub import Hub

    if not config.exists():
        raise ConfigError(
            f"{config}: no such file",
            hint="write one (connections: {zoho: {connector: zoho, …}}), name it with --config, "
            "or see it work first: crmhub demo",
        )
    hub = Hub.load(config)
    hub.events.subscribe(_tell_new_key)
    return hub


def _tell_new_key(event: Event) -> None:
    """A key is made once in a store's life, and losing it loses the tokens: say so."""
    if event.name == "store.key_made":
        typer.echo(f"note: made {event.detail.get('key')}; it opens the store's tokens: keep it", err=True)


def run(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run async work to its end; Ctrl-C stops it in order and ends with exit code 130."""
    import anyio

    try:
        return anyio.run(work)
    except KeyboardInterrupt:
        typer.echo("interrupted: what was acknowledged is saved, run it again to go on", err=True)
        raise typer.Exit(_INTERRUPTED) from None


def list_of(text: str) -> tuple[str, ...]:
    """The words of a list such as ``accounts, deals``."""
    return tuple(word.strip() for word in text.split(","))


def wants_json(asked: bool) -> bool:
    """Whether to print JSON lines: when asked to, or when nobody looks at a terminal."""
    return asked or not sys.stdout.isatty()
