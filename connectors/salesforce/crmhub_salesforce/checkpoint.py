"""Where an incremental read of an object stands.

A full read goes by id; ``began`` is the server's time when it began, from which the changes are then
read. A read of changes goes by (stamp, id); ``seen`` is the newest stamp of the last completed read,
``at`` where an unfinished one stands, ``until`` the server's time when that one began; ``logged`` is the time
up to which the delete log is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from crmhub.connector import Checkpoint, Value
from crmhub.errors import BadRequest, Where
from crmhub_salesforce.ids import full_id

__all__ = ["Changes", "Full", "Job", "Position", "dump", "load", "moment"]

_FORM = 1
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)")


@dataclass(frozen=True, slots=True)
class Job:
    """A query job; its page behind ``locator`` (the first: none) is read up to and with ``done`` rows."""

    id: str
    locator: str | None = None
    done: int = 0


@dataclass(frozen=True, slots=True)
class Full:
    """A full read; ``after`` is the last id that was read."""

    after: str | None = None
    began: datetime | None = None
    job: Job | None = None
    """The query job that reads what comes after it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of changes."""

    stamp: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """A read of changes."""

    seen: datetime
    at: Position | None = None
    until: datetime | None = None
    logged: datetime | None = None
    """Up to when the delete log has been read."""


def dump(object: str, cursor: str | None, state: Full | Changes) -> Checkpoint:
    """The state as JSON-able values."""
    known: dict[str, Value] = {"v": _FORM, "object": object, "cursor": cursor}
    if isinstance(state, Full):
        known |= {"mode": "full", "after": state.after, "began": _text(state.began)}
        return known if state.job is None else known | {"job": _job_values(state.job)}
    at: Value = None if state.at is None else [_text(state.at.stamp), state.at.id]
    known |= {"mode": "changes", "seen": _text(state.seen), "at": at, "until": _text(state.until)}
    return known if state.logged is None else known | {"logged": _text(state.logged)}


def load(object: str, cursor: str | None, since: Checkpoint | None) -> Full | Changes:
    """The state that ``dump`` wrote for that object; a new full read for ``None``.

    Raises ``BadRequest`` for anything else, since a guess would lose records.
    """
    if since is None:
        return Full()
    try:
        return _state(object, cursor, since)
    except (KeyError, TypeError, ValueError):
        raise _unusable(object, "it is not one that this connector wrote, or it is damaged") from None


def moment(text: Value) -> datetime:
    """An instant as Salesforce writes it (``2026-01-31T09:00:00.000+0000``); raises ``ValueError``.

    It knows the years 1700 to 4000 (Salesforce Help 000383587).
    """
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None or not "1700" <= text[:4] <= "4000":
        raise ValueError("no instant")
    return datetime.fromisoformat(text).astimezone(UTC)


def _state(object: str, cursor: str | None, since: Checkpoint) -> Full | Changes:
    if since["v"] != _FORM:
        raise ValueError("another form")
    if since["object"] != object:
        raise _unusable(object, "it belongs to another object")
    if since["cursor"] != cursor:
        raise _unusable(object, "it was made with another cursor field")
    if since["mode"] == "full":
        return Full(_id(since["after"]), _instant(since["began"]), _job(since.get("job")))
    if since["mode"] != "changes":
        raise ValueError("another mode")
    at = since["at"]
    position = None
    if at is not None:
        if not isinstance(at, list):
            raise ValueError("no position")
        stamp, id_ = at
        position = Position(moment(stamp), _id(id_) or "")
    return Changes(moment(since["seen"]), position, _instant(since["until"]), _instant(since.get("logged")))


def _id(value: Value) -> str | None:
    if value is None:
        return None
    id_ = full_id(value) if isinstance(value, str) else None
    if id_ is None:
        raise ValueError("no id")
    return id_


def _job_values(job: Job) -> list[Value]:
    return [job.id, job.locator, job.done]


def _job(value: Value) -> Job | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("no job")  # noqa: TRY004 - a checkpoint that is damaged, as any other
    id_, locator, done = value
    if not (locator is None or isinstance(locator, str)) or type(done) is not int or done < 0:
        raise ValueError("no place in a job")
    return Job(_id(id_) or "", locator, done)


def _instant(value: Value) -> datetime | None:
    return None if value is None else moment(value)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _unusable(object: str, why: str) -> BadRequest:
    return BadRequest(
        f"the checkpoint cannot be used: {why}",
        hint="start a full read (without a checkpoint)",
        where=Where(object=object),
    )
