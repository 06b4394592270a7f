"""``crmhub load``: a folder of CSV files into a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmhub.cli.running import CONFIG

__all__ = ["load"]


def load(
    target: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection to write to.")],
    folder: Annotated[Path, typer.Option("--from", help="The folder of CSV files.")],
    mapping: Annotated[Path, typer.Option(help="The mapping of the files' columns.")],
    models: Annotated[
        str | None, typer.Option(help="Which models, separated by commas; without it, all that are mapped.")
    ] = None,
    owner: Annotated[
        str, typer.Option(help="Owners that the target lacks: default, default:<e-mail> or reject.")
    ] = "default",
    name: Annotated[
        str | None,
        typer.Option(help="The folder's name in links and runs, the same at every load; else csv-<folder>."),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Take up all open dead letters once more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of bars.")] = False,
    config: Path = CONFIG,
) -> None:
    """Load a folder of CSV files; load it again after changes to bring over what changed."""
    from crmhub.cli.progress import show_progress, show_report
    from crmhub.cli.running import PARTIAL, list_of, open_hub, run, wants_json
    from crmhub.loading import load_job
    from crmhub.sync import SyncReport

    hub = open_hub(config)
    chosen = None if models is None else list_of(models)
    job = load_job(hub, target, folder, mapping, models=chosen, owner=owner, name=name)
    quiet = wants_json(as_json)

    async def load_it() -> SyncReport:
        async with hub:
            with show_progress(hub.events, as_json=quiet):
                return await hub.run(job, retry=retry)

    report = run(load_it)
    show_report(report, as_json=quiet)
    if report.letters:
        raise typer.Exit(PARTIAL)
