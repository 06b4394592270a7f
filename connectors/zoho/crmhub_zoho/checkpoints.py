"""Where a read stands, and the JSON in which that is kept.

A full read walks ranges of ids and remembers the newest change it has seen. A read of changes walks by
(time of change, id). Its next start is never later than the newest change seen, and never later than
the server's time when the walk began less the overlap: whatever is still to become visible carries a
later time than that. So the saved place needs no moving back, and a quiet module gives no rows again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from crmhub.connector import Checkpoint, Condition, Value
from crmhub.errors import BadRequest, Where
from crmhub_zoho.ranges import Range
from crmhub_zoho.records import instant, is_record_id

__all__ = ["Bulk", "Changes", "Full", "Position", "Walk", "after_full", "after_walk", "load", "save"]

_VERSION = 1
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of changes: after that record, or before all of that time (``id`` empty)."""

    at: datetime
    id: str = ""

    @property
    def order(self) -> tuple[datetime, int]:
        """What places are compared by."""
        return self.at, int(self.id or 0)


@dataclass(frozen=True, slots=True)
class Full:
    """A full read under way: what is still to be read, when it began, and the newest change seen.

    ``end`` is the last id that there was when the end was looked at; a read that goes on later, from a
    checkpoint, also reads what has come after it.
    """

    ranges: tuple[Range, ...]
    began: datetime
    peak: Position | None
    end: str = ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A full read by bulk read jobs: the ``job`` that runs, and how many of its rows are ``done``.

    ``full`` is where the read goes on by queries, should the job be of no use.
    """

    full: Full
    job: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """A read of changes under way: when it began, and the last record."""

    began: datetime
    last: Position


@dataclass(frozen=True, slots=True)
class Changes:
    """Where the next read of changes starts; ``walk`` while one is under way."""

    start: Position
    deleted: datetime
    walk: Walk | None = None


def after_full(full: Full, overlap: float) -> Changes:
    """The first place for reading changes, when the full read is done."""
    settled = full.began - timedelta(seconds=overlap)
    return Changes(_earlier(full.peak, settled), settled)


def after_walk(
    changes: Changes, began: datetime, peak: Position | None, deleted: datetime | None, overlap: float
) -> Changes:
    """The next place, when a read of changes that began then has seen changes up to ``peak``."""
    settled = began - timedelta(seconds=overlap)
    start = changes.start if peak is None else _earlier(peak, settled)
    gone = changes.deleted if deleted is None else min(deleted, settled)
    return replace(
        changes,
        start=max(changes.start, start, key=lambda place: place.order),
        deleted=max(changes.deleted, gone),
        walk=None,
    )


def _earlier(peak: Position | None, settled: datetime) -> Position:
    if peak is not None and peak.at <= settled:
        return peak
    return Position(settled)


def save(state: Full | Bulk | Changes, module: str, filter: Sequence[Condition]) -> Checkpoint:
    """The state as JSON-able values."""
    saved: dict[str, Value] = {"v": _VERSION, "object": module}
    if filter:
        saved["filter"] = _fingerprint(filter)
    if isinstance(state, Bulk):
        return saved | {"mode": "bulk", "job": state.job, "done": state.done} | _saved_full(state.full)
    if isinstance(state, Full):
        return saved | {"mode": "full"} | _saved_full(state)
    saved |= {"mode": "changes", "start": _saved(state.start), "deleted": state.deleted.isoformat()}
    if state.walk is not None:
        saved["walk"] = {"began": state.walk.began.isoformat(), "last": _saved(state.walk.last)}
    return saved


def load(saved: Checkpoint, module: str, filter: Sequence[Condition]) -> Full | Bulk | Changes:
    """The state in a checkpoint; raises ``BadRequest`` when it is not one of this object and filter."""
    if saved.get("v") != _VERSION or saved.get("object") != module:
        raise _unusable(module, "it was not made by a read of this object")
    if saved.get("filter") != (_fingerprint(filter) if filter else None):
        raise _unusable(module, "it was made with another filter")
    try:
        if saved.get("mode") == "full":
            return _full(saved)
        if saved.get("mode") == "bulk":
            return Bulk(_full(saved), _some_id(saved.get("job")), _number(saved.get("done")))
        if saved.get("mode") == "changes":
            walk = saved.get("walk")
            return Changes(
                _position(saved.get("start")),
                _at(saved.get("deleted")),
                _walk(walk) if walk is not None else None,
            )
    except ValueError:
        raise _unusable(module, "it is damaged") from None
    raise _unusable(module, "it is damaged")


def _unusable(module: str, why: str) -> BadRequest:
    return BadRequest(
        f"the checkpoint cannot be used: {why}",
        hint="start a full read (without a checkpoint)",
        where=Where(object=module),
    )


def _fingerprint(filter: Sequence[Condition]) -> str:
    encoded = _encoder.encode([(one.field, one.op, one.value) for one in filter])
    return hashlib.sha256(encoded).hexdigest()[:16]


def _saved(position: Position) -> Value:
    return {"at": position.at.isoformat(), "id": position.id}


def _saved_full(full: Full) -> dict[str, Value]:
    saved: dict[str, Value] = {"began": full.began.isoformat()}
    if full.peak is not None:
        saved["peak"] = _saved(full.peak)
    return saved | _saved_ranges(full)


def _full(saved: Mapping[str, Value]) -> Full:
    peak = _position(saved["peak"]) if "peak" in saved else None
    return Full(_ranges(saved), _at(saved.get("began")), peak)


def _saved_ranges(full: Full) -> dict[str, Value]:
    ranges = (*full.ranges, Range(full.end)) if full.end else full.ranges
    if len(ranges) == 1 and ranges[0].is_open:
        return {"id": ranges[0].after}
    return {"ranges": [[one.after, one.before] for one in ranges]}


def _ranges(saved: Mapping[str, Value]) -> tuple[Range, ...]:
    if "ranges" not in saved:
        return (Range(_id(saved.get("id"))),)
    found = saved["ranges"]
    if not isinstance(found, list) or not found:
        raise ValueError
    return tuple(_range(one) for one in found)


def _range(value: Value) -> Range:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError
    return Range(_id(value[0]), _id(value[1]))


def _position(value: Value) -> Position:
    saved = _object(value)
    return Position(_at(saved.get("at")), _id(saved.get("id")))


def _walk(value: Value) -> Walk:
    saved = _object(value)
    return Walk(_at(saved.get("began")), _position(saved.get("last")))


def _object(value: Value) -> Mapping[str, Value]:
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - one kind for all that can be wrong here
    return value


def _at(value: Value) -> datetime:
    at = instant(value) if isinstance(value, str) else None
    if at is None:
        raise ValueError
    return at


def _id(value: Value) -> str:
    if not isinstance(value, str) or not (value == "" or is_record_id(value)):
        raise ValueError
    return value


def _some_id(value: Value) -> str:
    id_ = _id(value)
    if not id_:
        raise ValueError
    return id_


def _number(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value
