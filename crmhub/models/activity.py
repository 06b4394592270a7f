"""Activities: a union of models told apart by ``type``."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from crmhub.models.base import Instant, Record
from crmhub.models.values import Open, Part, Ref

__all__ = [
    "Activity",
    "ActivityBase",
    "ActivityStatus",
    "Call",
    "Direction",
    "EmailMessage",
    "Meeting",
    "Note",
    "OtherActivity",
    "Participant",
    "Task",
]


class ActivityStatus(StrEnum):
    """How far an activity has come."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    DEFERRED = "deferred"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Direction(StrEnum):
    """Who began it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Participant(Part):
    """Someone who took part."""

    ref: Ref | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    role: Literal["organizer", "attendee", "from", "to", "cc", "bcc", "owner"] = "attendee"
    response: str | None = None


class ActivityBase(Record):
    """What all activities share."""

    model: ClassVar[str] = "activity"

    subject: str | None = None
    body: str | None = None
    status: Open[ActivityStatus] | None = None
    priority: str | None = None
    contact: Ref | None = None
    """The person it is with."""
    regarding: Ref | None = None
    """The account or deal it is about."""
    participants: list[Participant] | None = None


class Task(ActivityBase):
    """Something to be done."""

    type: Literal["task"] = "task"
    due_at: date | None = None
    completed_at: Instant | None = None
    reminder_at: Instant | None = None


class Meeting(ActivityBase):
    """A meeting or appointment."""

    type: Literal["meeting"] = "meeting"
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    all_day: bool | None = None
    location: str | None = None
    conference_url: str | None = None
    recurrence: str | None = None


class Call(ActivityBase):
    """A phone call."""

    type: Literal["call"] = "call"
    direction: Open[Direction] | None = None
    starts_at: Instant | None = None
    duration: timedelta | None = None
    disposition: str | None = None
    purpose: str | None = None
    due_at: date | None = None
    recording_url: str | None = None


class Note(ActivityBase):
    """A text someone left on a record."""

    type: Literal["note"] = "note"


class EmailMessage(ActivityBase):
    """An e-mail that was sent or received."""

    type: Literal["email"] = "email"
    direction: Open[Direction] | None = None
    sent_at: Instant | None = None
    message_id: str | None = None
    thread_id: str | None = None
    in_reply_to: str | None = None


class OtherActivity(ActivityBase):
    """Any other activity: SMS, chat, letter, form, page view; ``remote_type`` is the vendor's word."""

    type: Literal["sms", "chat", "letter", "form", "page_view", "other"] = "other"
    remote_type: str | None = None
    direction: Open[Direction] | None = None
    starts_at: Instant | None = None


Activity: TypeAlias = Annotated[
    Task | Meeting | Call | Note | EmailMessage | OtherActivity, Field(discriminator="type")
]
"""Any activity, told apart by ``type``."""
