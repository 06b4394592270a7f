"""What the doctor says about the store, and about what runs left behind in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from crmhub.clock import Clock
from crmhub.config import Config
from crmhub.doctor.finding import Told
from crmhub.errors import CrmhubError
from crmhub.plugins import Plugins

if TYPE_CHECKING:
    from crmhub.store.health import Health, LastRun

__all__ = ["examine_store"]

_MB = 1_000_000
_LITTLE_SPACE = 200 * _MB


async def examine_store(told: Told, config: Config, clock: Clock) -> None:
    """Whether the store opens and can be trusted, and which jobs wait for somebody."""
    from crmhub.store.health import look

    try:
        resolvers = cast("Mapping[str, Callable[[str], str]]", Plugins().secrets())
        health = await look(config.store_url(resolvers), clock=clock)
    except CrmhubError as error:
        told.failed("store", error)
        return
    for problem in health.problems:
        told.failed("store", problem)
    _store_file(told, health)
    if health.kept and health.schema == health.newest:
        told.good(
            "store",
            f"{health.place}: schema {health.schema}, {_size(health.size)}, {health.tokens} tokens open",
        )
        _left_over(told, config, health)


def _store_file(told: Told, health: Health) -> None:
    if not health.kept:
        told.warn("store", "in memory: nothing is remembered from run to run", "store: sqlite:///crmhub.db")
    elif health.schema is None and not health.writable:
        told.fail("store", f"{health.place}: its folder cannot be written to", "check its permissions")
    elif health.schema is None:
        told.ok("store", f"{health.place}: not there yet; the first command that needs it makes it")
    elif not health.known:
        what = f"{health.place} has schema {health.schema}, this crmhub knows {health.newest}"
        told.fail("store", what, "it was made by a newer crmhub: upgrade crmhub")
    elif health.schema != health.newest:
        what = f"{health.place} has schema {health.schema}; the next command brings it to {health.newest}"
        told.warn("store", what, "make a copy of it first")
    if health.free is not None and health.free < _LITTLE_SPACE:
        told.warn("store", f"only {_size(health.free)} are free on its disk", "free some space")
    if health.shared_with:
        mend = f"chmod 600 {health.shared_with}"
        told.warn("store", "others on this machine can read it, and it holds people's data", mend)


def _left_over(told: Told, config: Config, health: Health) -> None:
    """What runs have left behind, job by job."""
    for run in health.runs:
        _run(told, run, _command(config, run.job))
    for job in sorted({job for job, _, _ in health.letters}):
        reasons = [f"{count} {reason}" for name, reason, count in health.letters if name == job]
        mend = f"crmhub dead-letters '{job}'; when the cause is mended: {_command(config, job)} --retry"
        told.warn(f"job {job}", f"records were set aside: {', '.join(reasons)}", mend)
    for job, count in health.intents:
        what = f"{count} writes were sent and their outcome is not known"
        mend = f"{_command(config, job)}: it looks for them in the target before it sends anything"
        told.warn(f"job {job}", what, mend)


def _command(config: Config, job: str) -> str:
    """What runs the job, as far as the configuration tells: files may have been loaded."""
    ends = job.split("->")
    if job in config.jobs:
        return f"crmhub sync {job}"
    if len(ends) == 2 and all(name in config.connections for name in ends):
        return f"crmhub sync {' '.join(ends)}"
    return "run it again"


def _run(told: Told, run: LastRun, command: str) -> None:
    subject, began = f"job {run.job}", f"{run.started_at:%Y-%m-%d %H:%M} UTC"
    who = f"pid {run.pid} on {run.host}"
    mend = f"{command}: it goes on from the last saved page"
    if run.over:
        what = f"run {run.id} counts as running since {began}, and {who} gives no sign of life"
        told.warn(subject, what, mend)
    elif run.state == "running":
        told.ok(subject, f"is running since {began} ({who})")
    elif run.state in {"interrupted", "failed"}:
        why = f": {run.error}" if run.error else ""
        told.warn(subject, f"run {run.id} of {began} ended {run.state}{why}", mend)
    else:
        ended = f"{run.finished_at:%Y-%m-%d %H:%M} UTC" if run.finished_at else began
        told.ok(subject, f"last run ended {ended}, {run.state}")


def _size(count: int) -> str:
    return f"{count / _MB:,.1f} MB"
