"""How records are written, one by one or many in a call, and what the answers mean."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, model_validator

from crmhub_rest.language.call import Call
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.template import Template

__all__ = ["Batch", "BatchErrors", "Operation", "Single", "Upsert", "Write"]

Operation = Literal["create", "update", "upsert", "delete"]


class Single(Call):
    """One record a call."""

    id: JsonPath = JsonPath("id")
    """Where its id is in what ``row`` gives."""
    fields: JsonPath | None = None
    """Where in the body its fields go; else what ``write`` says."""
    created: JsonPath | None = None
    """For an upsert: where the reply says whether it is new."""


class Upsert(Single):
    """Creates or updates by a unique field: ``${match}`` is its name, ``${key}`` the value."""

    keys: list[str] = Field(min_length=1)
    """Fields that it can match by; ``*`` stands for all unique ones."""


class BatchErrors(Part):
    """What the reply says about records that were refused."""

    at: JsonPath
    """Where their list is."""
    ids: JsonPath
    """In each of them, which records it is about: what ``match`` tells them by, one or a list."""


class Batch(Call):
    """Many records in a call: ``each`` makes an entry of the body for each of them."""

    match: Literal["order", "id", "key", "trace"] = "order"
    """What tells which result belongs to which record: their order, the id, the key of an upsert, or a text
    that is sent along as ``${trace}``."""
    told: JsonPath = JsonPath("id")
    """In each of ``rows``: what ``match`` says (not for ``order``)."""
    id: JsonPath = JsonPath("id")
    """In each of ``rows``: the record's id."""
    created: JsonPath | None = None
    """In each of ``rows``, for an upsert: where it says whether the record is new."""
    errors: BatchErrors | None = None
    """What the reply says about records that were refused."""
    keys: list[str] = []
    """For an upsert: fields that it can match by."""

    @model_validator(mode="after")
    def _has_entries(self) -> Batch:
        if len(self.each) != 1:
            raise ValueError("each: say where in the body the list goes and what an entry is")
        return self


class Write(Part):
    """What can be written, and how."""

    fields: JsonPath = JsonPath(".")
    """Where in a body the record's fields go."""
    create: Single | None = None
    """Makes one record."""
    update: Single | None = None
    """Changes one record (``${id}``): the fields that are sent."""
    upsert: Upsert | None = None
    """Changes the record that a unique field names, else makes it."""
    delete: Single | None = None
    """Deletes one record (``${id}``)."""
    batch: dict[Operation, Batch] = {}
    """The same for many records in a call, by operation."""
    required: dict[str, Template] = {}
    """Fields that every create needs, and what they are where none is given."""
    whole: list[str] = []
    """Fields that an update must always send, since the CRM empties what is not there."""
    together: list[list[str]] = []
    """Fields that the CRM takes only together: with those that are written go the others as they stand."""

    def sent_along(self, names: Collection[str]) -> set[str]:
        """The fields that an update of ``names`` must send as they stand."""
        bound = {one for group in self.together if set(group) & set(names) for one in group}
        return {*self.whole, *bound} - set(names)

    @property
    def operations(self) -> frozenset[Operation]:
        """What can be done."""
        named: tuple[Operation, ...] = ("create", "update", "upsert", "delete")
        return frozenset(name for name in named if getattr(self, name) is not None or name in self.batch)
