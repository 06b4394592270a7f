"""The models of property tours. The agent who shows the properties is a record's ``owner``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from crmhub.models import Record, Ref
from crmhub.models.base import Instant

__all__ = ["Feedback", "PropertyVisit", "Tour"]


class Tour(Record):
    """A tour through several properties: one appointment around all its visits."""

    model: ClassVar[str] = "tour"

    tour_id: str | None = None
    name: str | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    notes: str | None = Field(default=None, repr=False)
    """The stops, one a line."""


class PropertyVisit(Record):
    """The visit of one property."""

    model: ClassVar[str] = "property_visit"

    tour_id: str | None = None
    property_id: str | None = None
    name: str | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    address: str | None = Field(default=None, repr=False)
    notes: str | None = Field(default=None, repr=False)


class Feedback(Record):
    """What a buyer said of a property."""

    model: ClassVar[str] = "feedback"

    tour_id: str | None = None
    property_id: str | None = None
    name: str | None = None
    text: str | None = Field(default=None, repr=False)
    buyer: Ref | None = None
    """The contact."""
