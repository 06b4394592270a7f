"""What an agent may set going besides single writes: jobs of the configuration, actions of plugins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import anyio
from pydantic import BaseModel

from crmhub.agent.answers import Refused
from crmhub.agent.tool import Call
from crmhub.errors import ConfigError, PluginError, SyncError
from crmhub.native import Value
from crmhub.secrets import resolve
from crmhub.sync.job import Job

if TYPE_CHECKING:
    from crmhub.hub import Hub
    from crmhub.store.records import Run
    from crmhub.sync.report import SyncReport

__all__ = ["Running", "Standing"]

_SHARE: Final = 0.8
"""The part of a call's time that a sync may take, so that there is an answer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job is doing."""

    last: Run | None
    """Its last run; ``None``: it never ran."""
    letters: int
    """Records that could not be written and wait for a person."""


class Running:
    """Jobs and actions within one call. ``call.part(Running)`` gives it."""

    def __init__(self, hub: Hub, call: Call) -> None:
        self._hub = hub
        self._reach = call.reach

    def demand_agreed(self, tool: str) -> None:
        """Raises :class:`Refused` unless the policy says that nobody has to agree when the tool writes.

        What it writes cannot be shown to a person before, so there is nothing to agree to but the tool.
        """
        approval = self._reach.grant.policy.approval
        if approval.tools.get(tool, approval.default) != "never":
            raise Refused(
                "approval_needed",
                f"a person has to do this, or allow {tool} in this agent's policy for good",
                hint=f"a person can run it, or set approval: tools: {tool}: never",
            )

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs that the policy names, by name: those between connections that it names too."""
        known, here = self._hub.config.jobs, self._reach.connections
        named = dict.fromkeys(self._reach.grant.policy.jobs)
        jobs = {name: Job.of(known[name]) for name in named if name in known}
        return {name: job for name, job in jobs.items() if job.source in here and job.target in here}

    def job(self, name: str) -> Job:
        """The job of that name. Raises :class:`Refused` where it is not there for the agent."""
        jobs = self.jobs
        if name not in jobs:
            known = ", ".join(jobs)
            raise Refused(
                "job_not_available",
                "there is no such job here",
                hint=f"there is: {known}" if known else "this agent has none",
            )
        return jobs[name]

    async def run(self, name: str) -> SyncReport | None:
        """Run a job; ``None`` where it was stopped for want of time: the next run goes on.

        Raises :class:`Refused` where it runs already.
        """
        job = self.job(name)
        self._note(job.source, job.target)
        report: SyncReport | None = None
        with anyio.move_on_after(self._reach.grant.policy.limits.seconds_per_call * _SHARE):
            try:
                report = await self._hub.run(job)
            except SyncError:
                raise Refused(
                    "job_stopped",
                    "the job runs already, or it had to stop",
                    hint="look at sync_status",
                    retryable=True,
                    retry_after=60,
                ) from None
        return report

    async def standing(self, name: str) -> Standing:
        """How a job is doing."""
        job, store = self.job(name), await self._hub.store()
        runs = await store.runs.recent(1, job=job.id)
        return Standing(runs[0] if runs else None, sum((await store.dead_letters.counts(job.id)).values()))

    async def act(self, action: str, connection: str, arguments: Mapping[str, object]) -> BaseModel:
        """Do what a plugin's action does in one connection that is there for the agent.

        The tool answers for it that the arguments name no other one.
        """
        if connection not in self._reach.connections:
            raise self._reach.not_there()
        self._note(connection)
        return await self._hub.act(action, arguments)

    def connect(
        self, connector: str, credentials: str, agreeing: Mapping[str, Value] | None = None
    ) -> tuple[str, bool]:
        """Set up the connection that the policy has for this kind of CRM and this secret reference.

        Its name, and whether it was there already. ``agreeing`` are settings that have to be as they are
        kept: nobody changes them by saying so. Raises :class:`Refused` for any other connection, and where
        what is kept cannot be used.
        """
        wanted = [
            name
            for name, one in self._reach.grant.policy.connects.items()
            if (one.connector, one.credentials) == (connector, credentials)
        ]
        if not wanted:
            raise Refused(
                "not_connectable",
                "this agent may not set up such a connection",
                hint="a person names it in the policy: connects",
            )
        name = wanted[0]
        try:
            settings = self._settings(name, credentials)
            if any(settings.get(key) != value for key, value in (agreeing or {}).items()):
                raise Refused(
                    "not_connectable",
                    "this agent may not set up a connection with such settings",
                    hint="leave out what a person has set",
                )
            if name in self._hub:
                return name, True
            self._hub.add(name, connector, mapping=None, **settings)
        except (ConfigError, PluginError):
            raise Refused(
                "not_configured",
                "the connection cannot be set up from what is kept under that name",
                hint="a person has to look at it: a JSON object of the connector's settings",
            ) from None
        self._note(name)
        return name, False

    def _settings(self, name: str, credentials: str) -> dict[str, Value]:
        resolvers = cast("Mapping[str, Callable[[str], str]]", self._hub.plugins.secrets())
        secret = resolve(credentials, f"connects.{name}", resolvers, self._hub.config.folder)
        try:
            settings = cast("object", json.loads(secret))
        except ValueError:
            settings = None
        if not isinstance(settings, dict) or {"self", "name", "connector", "mapping"} & settings.keys():
            raise ConfigError(f"connects.{name}: it is no table of settings")
        return cast("dict[str, Value]", settings)

    def _note(self, *connections: str) -> None:
        noted = self._reach.noted.connections
        noted.extend(name for name in connections if name not in noted)
