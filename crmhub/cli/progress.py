"""Showing a sync on a terminal with bars, elsewhere as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crmhub.events import Event, Events
from crmhub.sync.report import SyncReport

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["show_progress", "show_report"]

_LONG_WAIT = 2.0
"""Seconds after which a person wants to know."""


@contextmanager
def show_progress(events: Events, *, as_json: bool) -> Generator[None]:
    """Follow the events of a sync: bars on a terminal, else one JSON object a line on standard output."""
    if as_json:
        stop = events.subscribe(_print_line)
        try:
            yield
        finally:
            stop()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:12}"),
        BarColumn(bar_width=20),
        TextColumn(
            "{task.fields[read]:>7,} read  {task.fields[written]:>7,} written  {task.fields[aside]} set aside"
        ),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, _Counts] = {}

        def hear(event: Event) -> None:
            if event.name in {"http.waited", "http.retry"}:
                _tell_wait(progress.console, event)
            if event.object is None or event.name not in {"sync.object", "sync.page"}:
                return
            counts = tasks.get(event.object)
            if counts is None:
                task = progress.add_task(event.object, total=None, read=0, written=0, aside=0)
                counts = tasks[event.object] = _Counts(task)
            counts.add(event)
            progress.update(counts.task, read=counts.read, written=counts.written, aside=counts.aside)

        stop = events.subscribe(hear)
        try:
            yield
        finally:
            stop()
            for counts in tasks.values():
                progress.update(counts.task, total=1, completed=1)


def _tell_wait(console: Console, event: Event) -> None:
    """Say why nothing moves for a while."""
    seconds = float(event.detail.get("seconds") or 0)
    if seconds >= _LONG_WAIT:
        why = event.detail.get("error") or event.detail.get("limit") or "its limits"
        console.print(f"{event.connection}: waiting {seconds:.0f} s ({why})", markup=False, highlight=False)


class _Counts:
    def __init__(self, task: object) -> None:
        from rich.progress import TaskID

        self.task = TaskID(int(str(task)))
        self.read = self.written = self.aside = 0

    def add(self, event: Event) -> None:
        self.read += int(event.detail.get("read") or 0)
        self.written += int(event.detail.get("written") or 0)
        self.aside += int(event.detail.get("set_aside") or 0)


def _print_line(event: Event) -> None:
    if event.name.startswith("sync."):
        line = {"event": event.name, "object": event.object, "run": event.run, **event.detail}
        sys.stdout.write(json.dumps({key: value for key, value in line.items() if value is not None}) + "\n")
        sys.stdout.flush()


def show_report(report: SyncReport, *, as_json: bool) -> None:
    """The summary: counts, defaults used, API calls, time, and what to do about what was set aside."""
    if as_json:
        summary = {
            "event": "summary", "run": report.run, "job": report.job, "state": report.state,
            "models": {model: dict(counts) for model, counts in report.models.items()},
            "defaulted": dict(report.defaulted), "notes": dict(report.notes), "calls": dict(report.calls),
            "tiers": {name: dict(tiers) for name, tiers in report.tiers.items()},
            "dead_letters": dict(report.letters), "not_carried": list(report.unshared),
            "seconds": round(report.seconds, 3),
        }  # fmt: skip
        sys.stdout.write(json.dumps(summary) + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    columns = ("read", "created", "updated", "unchanged", "waiting", "rejected", "unlinked")
    table.add_column("model")
    for column in columns:
        table.add_column(column, justify="right")
    for model, counts in report.models.items():
        table.add_row(model, *(f"{counts.get(column, 0):,}" for column in columns))
    console.print(table)
    for line in _remarks(report):
        console.print(line, markup=False, highlight=False)


def _remarks(report: SyncReport) -> Iterator[str]:
    """What the table cannot say: what was filled in, assumed and left out, and what to do about it."""
    for path, count in report.defaulted.items():
        yield f"filled in on create: {path} × {count:,} (the target demands it; left out of comparison)"
    for note, count in report.notes.items():
        yield f"assumed: {note} × {count:,}"
    if report.unshared:
        yield f"no place in the target: {', '.join(report.unshared)}"
    calls = ", ".join(f"{name} {count:,}" for name, count in sorted(report.calls.items()))
    yield f"{report.state} in {report.seconds:.1f} s; API calls: {calls or 'none'}"
    if report.tiers:
        by = (
            f"{name} {tier} {count:,}"
            for name, tiers in report.tiers.items()
            for tier, count in tiers.items()
        )
        yield f"served by: {', '.join(by)}"
    if report.letters:
        held = ", ".join(f"{count:,} {reason}" for reason, count in report.letters.items())
        yield f"set aside: {held}. See them: crmhub dead-letters '{report.job}'"
        yield "Mend the records or the mapping; what changes is taken up again by itself, all by --retry."
