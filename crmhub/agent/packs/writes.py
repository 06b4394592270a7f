"""The pack ``writes``: narrow tools that write, each by a plan; and two for plans of several changes.

There is no tool that deletes, and none that changes any field at once: ``propose_changes`` makes a plan, and
``apply_approved_changes`` does what was agreed to of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import Field, model_validator

from crmhub.agent.answers import Answer, AnswerBase, Refused, Text, TimeOut
from crmhub.agent.changes import Changes, Done, Submitted, Want
from crmhub.agent.drafting import Draft, Wanted
from crmhub.agent.packs.writing import KINDS, attached, connection_of, record_of, target_of
from crmhub.agent.tool import CHANGE, CREATE, Arguments, Call, Pack, Told, tool
from crmhub.agent.untrusted import SHORT
from crmhub.models import ActivityBase, Deal, Meeting, Note, Ref, Task
from crmhub.models import Call as PhoneCall
from crmhub.plan import PlannedWrite

__all__ = ["WRITES", "ChangeWanted", "Values", "WriteAnswer", "Writing", "wanted_of", "written"]

_Answer = TypeVar("_Answer", bound=AnswerBase)

Id = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{8,64}$", max_length=64)]
_KEY: Final = "Any unique text of your own: repeating the call with it does nothing twice."
_CONNECTION: Final = "The connection; needed where there are several and no typed id."


Values = Annotated[
    dict[
        Annotated[str, Field(max_length=80)],
        Annotated[str, Field(max_length=4_000)] | bool | Number | None,
    ],
    Field(
        min_length=1,
        max_length=20,
        description="New values by field; null clears. References are typed ids, owner an e-mail address.",
    ),
]


class Writing(Arguments):
    """What every write takes."""

    connection: str | None = Field(None, max_length=64, description=_CONNECTION)
    idempotency_key: Key | None = Field(None, description=_KEY)


class CreateCrmNote(Writing):
    """A note."""

    module: Literal["Contacts", "Deals", "Leads"] = Field(description="What kind of record gets the note.")
    record_id: Id = Field(description="The record's id.")
    note: str = Field(min_length=1, max_length=2_000, description="The text.")


class CreateTask(Writing):
    """A task."""

    subject: str = Field(min_length=1, max_length=255, description="What is to be done.")
    due_date: date | None = Field(None, description="By when (YYYY-MM-DD).")
    details: str | None = Field(None, max_length=2_000, description="More text.")
    contact_id: Id | None = Field(None, description="With whom: a contact's id.")
    regarding_id: Id | None = Field(None, description="About what: account:… or deal:….")


class LogActivity(Writing):
    """A call or a meeting that took place, or will."""

    kind: Literal["call", "meeting"] = Field(description="What it was.")
    subject: str = Field(min_length=1, max_length=255, description="What it was about, in a few words.")
    starts_at: datetime = Field(description="When it began (RFC 3339, with its time zone).")
    minutes: int = Field(30, ge=1, le=1_440, description="How long it took.")
    details: str | None = Field(None, max_length=2_000, description="What was said.")
    contact_id: Id | None = Field(None, description="With whom: a contact's id.")
    regarding_id: Id | None = Field(None, description="About what: account:… or deal:….")

    @model_validator(mode="after")
    def _has_zone(self) -> Self:
        if self.starts_at.tzinfo is None:
            raise ValueError("starts_at: a time needs its time zone")
        return self


class UpdateDealStage(Writing):
    """Another stage."""

    deal_id: Id = Field(description="The deal's id.")
    stage: str = Field(min_length=1, max_length=120, description="The new stage, by its name in that CRM.")


class ChangeWanted(Arguments):
    """One change."""

    record: Literal["contact", "account", "deal", "task", "meeting", "call", "note"] = Field(
        description="What kind of record."
    )
    id: Id | None = Field(None, description="The record that changes; left out: a new one.")
    values: Values


class ProposeChanges(Writing):
    """Several changes."""

    changes: list[ChangeWanted] = Field(min_length=1, max_length=20, description="Done in this order.")


class ApplyApprovedChanges(Arguments):
    """Which."""

    handle: str = Field(pattern=r"^[0-9a-f]{1,64}$", max_length=64, description="The handle of the plan.")


class FieldChange(Answer):
    """One value, before and after."""

    field: str
    before: Text | None = None
    after: Text | None = None


class PlannedChange(Answer):
    """One write of a plan."""

    operation: Literal["create", "update"]
    connection: str
    record: str
    id: str | None = None
    fields: list[FieldChange]


class Result(Answer):
    """What came of one write."""

    status: Literal["created", "updated", "unchanged", "rejected", "conflict", "unknown"]
    id: str | None = None
    code: str | None = None
    field: str | None = None


class WriteAnswer(AnswerBase):
    """``pending_approval``: nothing is written until a person agrees. Then call again, or apply it."""

    handle: str | None = None
    plan_hash: str | None = None
    expires_at: TimeOut | None = None
    results: list[Result] = Field(default_factory=list[Result])
    left_out: list[str] = Field(default_factory=list[str])
    """Fields that the CRM has no place for: they were not written."""


class Price(Answer):
    """What writes to a connection cost of what its account may use."""

    connection: str
    units: int
    unit: str


class PlanAnswer(WriteAnswer):
    """A plan."""

    changes: list[PlannedChange] = Field(default_factory=list[PlannedChange])
    price: list[Price] = Field(default_factory=list[Price])
    """What it will cost, where calls have prices."""


@tool(CreateCrmNote, WriteAnswer, CREATE, title="Create a note", models=["activity", "contact", "deal"])
async def create_crm_note(call: Call, given: CreateCrmNote) -> Told:
    """Leave a note on a contact, a lead or a deal.

    For something to be done use create_task. Answers the note's id, or that a person must agree first.
    """
    model = "deal" if given.module == "Deals" else "contact"
    connection, own = target_of(call, given.record_id, model, given.connection)

    async def want() -> Sequence[Wanted]:
        note = await attached(
            call.part(Changes).draft, connection, Note(body=given.note), Ref(model=model, id=own)
        )
        return [Wanted(connection, note)]

    return await written(call, "create_crm_note", given, want)


@tool(
    CreateTask, WriteAnswer, CREATE, title="Create a task", models=["activity", "contact", "account", "deal"]
)
async def create_task(call: Call, given: CreateTask) -> Told:
    """Create a task for the CRM's users, with a due date, about a contact, an account or a deal.

    For what took place already use log_activity. Answers the task's id, or that a person must agree first.
    """
    connection, refs = _refs(call, given.connection, given.contact_id, given.regarding_id)
    task = Task(subject=given.subject)
    if given.due_date is not None:
        task.due_at = given.due_date
    if given.details is not None:
        task.body = given.details

    async def want() -> Sequence[Wanted]:
        return [Wanted(connection, await attached(call.part(Changes).draft, connection, task, *refs))]

    return await written(call, "create_task", given, want)


@tool(
    LogActivity,
    WriteAnswer,
    CREATE,
    title="Log a call or meeting",
    models=["activity", "contact", "account", "deal"],
)
async def log_activity(call: Call, given: LogActivity) -> Told:
    """Log a phone call or a meeting with its time and what was said, about a contact, an account or a deal.

    Answers the activity's id, or that a person must agree first.
    """
    connection, refs = _refs(call, given.connection, given.contact_id, given.regarding_id)
    activity: ActivityBase
    length = timedelta(minutes=given.minutes)
    if given.kind == "call":
        activity = PhoneCall(subject=given.subject, starts_at=given.starts_at, duration=length)
    else:
        ends_at = given.starts_at + length
        activity = Meeting(subject=given.subject, starts_at=given.starts_at, ends_at=ends_at)
    if given.details is not None:
        activity.body = given.details

    async def want() -> Sequence[Wanted]:
        return [Wanted(connection, await attached(call.part(Changes).draft, connection, activity, *refs))]

    return await written(call, "log_activity", given, want)


@tool(UpdateDealStage, WriteAnswer, CHANGE, title="Move a deal to a stage", models=["deal"])
async def update_deal_stage(call: Call, given: UpdateDealStage) -> Told:
    """Move a deal to another stage of its pipeline.

    Answers what came of it, or that a person must agree first.
    """
    connection, own = target_of(call, given.deal_id, "deal", given.connection)

    async def want() -> Sequence[Wanted]:
        stage = await call.part(Changes).draft.stage(
            connection, given.stage, await _pipeline(call, connection, own)
        )
        return [Wanted(connection, Deal(stage=stage), own)]

    return await written(call, "update_deal_stage", given, want)


@tool(
    ProposeChanges,
    PlanAnswer,
    CREATE,
    title="Propose changes",
    models=["contact", "account", "deal", "activity"],
)
async def propose_changes(call: Call, given: ProposeChanges) -> Told:
    """Plan up to 20 changes to contacts, accounts, deals and activities for a person to look at.

    Nothing is written. Answers each value before and after, the plan's hash, and the handle for
    apply_approved_changes.
    """
    changes = call.part(Changes)

    async def want() -> Sequence[Wanted]:
        return [await wanted_of(call, changes.draft, given.connection, each) for each in given.changes]

    arguments = given.model_dump(mode="json", exclude={"idempotency_key"})
    submitted = await changes.park("propose_changes", arguments, want, key=given.idempotency_key)
    shown = [_planned(write) for write in submitted.plan.writes]
    costs = submitted.plan.price.items()
    price = [Price(connection=name, units=cost.cost, unit=cost.unit) for name, cost in costs]
    return Told(_answer(call, PlanAnswer, submitted, changes=shown, price=price), _summary(submitted))


@tool(
    ApplyApprovedChanges,
    WriteAnswer,
    CHANGE,
    title="Apply approved changes",
    models=["contact", "account", "deal", "activity"],
)
async def apply_approved_changes(call: Call, given: ApplyApprovedChanges) -> Told:
    """Do what a person has approved, once and exactly as it was planned.

    Where a record has changed meanwhile nothing is done. Answers what came of each change.
    """
    return _told(call, await call.part(Changes).apply_approved(given.handle))


WRITES: Final = Pack(
    "writes",
    "Notes, tasks, activities, stages of deals; and plans of changes that a person agrees to.",
    (create_crm_note, create_task, log_activity, update_deal_stage, propose_changes, apply_approved_changes),
)


# ── how ──────────────────────────────────────────────────────────────────────────────────────────


async def written(call: Call, name: str, given: Writing, want: Want) -> Told:
    """Do what is wanted, or park it for a person, by the tool of that name."""
    arguments = given.model_dump(mode="json", exclude={"idempotency_key"})
    changes = call.part(Changes)
    submitted = await changes.write(name, arguments, want, key=given.idempotency_key)
    return _told(call, submitted, changes.draft.left_out)


def _told(call: Call, submitted: Submitted, left_out: Sequence[str] = ()) -> Told:
    """The answer. Raises :class:`Refused` where one write was asked for and is not done."""
    if len(submitted.done) == 1 and not submitted.done[0].ok:
        raise _refused(submitted.done[0])
    return Told(_answer(call, WriteAnswer, submitted, left_out=[*left_out]), _summary(submitted))


def _answer(call: Call, kind: type[_Answer], submitted: Submitted, **more: object) -> _Answer:
    done = submitted.done
    asked = dict.fromkeys(write.connection for write in submitted.plan.writes)
    is_waiting = submitted.state != "done"
    results = [{"status": one.status, "id": one.id, "code": one.code, "field": one.field} for one in done]
    parts = {
        "sources": [call.reach.source(name) for name in asked if name in call.reach.connections],
        "status": "pending_approval" if is_waiting else "ok" if all(each.ok for each in done) else "partial",
        "handle": submitted.handle,
        "plan_hash": submitted.plan.hash if submitted.plan.writes else None,
        "expires_at": TimeOut.of(submitted.expires_at),
        "results": results,
    }
    return kind.model_validate(parts | more)


def _summary(submitted: Submitted) -> str:
    if submitted.state == "pending":
        return "nothing is written yet: a person has to approve it (crmhub approvals), then call again"
    if submitted.state == "approved":
        return "approved, and not written yet: call apply_approved_changes"
    good = sum(1 for each in submitted.done if each.ok)
    return f"{good} of {len(submitted.done)} done"


_WHY: Final = {
    "conflict": ("the record has changed meanwhile", "read it again, then decide again"),
    "moved": ("the record has changed meanwhile", "read it again, then decide again"),
    "not_found": ("the CRM has no such record", "use the ids as other tools answer them"),
    "already_exists": ("the CRM has a record with that unique value", "change the one there is"),
    "not_sent": ("the CRM cannot be reached just now; nothing was changed", "ask again later"),
    "unknown_outcome": (
        "it is not known whether the CRM has taken the change",
        "read the record before anything else; do not repeat the change",
    ),
}


def _refused(done: Done) -> Refused:
    code = done.code or "invalid_record"
    message, hint = _WHY.get(code, ("the CRM does not take these values", "check the values that were given"))
    return Refused(code, message, hint=hint, retryable=code == "not_sent")


def _refs(
    call: Call, connection: str | None, contact_id: str | None, regarding_id: str | None
) -> tuple[str, Sequence[Ref]]:
    """What an activity is attached to, all of one connection."""
    found: list[tuple[str, Ref]] = []
    if contact_id is not None:
        name, own = target_of(call, contact_id, "contact", connection)
        found.append((name, Ref(model="contact", id=own)))
    if regarding_id is not None:
        model = regarding_id.partition(":")[0]
        if model not in {"account", "deal"}:
            raise Refused(
                "invalid_id", "regarding_id: account:CONNECTION:ID or deal:CONNECTION:ID is expected"
            )
        name, own = target_of(call, regarding_id, model, connection)
        found.append((name, Ref(model=model, id=own)))
    names = {name for name, _ in found} or {connection_of(call, connection)}
    if len(names) > 1:
        raise Refused("invalid_id", "the records are of several connections", hint="attach it to one CRM's")
    return names.pop(), [ref for _, ref in found]


async def wanted_of(call: Call, draft: Draft, connection: str | None, wanted: ChangeWanted) -> Wanted:
    """A change as an agent says it, as it is written."""
    model = KINDS[wanted.record].model
    own = pipeline = None
    if wanted.id is None:
        name = connection_of(call, connection)
    else:
        name, own = target_of(call, wanted.id, model, connection)
        if "stage" in wanted.values:
            pipeline = await _pipeline(call, name, own)
    new = own is None
    record = await record_of(draft, name, wanted.record, wanted.values, new=new, pipeline=pipeline)
    return Wanted(name, record, own)


async def _pipeline(call: Call, connection: str, deal: str) -> str | None:
    """The deal's pipeline, where the agent sees it."""
    deals = call.reach.of(connection, Deal)
    if not deals.shows("pipeline"):
        return None
    found = await deals.get(deal, fields=["pipeline"])
    return found.pipeline.id if "pipeline" in found.model_fields_set and found.pipeline else None


def _planned(write: PlannedWrite) -> PlannedChange:
    fields = [
        FieldChange(field=path, before=_text(before), after=_text(after))
        for path, (before, after) in sorted(write.changes.items())
    ]
    own = None if write.id is None else f"{write.model}:{write.connection}:{write.id}"
    return PlannedChange(
        operation=write.operation, connection=write.connection, record=write.model, id=own, fields=fields
    )


def _text(value: object) -> Text | None:
    return None if value is None else Text.of(str(value), SHORT)
