"""``crmhub audit``: verify, export and keep the log of what agents did."""

from __future__ import annotations

import getpass
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.store.audit import Audit
    from crmhub.store.chain import Verified

__all__ = ["audit"]

_BROKEN = 5
"""Exit code: the log does not hold."""
_HEAD = typer.Option("--head", metavar="HEAD", help="A head that `crmhub audit head` told before.")
_BY = typer.Option("--by", help="Who does it; the name that you are signed in with, without it.")

audit = typer.Typer(help="The log of what agents did.", no_args_is_help=True)


@audit.command()
def verify(head: Annotated[str | None, _HEAD] = None, config: Path = CONFIG) -> None:
    """Check every row of the log; names the first that was tampered with and exits with 5."""
    from crmhub.cli.running import open_hub, run

    async def work() -> tuple[Verified, int]:
        from crmhub.store.chain import Head

        published = None if head is None else Head.parse(head)
        async with open_hub(config) as hub:
            log = (await hub.store()).audit
            return await log.verify(published), await _unfinished(log)

    found, unfinished = run(work)
    for note in found.notes:
        typer.echo(f"row {note}")
    if found.broken is not None:
        typer.echo(f"row {found.broken.seq} does not hold: {found.broken.why}", err=True)
        raise typer.Exit(_BROKEN)
    typer.echo(f"{found.rows} rows hold, from {found.first} to {found.head.seq}")
    if unfinished:
        typer.echo(f"{unfinished} calls have no outcome: they were cut off, or are at work now")
    typer.echo(f"head {found.head}")


async def _unfinished(log: Audit) -> int:
    """How many calls have an intent and no outcome."""
    import json

    begun: set[str] = set()
    async with aclosing(log.entries()) as entries:
        async for entry in entries:
            if '"kind":"call.' in entry.body:
                row = json.loads(entry.body)
                (begun.add if row["kind"] == "call.intent" else begun.discard)(str(row.get("id")))
    return len(begun)


@audit.command()
def head(config: Path = CONFIG) -> None:
    """Print where the log stands. Keep it elsewhere: `verify --head` shows a cut end by it."""
    from crmhub.cli.running import open_hub, run

    async def work() -> str:
        async with open_hub(config) as hub:
            return str(await (await hub.store()).audit.head())

    typer.echo(run(work))


@audit.command()
def export(
    since: Annotated[int, typer.Option("--since", help="Only rows after this number.")] = 0,
    config: Path = CONFIG,
) -> None:
    """Print the log as JSON lines, each with its number and its mac."""
    import json

    from crmhub.cli.running import open_hub, run

    async def work() -> None:
        async with open_hub(config) as hub, aclosing((await hub.store()).audit.entries(since)) as entries:
            async for entry in entries:
                typer.echo(json.dumps({"seq": entry.seq, "mac": entry.mac, **json.loads(entry.body)}))

    run(work)


@audit.command()
def prune(
    before: Annotated[int, typer.Option("--before", help="Remove the rows before this number.")],
    by: Annotated[str | None, _BY] = None,
    config: Path = CONFIG,
) -> None:
    """Remove old rows; the log itself says so. Export them first."""
    from crmhub.cli.running import open_hub, run

    async def work() -> int:
        async with open_hub(config) as hub:
            return await (await hub.store()).audit.prune(before, by or getpass.getuser())

    typer.echo(f"{run(work)} rows removed")


@audit.command()
def restored(
    head: Annotated[str, _HEAD],
    by: Annotated[str | None, _BY] = None,
    config: Path = CONFIG,
) -> None:
    """Say in the log that the store came back from a backup and lost the rows up to that head."""
    from crmhub.cli.running import open_hub, run

    async def work() -> None:
        from crmhub.store.chain import Head

        async with open_hub(config) as hub:
            await (await hub.store()).audit.restored(Head.parse(head), by or getpass.getuser())

    run(work)


@audit.command()
def mark(
    text: Annotated[str, typer.Argument(help="An e-mail address, a phone number, any text.")],
    config: Path = CONFIG,
) -> None:
    """Print the mark that stands for a text in this store's log, to look for it there."""
    from crmhub.cli.running import open_hub, run

    async def work() -> str:
        from crmhub.agent.audit.pseudonyms import KEY, Pseudonyms

        async with open_hub(config) as hub:
            return Pseudonyms(await (await hub.store()).keys.get(KEY)).of(text)

    typer.echo(run(work))
