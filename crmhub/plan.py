"""Plans: exact writes as data, with a content hash. Whoever agrees to a hash agrees to these writes alone.

A sync plans what would bring its target to what its source says; :meth:`crmhub.records.Records.planned`
plans what a caller asks for. :mod:`crmhub.applying` does what such a plan says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias, cast

import msgspec

from crmhub.native import Native
from crmhub.store.records import RecordRef
from crmhub.usage import Estimate

__all__ = ["Change", "Plan", "PlannedWrite"]

Change: TypeAlias = tuple[object, object]
"""A canonical value before and after, in comparable form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """One write: what, to which record, field by field before and after."""

    operation: Literal["create", "update"]
    connection: str
    """Where it is written to."""
    model: str
    object: str
    """The CRM's own record type."""
    id: str | None
    """The record that changes; ``None`` for a new one."""
    source: RecordRef | None
    """The record of another connection that the values are taken from, if they are."""
    fields: Native
    """The native fields that are sent."""
    changes: Mapping[str, Change]
    """By canonical path."""
    expected: str | None = None
    """The version of the record that the values before are those of, where it has one."""
    defaulted: tuple[str, ...] = ()
    """Paths that ``default_on_create`` fills."""

    def describe(self) -> dict[str, object]:
        """The write as plain data, without anything that differs from run to run."""
        return {
            "operation": self.operation, "model": self.model,
            "source": self.source and list(self.source), "connection": self.connection,
            "object": self.object, "id": self.id, "expected": self.expected, "fields": self.fields,
            "changes": {path: list(pair) for path, pair in self.changes.items()},
            "defaulted": list(self.defaulted),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """Writes that belong together."""

    writes: Sequence[PlannedWrite] = ()
    price: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate], compare=False, kw_only=True)
    """What they will cost, by connection, where calls have prices; no part of the hash."""

    def json(self) -> bytes:
        """Canonical JSON of the writes."""
        return _encode([write.describe() for write in self.writes])

    @property
    def hash(self) -> str:
        """The content hash: equal plans, and only they, have equal hashes."""
        return hashlib.sha256(self.json()).hexdigest()

    @staticmethod
    def decode(text: bytes) -> Plan:
        """A plan back from its JSON, with the same hash."""
        return Plan([each.whole() for each in _decode(text)])


_Any: TypeAlias = object
"""Within a class that has a field of that name."""


class _Stored(msgspec.Struct):
    """A write as its JSON has it."""

    operation: Literal["create", "update"]
    model: str
    source: tuple[str, str, str] | None
    connection: str
    object: str
    id: str | None
    expected: str | None
    fields: dict[str, _Any]
    changes: dict[str, tuple[_Any, _Any]]
    defaulted: tuple[str, ...]

    def whole(self) -> PlannedWrite:
        return PlannedWrite(
            operation=self.operation, connection=self.connection, model=self.model, object=self.object,
            id=self.id, fields=cast("Native", self.fields), changes=self.changes, expected=self.expected,
            source=None if self.source is None else RecordRef(*self.source), defaulted=self.defaulted,
        )  # fmt: skip


_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode
_decode = msgspec.json.Decoder(list[_Stored], float_hook=Decimal).decode
