"""Activities in time: when one took place, and what took place with whom."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, cast

from crmhub.agent.answers import Answer, Refused, TimeOut
from crmhub.agent.packs.asking import FEW
from crmhub.agent.tool import Call
from crmhub.errors import Unsupported
from crmhub.models import ActivityBase, ActivityStatus, Contact, Ref

__all__ = [
    "SHOWN",
    "ActivitySummary",
    "about",
    "may_summarise",
    "open_now",
    "summaries",
    "took_place",
    "without_contact",
]

SHOWN: Final = (
    "type", "subject", "body", "status", "contact", "regarding", "starts_at", "sent_at", "completed_at",
    "due_at", "created_at", "updated_at",
)  # fmt: skip
_TIMES: Final = (
    "contact", "regarding", "status", "type", "starts_at", "sent_at", "completed_at", "due_at",
    "created_at", "updated_at",
)  # fmt: skip
_ENDED: Final = frozenset({ActivityStatus.COMPLETED, ActivityStatus.CANCELLED, ActivityStatus.NO_SHOW})
RECENT: Final = 90
"""Days that count as recent in a summary."""


class ActivitySummary(Answer):
    """What took place with somebody."""

    last: TimeOut | None = None
    """The last call, meeting, e-mail, note or finished task."""
    last_type: str | None = None
    last_90_days: int = 0
    open: int = 0
    """Tasks, calls and meetings to come."""


def took_place(activity: ActivityBase, now: datetime) -> datetime | None:
    """When it took place; ``None`` for what has not: a task to be done, a meeting to come."""
    if activity.status in {ActivityStatus.CANCELLED, ActivityStatus.NO_SHOW}:
        return None
    for name in ("starts_at", "sent_at", "completed_at"):
        at = cast("datetime | None", getattr(activity, name, None))
        if at is not None:
            return at if at <= now else None
    due = cast("date | None", getattr(activity, "due_at", None))
    if activity.status == ActivityStatus.COMPLETED:
        day = None if due is None else datetime.combine(due, time(), UTC)
        return day if day is not None and day <= now else activity.updated_at
    kind = cast("str | None", getattr(activity, "type", None))
    return None if kind == "task" or due is not None else activity.created_at


def open_now(activity: ActivityBase, now: datetime) -> bool:
    """Whether it is still to come."""
    kind = cast("str | None", getattr(activity, "type", None))
    return (
        kind in {"task", "call", "meeting"}
        and activity.status not in _ENDED
        and took_place(activity, now) is None
    )


async def about(
    call: Call, connection: str, refs: Iterable[Ref], fields: Iterable[str] = _TIMES
) -> Sequence[ActivityBase]:
    """All activities with or about these records, each once; none is noted as handed out.

    Raises :class:`Refused` where the agent does not see whom activities are with.
    """
    call.reach.of(connection, ActivityBase).demand("contact", "regarding")
    given, found, asked = list(refs), dict[str, ActivityBase](), False
    people = [ref for ref in given if ref.model == "contact"]
    lacking: Unsupported | None = None
    for kind in call.reach.kinds_of(connection, ActivityBase):  # what one cannot be asked for, another can
        activities = call.reach.of(connection, kind)
        shown = activities.among(fields)
        for path, several in (("contact", people), ("regarding", given)):
            for place in range(0, len(several), FEW):
                where = {path: several[place : place + FEW]}
                try:
                    async with aclosing(activities.scan(fields=shown, where=where)) as pages:
                        async for page in pages:
                            found |= {str(each.id): each for each in page}
                    asked = True
                except Unsupported as error:  # it has no such reference
                    lacking = error
    if lacking is not None and not asked:
        raise lacking
    return [*found.values()]


async def summaries(
    call: Call, connection: str, contacts: Sequence[Contact]
) -> Mapping[str, ActivitySummary]:
    """What took place with each of the contacts, by id.

    Raises :class:`Unsupported` where the CRM does not tell, :class:`Refused` where the agent may not know.
    """
    if not contacts:
        return {}
    now = call.now
    refs = [Ref(model="contact", id=str(contact.id)) for contact in contacts]
    found: dict[str, _With] = {ref.id: _With() for ref in refs}
    for activity in await about(call, connection, refs):
        at, to_come = took_place(activity, now), open_now(activity, now)
        for own in {ref.id for ref in (activity.contact, activity.regarding) if ref is not None}:
            if own in found:
                found[own].add(at, cast("str", getattr(activity, "type", "other")), to_come)
    return {own: each.told(now) for own, each in found.items()}


async def without_contact(
    call: Call, connection: str, pages: AsyncGenerator[Sequence[Contact]], days: int
) -> AsyncGenerator[Sequence[Contact]]:
    """Those of the contacts with whom nothing took place in so many days."""
    since = (call.now - timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")
    async with aclosing(pages):
        async for page in pages:
            for place in range(0, len(page), FEW):
                some = page[place : place + FEW]
                told = await summaries(call, connection, some)
                yield [
                    each for each in some if (last := told[str(each.id)].last) is None or last.value < since
                ]


@dataclass
class _With:
    """What took place with one contact, as it is counted."""

    times: list[tuple[datetime, str]]
    to_come: int

    def __init__(self) -> None:
        self.times, self.to_come = [], 0

    def add(self, at: datetime | None, kind: str, to_come: bool) -> None:
        self.to_come += to_come
        if at is not None:
            self.times.append((at, kind))

    def told(self, now: datetime) -> ActivitySummary:
        recent = now - timedelta(days=RECENT)
        last = max(self.times, default=None)
        return ActivitySummary(
            last=TimeOut.of(last[0]) if last else None,
            last_type=last[1] if last else None,
            last_90_days=sum(at >= recent for at, _ in self.times),
            open=self.to_come,
        )


def may_summarise(call: Call, connection: str) -> bool:
    """Whether the agent may know what took place, and the CRM keeps it."""
    if "activity" not in call.reach.models_of(connection):
        return False
    try:
        call.reach.of(connection, ActivityBase).demand("contact", "regarding", "created_at")
    except (Refused, Unsupported):
        return False
    return True
