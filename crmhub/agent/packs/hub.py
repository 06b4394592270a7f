"""About the server itself: which CRMs there are for the agent, and the syncs between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, TimeOut, status_of
from crmhub.agent.running import Running
from crmhub.agent.tool import CHANGE, CREATE, READ, Arguments, Call, Effect, Pack, Told, tool
from crmhub.mapping.rules import Rule
from crmhub.models.registry import BUILT_IN

__all__ = ["HUB"]

Model: TypeAlias = Literal["account", "contact", "deal", "activity", "user", "pipeline", "stage"]
_OWN: Final = Effect(READ.writes, READ.destructive, READ.idempotent, open_world=False)
_COUNTED: Final = ("read", "created", "updated", "unchanged", "rejected", "waiting")


class Nothing(Arguments):
    """No arguments."""


class AvailableCrm(Answer):
    """A CRM that the agent may use."""

    connection: str
    """Its name: the argument `connection` of other tools."""
    crm: str
    """The kind of CRM."""
    models: list[str]
    """The kinds of records that can be asked for."""


class AvailableCrms(AnswerBase):
    """The CRMs."""

    listed = "crms"

    crms: list[AvailableCrm] = Field(default_factory=list[AvailableCrm])
    """Each with what can be asked of it."""


@tool(Nothing, AvailableCrms, _OWN, title="List available CRMs")
async def list_available_crms(call: Call, _given: Nothing) -> Told:
    """Tell which CRMs can be asked, and for which kinds of records. Use it first when you do not know which
    connections there are. No CRM is called."""
    known = call.reach.connections

    async def look(name: str) -> AvailableCrm:
        return AvailableCrm(connection=name, crm=known[name], models=[*call.reach.models_of(name)])

    found, sources = await call.reach.ask(known, look)
    data = AvailableCrms(status=status_of(sources), sources=sources, crms=[*found.values()])
    return Told(data, f"{len(found)} CRMs: {', '.join(found)}")


class DescribeRecords(Arguments):
    """Of what."""

    connection: str = Field(max_length=64, description="The connection.")
    model: Model = Field(description="The kind of record.")


class RecordField(Answer):
    """A field."""

    name: str
    """As other tools take it in `fields`, `where` and `values`."""
    type: str
    """`text`, `integer`, `decimal`, `date`, `datetime`, `boolean`, … or `reference`."""
    refers_to: list[str] = Field(default_factory=list[str])
    """The kinds of records that a reference points to."""
    writable: bool
    hidden: bool = False
    """Whether its values are masked for this agent, so that nothing can be chosen or sorted by it."""


class RecordFields(AnswerBase):
    """The fields."""

    listed = "fields"

    fields: list[RecordField] = Field(default_factory=list[RecordField])


@tool(DescribeRecords, RecordFields, title="Describe records")
async def describe_records(call: Call, given: DescribeRecords) -> Told:
    """Tell which fields one kind of record has in a CRM, custom ones too, and which can be written. Use it
    before you name fields in other tools. Gives names and types, never what is in records."""
    kind = BUILT_IN[given.model][0]

    async def ask(name: str) -> list[RecordField]:
        seen = call.reach.of(name, kind)
        rules = await seen.rules()
        return [_field(path, rule, hidden=not seen.shows(path)) for path, rule in rules.items()]

    found, sources = await call.reach.ask(call.reach.named(given.connection), ask)
    fields = [each for several in found.values() for each in several]
    data = RecordFields(status=status_of(sources), sources=sources, fields=fields)
    return Told(data, f"{len(fields)} fields of {given.model}")


def _field(path: str, rule: Rule, *, hidden: bool) -> RecordField:
    kind = "reference" if rule.ref else rule.kind
    return RecordField(name=path, type=kind, refers_to=[*rule.ref], writable=rule.writes, hidden=hidden)


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────


class Configure(Arguments):
    """Which."""

    crm_type: str = Field(alias="crmType", max_length=64, description="The kind of CRM, such as zoho.")
    credential_key: str = Field(
        alias="credentialKey",
        max_length=200,
        pattern=r"^[a-z][a-z0-9_-]*:.+$",
        description="The name of the secret, such as env:ZOHO_OFFICE; never a secret itself.",
    )


class Configured(AnswerBase):
    """The connection."""

    connection: str
    crm: str
    already: bool
    """Whether it was there before."""


@tool(Configure, Configured, CREATE, title="Set up a CRM connection")
async def configure_crm_connection(call: Call, given: Configure) -> Told:
    """Set up a CRM connection that a person has prepared, by the name of the secret that its credentials are
    kept under. Nothing else can be connected, and credentials are never told."""
    running = call.part(Running)
    running.demand_agreed("configure_crm_connection")
    name, already = running.connect(given.crm_type, given.credential_key)
    data = Configured(connection=name, crm=given.crm_type, already=already)
    return Told(data, f"connection {name} is set up")


class RunSync(Arguments):
    """Which."""

    job: str = Field(max_length=64, description="The job, as sync_status names it.")


class SyncRun(AnswerBase):
    """What it did."""

    job: str
    finished: bool
    """Whether it came to its end; otherwise the next run goes on where it was."""
    counts: dict[str, int] = Field(default_factory=dict[str, int])
    """Records that were read, created, updated, unchanged, rejected, waiting."""
    dead_letters: int = 0
    """Records that could not be written and wait for a person."""


@tool(RunSync, SyncRun, CHANGE, title="Run a sync")
async def run_sync(call: Call, given: RunSync) -> Told:
    """Run a sync job that a person has set up: from one CRM to another, what has changed since its last run.
    One that takes too long is stopped; run it again and it goes on. Gives counts of records, not records."""
    running = call.part(Running)
    running.demand_agreed("run_sync")
    job = running.job(given.job)
    report = await running.run(given.job)
    standing = await running.standing(given.job)
    counts = _counts(report.totals if report else standing.last.counts if standing.last else {})
    data = SyncRun(
        sources=[call.reach.source(name) for name in (job.source, job.target)],
        job=given.job,
        finished=report is not None,
        counts=counts,
        dead_letters=standing.letters,
    )
    return Told(data, f"{'done' if report else 'stopped for want of time: run it again'}")


class SyncStatus(Arguments):
    """Which."""

    job: str | None = Field(None, max_length=64, description="One job; all by default.")


class JobStatus(Answer):
    """A job."""

    job: str
    source: str
    target: str
    models: list[str]
    state: str
    """`never` or that of its last run: `running`, `done`, `partial`, `failed`, `interrupted`."""
    started_at: TimeOut | None = None
    finished_at: TimeOut | None = None
    counts: dict[str, int] = Field(default_factory=dict[str, int])
    dead_letters: int
    """Records that could not be written and wait for a person."""


class JobStatuses(AnswerBase):
    """The jobs."""

    listed = "jobs"

    jobs: list[JobStatus] = Field(default_factory=list[JobStatus])


@tool(SyncStatus, JobStatuses, _OWN, title="Status of syncs")
async def sync_status(call: Call, given: SyncStatus) -> Told:
    """Tell how sync jobs between CRMs are doing: when each ran last, how it ended, how many records it wrote
    and how many wait for a person. Use it to see whether CRMs agree. No CRM is called."""
    running = call.part(Running)
    names = [*running.jobs] if given.job is None else [given.job]
    jobs: list[JobStatus] = []
    for name in names:
        job, standing = running.job(name), await running.standing(name)
        last = standing.last
        jobs.append(
            JobStatus(
                job=name,
                source=job.source,
                target=job.target,
                models=[*job.models],
                state=last.state if last else "never",
                started_at=TimeOut.of(last.started_at if last else None),
                finished_at=TimeOut.of(last.finished_at if last else None),
                counts=_counts(last.counts if last else {}),
                dead_letters=standing.letters,
            )
        )
    return Told(JobStatuses(jobs=jobs), f"{len(jobs)} jobs")


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in _COUNTED if counts.get(name)}


HUB: Final = Pack(
    "hub",
    "About the server itself: which CRMs there are, what they have, and the syncs between them.",
    (list_available_crms, describe_records, configure_crm_connection, run_sync, sync_status),
)
