"""``crmhub sync`` and ``crmhub dead-letters``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from crmhub.cli.running import CONFIG

__all__ = ["dead_letters", "sync"]


def sync(
    source: Annotated[str, typer.Argument(help="The connection to read from, or the name of a job.")],
    target: Annotated[str | None, typer.Argument(help="The connection to write to.")] = None,
    models: Annotated[
        str, typer.Option(help="Which models, separated by commas.")
    ] = "accounts,contacts,deals,activities",
    owner: Annotated[
        str, typer.Option(help="Owners that the target lacks: default, default:<e-mail> or reject.")
    ] = "default",
    stage: Annotated[str, typer.Option(help="Stages that the target lacks: outcome or reject.")] = "outcome",
    page_size: Annotated[int | None, typer.Option(min=1, help="Records a page.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would be written, and write nothing.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Take up all open dead letters once more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of bars.")] = False,
    config: Path = CONFIG,
) -> None:
    """Sync one way, from one connection to another; run it again to go on or to catch up."""
    from crmhub.cli.progress import show_progress, show_report
    from crmhub.cli.running import PARTIAL, list_of, open_hub, run, wants_json
    from crmhub.errors import ConfigError
    from crmhub.sync import Job, SyncReport

    hub = open_hub(config)
    named = hub.config.jobs.get(source)
    if target is None and named is None:
        jobs = ", ".join(hub.config.jobs) or "none"
        raise ConfigError(
            f"no job {source!r}", hint=f"jobs: {jobs}; or name two connections: crmhub sync A B"
        )
    job = (
        Job.of(named)
        if named is not None and target is None
        else Job(source, str(target), list_of(models), owner, stage, page_size)
    )
    quiet = wants_json(as_json)

    async def plan_it() -> None:
        async with hub:
            async for page in hub.dry_run(job):
                for write in page.writes:
                    typer.echo(json.dumps(write.describe(), default=str))

    async def sync_it() -> SyncReport:
        async with hub:
            with show_progress(hub.events, as_json=quiet):
                return await hub.run(job, retry=retry)

    if plan:
        run(plan_it)
        return
    report = run(sync_it)
    show_report(report, as_json=quiet)
    if report.letters:
        raise typer.Exit(PARTIAL)


def dead_letters(
    job: Annotated[
        str | None, typer.Argument(help="The job, as its summary names it; all jobs without.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 100,
    drop: Annotated[
        list[str] | None, typer.Option(help="Drop the letter of this id for good; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    config: Path = CONFIG,
) -> None:
    """List the records that were set aside, and why; or drop some of them."""
    from crmhub.cli.running import open_hub, run
    from crmhub.document import suggest
    from crmhub.errors import ConfigError
    from crmhub.store import DeadLetter

    hub = open_hub(config)

    async def letters() -> list[DeadLetter]:
        async with hub:
            store = await hub.store()
            found = await store.dead_letters.open(job, limit=limit)
            if job is not None and not found and not await store.runs.recent(1, job=job):
                known = dict.fromkeys(run.job for run in await store.runs.recent(100))
                raise ConfigError(f"no job {job!r} has ever run", hint=suggest(job, known))
            return found

    async def dropped(ids: list[str]) -> int:
        async with hub:
            return await (await hub.store()).dead_letters.drop(ids)

    if drop:
        count = run(lambda: dropped(drop))
        if count < len(set(drop)):
            raise ConfigError(
                f"{count} dropped of {len(set(drop))}", hint="ids stand in brackets in the list"
            )
        typer.echo(f"{count} dropped")
        return
    for letter in run(letters):
        place = f"{letter.source.connection} {letter.source.object} {letter.source.id}"
        if as_json:
            line = {
                "id": letter.id,
                "job": letter.job,
                "record": list(letter.source),
                "reason": letter.reason,
                "code": letter.code,
                "field": letter.field,
                "message": letter.message,
                "attempts": letter.attempts,
            }
            typer.echo(json.dumps(line))
        else:
            what = " ".join(part for part in (letter.code, letter.field) if part)
            typer.echo(f"{letter.job}  {place}  {letter.reason} {what}: {letter.message}  [{letter.id}]")
