"""The base of every canonical record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from crmhub.models.values import AssociationSet, Life, UserRef

__all__ = ["CustomValue", "Instant", "Record", "utc"]


def utc(value: datetime) -> datetime:
    """The same instant in UTC; raises ``ValueError`` for a naive time, which names no instant."""
    zone = value.tzinfo
    if zone is UTC:
        return value
    if zone is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(utc)]
"""A point in time, aware and in UTC."""

CustomValue: TypeAlias = (
    bool
    | int
    | Decimal
    | datetime
    | date
    | str
    | list[str]
    | list[dict[str, object]]
    | dict[str, object]
    | None
)
"""A custom field's value, typed by the CRM's own schema; structures such as a subform's rows as they are."""

RawRecord: TypeAlias = Mapping[str, object]
"""A record in the CRM's own words: JSON, with numbers that have a fraction as ``Decimal``."""


class Record(BaseModel):
    """What all canonical records share.

    *Unset* is a field not in ``model_fields_set``, *cleared* is ``None``: a partial update sends
    exactly what is set. Its text form names the fields, never their values: ``model_dump()`` has those.
    Subclass a model, or this, to add your own; then map to it.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        defer_build=True,  # a program that uses one model does not wait for the others
    )

    model: ClassVar[str] = "record"
    """The model's name, as mappings say it."""

    id: str | None = None
    """The CRM's own id; ``None`` before the record is created."""
    connection: str | None = None
    """The connection that it was read from."""
    object: str | None = None
    """The CRM's own record type."""
    url: str | None = None
    """Where a person opens it."""
    created_at: Instant | None = None
    updated_at: Instant | None = None
    version: str | None = None
    """The vendor's stamp or etag, for compare-and-set."""
    life: Life = Life()
    owner: UserRef | None = None
    tags: list[str] | None = None
    custom: dict[str, CustomValue] = Field(default_factory=dict)
    """Custom fields by canonical key, typed from the CRM's own schema."""
    vendor: dict[str, str] = Field(default_factory=dict)
    """The vendor's own literals of enum fields, by field name."""
    associations: AssociationSet | None = None
    raw: RawRecord | None = Field(default=None, repr=False)
    """The record as the CRM gave it; only when asked for."""

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """What may stand in a log: which record it is, and which fields it has; no personal data."""
        known = ("id", "connection", "object")
        yield from ((name, getattr(self, name)) for name in known if getattr(self, name) is not None)
        yield "fields", sorted(self.model_fields_set.difference(known))

    def changes(self) -> set[str]:
        """The names of the fields that are set, and so would be written."""
        return set(self.model_fields_set)
