"""What the calls that only Zoho has give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from crmhub.connector import Problem, Value

__all__ = [
    "Blueprint",
    "Call",
    "CallResult",
    "Converted",
    "MassJob",
    "MassStatus",
    "Recycled",
    "RelatedList",
    "Tag",
    "Transition",
    "TransitionField",
]


@dataclass(frozen=True, slots=True)
class Converted:
    """The records that a lead has become."""

    contact: str
    account: str | None = None
    """``None``: the lead names no company."""
    deal: str | None = None


@dataclass(frozen=True, slots=True)
class TransitionField:
    """A field that a transition asks for."""

    name: str
    label: str
    data_type: str
    mandatory: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """A step that a record in a blueprint can take."""

    id: str
    name: str
    to: str
    """The value that the process's field has afterwards."""
    allowed: bool
    """Whether the record meets the transition's criteria."""
    why_not: str | None = None
    fields: tuple[TransitionField, ...] = ()
    next: tuple[str, ...] = ()
    """Names of the transitions that follow it."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The process that a record is in."""

    id: str
    name: str
    field: str
    """The API name of the field that the process moves."""
    value: str
    """What it is now."""
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class RelatedList:
    """A related list of a module."""

    name: str
    """Its API name, by which it is asked for."""
    label: str
    object: str
    """The module of its records."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a module."""

    id: str
    name: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Recycled:
    """A record in the recycle bin."""

    id: str
    object: str
    name: str = field(repr=False)
    at: datetime | None = None
    """When it was deleted, aware UTC."""


@dataclass(frozen=True, slots=True)
class Call:
    """One part of a composite request.

    ``path``, ``params`` and ``json`` may refer to an earlier part by its name:
    ``"@{lead:$.data[0].details.id}"``.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Under ``/crm/``, such as ``/crm/v8/Leads``."""
    params: Mapping[str, str] | None = None
    json: Value = None
    name: str | None = None
    """Letters and digits."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of one part of a composite request."""

    status: int | None
    """The HTTP status of the part's own reply; ``None``: it was not carried out, or was rolled back."""
    body: Value = field(default=None, repr=False)
    problem: Problem | None = None

    @property
    def ok(self) -> bool:
        """Whether the part did what it asks for, all of it."""
        return self.problem is None


@dataclass(frozen=True, slots=True)
class MassJob:
    """A job of Zoho's that changes or deletes all records of a view."""

    id: str
    object: str
    kind: Literal["update", "delete"]


@dataclass(frozen=True, slots=True)
class MassStatus:
    """How far a mass job has come."""

    state: str
    """In Zoho's words: SCHEDULED, RUNNING, COMPLETED, FAILED."""
    total: int
    done: int
    failed: int

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {"COMPLETED", "FAILED"}
