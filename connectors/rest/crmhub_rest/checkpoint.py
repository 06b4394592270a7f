"""Where a read stands, as JSON-able values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from crmhub.connector import Checkpoint, Value
from crmhub.errors import BadRequest, Where
from crmhub_rest.language.paging import Place

__all__ = ["Changes", "Full", "dump", "load"]

_FORM = 1


@dataclass(frozen=True, slots=True)
class Full:
    """A read of everything: ``place`` is the next page, ``began`` the CRM's time when it began."""

    place: Place | None = None
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """A read of changes: up to ``seen`` all are read; ``at`` is where an unfinished one stands.

    ``at`` is the stamp from which its present pages were asked for, ``place`` the next of them, ``after``
    the last id among the records of just that stamp, ``until`` the CRM's time when it began.
    """

    seen: datetime
    at: datetime | None = None
    place: Place | None = None
    after: str | None = None
    until: datetime | None = None
    newest: datetime | None = None


def dump(object: str, state: Full | Changes) -> Checkpoint:
    """The state as JSON-able values."""
    known: dict[str, Value] = {"v": _FORM, "object": object}
    if isinstance(state, Full):
        return known | {"mode": "full", "place": state.place, "began": _text(state.began)}
    return known | {
        "mode": "changes", "seen": _text(state.seen), "at": _text(state.at), "place": state.place,
        "after": state.after, "until": _text(state.until), "newest": _text(state.newest),
    }  # fmt: skip


def load(object: str, since: Checkpoint | None) -> Full | Changes:
    """The state that ``dump`` wrote for that object; a new full read for ``None``.

    Raises ``BadRequest`` for anything else, since a guess would lose records.
    """
    if since is None:
        return Full()
    try:
        return _state(object, since)
    except (KeyError, TypeError, ValueError):
        raise _unusable(object, "it is not one that this connector wrote, or it is damaged") from None


def _state(object: str, since: Checkpoint) -> Full | Changes:
    if since["v"] != _FORM:
        raise ValueError("another form")
    if since["object"] != object:
        raise _unusable(object, "it belongs to another object")
    if since["mode"] == "full":
        return Full(_place(since["place"]), _instant(since["began"]))
    if since["mode"] != "changes":
        raise ValueError("another mode")
    seen, after = _instant(since["seen"]), since["after"]
    if seen is None or not (after is None or isinstance(after, str)):
        raise ValueError("no time, or no id")
    return Changes(
        seen,
        _instant(since["at"]),
        _place(since["place"]),
        after,
        _instant(since["until"]),
        _instant(since["newest"]),
    )


def _place(value: Value) -> Place | None:
    if value is None or isinstance(value, dict):
        return value
    raise ValueError("no place")


def _instant(value: Value) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("no instant")  # noqa: TRY004 - a checkpoint that is damaged, as any other
    return datetime.fromisoformat(value).astimezone(UTC)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()


def _unusable(object: str, why: str) -> BadRequest:
    return BadRequest(
        f"the checkpoint cannot be used: {why}",
        hint="start a full read (without a checkpoint)",
        where=Where(object=object),
    )
