"""The arguments of the actions, named as callers of such tools name them, and what comes of a call."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic.alias_generators import to_camel

__all__ = [
    "CrmOutcome",
    "FeedbackData",
    "Report",
    "Stop",
    "SyncFeedbackData",
    "SyncTourData",
    "TourData",
    "Wrote",
]

_Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Where = Annotated[
    str,
    Field(min_length=1, description="A connection, a kind of CRM (zoho, salesforce, …), or all."),
]


class _Given(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class Stop(_Given):
    """A property that is visited."""

    address: str = Field(min_length=1, max_length=500, repr=False)
    visit_time: AwareDatetime
    """With a time zone, for example 2026-03-01T10:00:00-06:00."""
    property_id: _Id


class TourData(_Given):
    """A tour."""

    tour_id: _Id
    agent_id: _Id
    """The agent: an e-mail address, or the id or name of a user."""
    properties: list[Stop] = Field(min_length=1, max_length=100)

    @field_validator("properties")
    @classmethod
    def _once_each(cls, properties: list[Stop]) -> list[Stop]:
        counts = Counter(stop.property_id for stop in properties)
        if twice := [id_ for id_, count in counts.items() if count > 1]:
            raise ValueError(f"{len(twice)} propertyId more than once")
        return properties


class FeedbackData(_Given):
    """What a buyer said of a property."""

    property_id: _Id
    tour_id: _Id
    feedback: str = Field(min_length=1, max_length=10_000, repr=False)
    buyer_id: _Id
    """The contact: an e-mail address, an id, or connection:id."""
    timestamp: AwareDatetime


class SyncTourData(_Given):
    """Arguments of ``sync_tour_data``."""

    tour_data: TourData
    crm_type: _Where = "all"


class SyncFeedbackData(_Given):
    """Arguments of ``sync_feedback_data``."""

    feedback_data: FeedbackData
    crm_type: _Where = "all"


class Wrote(BaseModel):
    """What became of one record."""

    what: str
    """``tour``, ``property_visit`` or ``feedback``."""
    of: str
    """The tour's or the property's id, as it was given."""
    status: Literal["created", "updated", "unchanged", "rejected"]
    object: str | None = None
    id: str | None = None
    """Of the CRM's record."""
    problem: str | None = None


class CrmOutcome(BaseModel):
    """What became of a call in one CRM."""

    connection: str
    crm: str
    """The kind of CRM."""
    status: Literal["written", "unchanged", "partly", "failed", "skipped"]
    records: list[Wrote] = []
    notes: list[str] = []
    """What was assumed, such as another owner."""
    error: str | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in {"written", "unchanged", "skipped"}


class Report(BaseModel):
    """What became of a call, one outcome for each CRM. Safe to repeat while ``ok`` is false."""

    ok: bool
    outcomes: list[CrmOutcome]
