"""``crmhub backup`` and ``crmhub rotate-key``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.store.rotation import Rotation

__all__ = ["backup", "rotate_key"]


def backup(
    file: Annotated[Path, typer.Argument(help="The copy; there must be no such file yet.")],
    config: Path = CONFIG,
) -> None:
    """Copy the store into a file, while crmhub goes on working."""
    from crmhub.cli.running import open_hub, run

    hub = open_hub(config)

    async def copy() -> str:
        async with hub:
            store = await hub.store()
            await store.backup(file)
            return store.key_place

    key = run(copy)
    typer.echo(f"wrote {file}")
    typer.echo(f"its tokens open with {key} alone, which is not in it: keep a copy, and not beside it")


def rotate_key(config: Path = CONFIG) -> None:
    """Encrypt the stored tokens anew, with a new key, while crmhub goes on working."""
    from crmhub.cli.running import PARTIAL, open_hub, run

    hub = open_hub(config)

    async def rotate() -> tuple[Rotation, str]:
        from pydantic import SecretStr

        from crmhub.store.key import NEW_KEY_VARIABLE

        given = os.environ.get(NEW_KEY_VARIABLE)
        async with hub:
            store = await hub.store()
            key = store.key_place
            return await store.rotate_key(None if given is None else SecretStr(given)), key

    done, key = run(rotate)
    typer.echo(f"encrypted with a new key: {done.resealed}")
    for line in _to_do(done, key):
        typer.echo(line)
    if done.unreadable:
        typer.echo(f"sign in again, for these did not open: {', '.join(done.unreadable)}", err=True)
        raise typer.Exit(PARTIAL)


def _to_do(done: Rotation, key: str) -> list[str]:
    """What the person must now do."""
    from crmhub.store.key import KEY_VARIABLE, NEW_KEY_VARIABLE

    if key != KEY_VARIABLE:
        return [
            f"{key} holds the new key: keep a copy of it",
            "backups made before need the former key: make a new one with `crmhub backup`",
        ]
    if not done.replaced:
        again = f"put a new key into {NEW_KEY_VARIABLE} and run this again"
        return [f"{KEY_VARIABLE} itself is the same as before; to replace it too, {again}"]
    value = f"now give {KEY_VARIABLE} the value of {NEW_KEY_VARIABLE}"
    return [
        f"{value}, wherever crmhub runs, and remove {NEW_KEY_VARIABLE}",
        "what runs at present goes on for a day; start it again until then",
        f"backups made before need the former {KEY_VARIABLE}",
    ]
