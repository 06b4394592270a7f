"""What is wrong with a set-up, and how to mend it: configuration, plugins, store, connections, jobs.

``await examine(Path("crmhub.yaml"), print)``

Each thing is looked at on its own, so that one failure hides no other. Nothing is written to a CRM,
and nothing that is told holds a secret or a record's values.
"""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from crmhub.clock import Clock
from crmhub.config import Config, read_config
from crmhub.doctor.connections import examine_connection, examine_mapping
from crmhub.doctor.finding import Finding, Severity, Tell, Told
from crmhub.doctor.store import examine_store
from crmhub.errors import ConfigError, CrmhubError
from crmhub.events import Event
from crmhub.hub import Hub
from crmhub.plugins import report
from crmhub.sync.job import Job, model_names

if TYPE_CHECKING:
    import httpx

__all__ = ["Finding", "Severity", "Tell", "examine", "examine_mapping"]


async def examine(
    path: Path,
    tell: Tell,
    *,
    offline: bool = False,
    clock: Clock | None = None,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    patience: float = 60.0,
) -> None:
    """Look at everything that the configuration at ``path`` names, and tell each finding.

    ``offline`` leaves the network out. A connection has ``patience`` seconds to answer all that it
    is asked. Signing in opens the store, as it does for every command. ``transports`` are as in
    :class:`~crmhub.hub.Hub`.
    """
    told = Told(tell)
    told.ok("crmhub", f"{version('crmhub')} on Python {platform.python_version()}, {platform.system()}")
    _plugins(told)
    try:
        config, mistakes = read_config(path)
    except ConfigError as error:
        told.failed("configuration", error)
        return
    for line in mistakes.lines:
        told.fail("configuration", line)
    _exposed(told, path, config)
    told.good("configuration", f"{path}: {len(config.connections)} connections, {len(config.jobs)} jobs")
    clock = clock or Clock()
    await examine_store(told, config, clock)
    hub = _hub(told, config, clock, transports)
    if hub is None:
        return
    hub.events.subscribe(partial(_tell_new_key, told))
    async with hub:
        async with anyio.create_task_group() as group:
            for name in config.connections:
                group.start_soon(examine_connection, told, hub, name, offline, patience)
        _jobs(told, hub)


def _plugins(told: Told) -> None:
    lines = report()
    for line in lines:
        if line.error:
            what = f"{line.kind} {line.name} ({line.distribution}): {line.error}"
            told.fail("plugins", what, "update or uninstall the distribution")
    good = sorted({line.name for line in lines if line.kind == "connector" and not line.error})
    told.ok("plugins", f"connectors that load: {', '.join(good) or 'none'}")


def _exposed(told: Told, path: Path, config: Config) -> None:
    """Secrets that stand in a file which others can read."""
    plain = any(settings.plain_secrets for settings in config.connections.values())
    if plain and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        told.warn("configuration", f"{path} may hold secrets, and others can read it", f"chmod 600 {path}")


def _hub(
    told: Told,
    config: Config,
    clock: Clock,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None,
) -> Hub | None:
    """The hub; without the user's own models if they are what keeps it from being made."""
    try:
        return Hub(config, clock=clock, transports=transports)
    except CrmhubError as error:
        told.failed("configuration", error)
    try:
        return Hub(replace(config, models=()), clock=clock, transports=transports)
    except CrmhubError:
        told.warn("configuration", "the connections were not looked at", "mend the above first")
        return None


def _tell_new_key(told: Told, event: Event) -> None:
    """A key is made once in a store's life, and losing it loses the tokens."""
    if event.name == "store.key_made":
        told.ok("store", f"made {event.detail.get('key')}; it opens the stored tokens: keep it")


def _jobs(told: Told, hub: Hub) -> None:
    """Whether each job is one, and its models are mapped where they come from."""
    for settings in hub.config.jobs.values():
        try:
            _check_job(hub, Job.of(settings))
        except ConfigError as error:
            told.failed(f"job {settings.name}", error)


def _check_job(hub: Hub, job: Job) -> None:
    source, target = _mapped(hub, job.source), _mapped(hub, job.target)
    if source is None or target is None:
        return  # told with the connection
    models = model_names(job.models, sorted(source))
    if not target & set(models):
        raise ConfigError(
            f"{job.source} and {job.target} share no map of {', '.join(models)}", hint="map one in both"
        )


def _mapped(hub: Hub, name: str) -> set[str] | None:
    """The models that a connection maps; ``None`` where the connection or its mapping is no good."""
    try:
        return {entry.model for entry in hub[name].spec.maps}
    except CrmhubError:
        return None
