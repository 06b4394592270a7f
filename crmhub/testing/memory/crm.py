"""The CRM itself: its records, its tombstones, its fields. Several connections may share one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import anyio.lowlevel

from crmhub.clock import Clock
from crmhub.connector import Deletion, FieldSpec, Native, Problem, Value
from crmhub.native import unsayable
from crmhub.testing.memory.config import MemoryConfig

__all__ = ["MemoryCrm", "Wire"]


class Wire(Protocol):
    """What stands between a connection and the CRM; entered for each call (``METHOD object``)."""

    def __call__(self, call: str, /) -> AbstractAsyncContextManager[None]:
        """Raises the errors of :mod:`crmhub.errors` where the call or its reply gets lost."""
        ...


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record that is gone, what it held, and the number of the change by which it went."""

    deletion: Deletion
    row: Native
    change: int


class MemoryCrm:
    """``records`` are the live rows, ``gone`` the tombstones, both by object and id.

    Every change of anything has a number of its own, in the field ``change``.
    """

    def __init__(self, config: MemoryConfig, clock: Clock) -> None:
        self._clock = clock
        self.fields = config.specs()
        self.password = config.password
        self.changes = 0
        self.wire: Wire = _direct
        self.records: dict[str, dict[str, Native]] = {name: {} for name in self.fields}
        self.gone: dict[str, dict[str, Tombstone]] = {name: {} for name in self.fields}
        for object_, rows in config.rows.items():
            for row in rows:
                self.store(object_, dict(row))

    def specs(self, object: str) -> dict[str, FieldSpec]:
        """The object's fields, those that the CRM itself fills among them. Raises ``KeyError``."""
        own: dict[str, FieldSpec] = {
            "id": FieldSpec("id", "text", "id", creatable=False, updatable=False, unique=True),
            "created_at": FieldSpec("created_at", "datetime", "created", creatable=False, updatable=False),
            "modified_at": FieldSpec("modified_at", "datetime", "modified", creatable=False, updatable=False),
            "change": FieldSpec("change", "int", "change", creatable=False, updatable=False),
        }
        return own | self.fields[object]

    def store(self, object: str, row: Native, *, stamp: str | None = None) -> Native:
        """Put a row in, new or changed; ``stamp`` is its time of change, if it is not now."""
        self.changes += 1
        now = stamp or self._clock.now().isoformat()
        row = {"id": f"{object}-{self.changes}", "created_at": now} | row
        row |= {"modified_at": now, "change": self.changes}
        self.records[object][str(row["id"])] = row
        self.gone[object].pop(str(row["id"]), None)
        return row

    def remove(self, object: str, id: str, *, into: str | None = None) -> bool:
        """Delete a record, or merge it ``into`` another; whether it was there."""
        row = self.records[object].pop(id, None)
        if row is None:
            return False
        self.changes += 1
        deletion = Deletion(id, self._clock.now(), "merged" if into else "deleted", into)
        self.gone[object][id] = Tombstone(deletion, row, self.changes)
        return True

    def restore(self, object: str, id: str) -> None:
        """Take a deleted record back. Raises ``KeyError``."""
        self.store(object, self.gone[object][id].row)

    def refusal(self, object: str, fields: Native, present: Native | None) -> Problem | None:
        """Why these values cannot be written to a new record, or to ``present``."""
        specs = self.specs(object)
        for name, value in fields.items():
            problem = self._wrong(object, specs.get(name), name, value, present)
            if problem is not None:
                return problem
        for name, spec in specs.items():
            told = present is None or name in fields
            if spec.required and told and fields.get(name) is None:
                return Problem("required", f"{name} is required", name)
        return None

    def _wrong(
        self, object: str, spec: FieldSpec | None, name: str, value: Value, present: Native | None
    ) -> Problem | None:
        if spec is None:
            return Problem("unknown_field", f"no field {name}", name)
        if not spec.creatable:
            return Problem("read_only", f"{name} is read-only", name)
        if why := unsayable(value):
            return Problem("no_text", why, name)
        if value is None:
            return None
        if spec.restricted and value not in {choice.value for choice in spec.choices}:
            return Problem("no_choice", f"not a choice of {name}", name)
        if spec.max_length is not None and len(str(value)) > spec.max_length:
            return Problem("too_long", f"more than {spec.max_length} characters", name)
        ids = value if isinstance(value, list) else [value]
        if spec.refers_to and not all(str(id_) in self.records[spec.refers_to[0]] for id_ in ids):
            return Problem("no_such_reference", f"no such record in {spec.refers_to[0]}", name)
        others = self.records[object].values() if spec.unique else ()
        if any(row.get(name) == value and row is not present for row in others):
            return Problem("duplicate", f"{name} is taken", name)
        return None

    def changed(self, object: str, since: int) -> Sequence[Native | Tombstone]:
        """Rows and tombstones of all changes after ``since``, in order."""
        found: list[tuple[int, Native | Tombstone]] = [
            (number, row) for row in self.records[object].values() if (number := number_of(row)) > since
        ]
        found += [(one.change, one) for one in self.gone[object].values() if one.change > since]
        return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def number_of(row: Native) -> int:
    """The number of the row's last change."""
    number = row["change"]
    return number if isinstance(number, int) else 0


@asynccontextmanager
async def _direct(call: str) -> AsyncGenerator[None]:  # noqa: ARG001 - the wire of an undisturbed CRM
    await anyio.lowlevel.checkpoint()
    yield
