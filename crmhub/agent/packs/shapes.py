"""Records as answers show them: the few fields that questions are about, and any record by its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Self, cast

from pydantic import BaseModel, JsonValue

from crmhub.agent.answers import Answer, DateOut, MoneyOut, Text, TimeOut, typed_id
from crmhub.agent.untrusted import SHORT
from crmhub.models import Account, ActivityBase, Contact, Deal, Money, Record, Ref, UserRef

__all__ = ["AccountOut", "ActivityOut", "ContactOut", "DealOut", "RecordOut", "RefOut", "who"]

_FREE: Final = frozenset({"body", "description", "lost_reason", "next_step", "subject", "won_reason"})
"""Fields in which people write sentences."""
_ENVELOPE: Final = frozenset(
    {"id", "connection", "object", "version", "life", "vendor", "associations", "raw", "custom"}
)


class RefOut(Answer):
    """Another record."""

    id: str
    name: str | None = None

    @classmethod
    def of(cls, ref: Ref | None, connection: str | None) -> Self | None:
        """What a record points to; nothing stays nothing."""
        return None if ref is None else cls(id=f"{ref.model}:{connection}:{ref.id}", name=ref.name)


class ContactOut(Answer):
    """A person or a lead."""

    id: str
    kind: str | None = None
    name: str | None = None
    title: str | None = None
    emails: list[str] | None = None
    phones: list[str] | None = None
    account: RefOut | None = None
    company: str | None = None
    owner: str | None = None

    @classmethod
    def of(cls, contact: Contact) -> Self:
        """As it is shown."""
        names = [contact.first_name, contact.last_name]
        return cls(
            id=typed_id(contact),
            kind=contact.kind if "kind" in contact.model_fields_set else None,
            name=contact.full_name or " ".join(each for each in names if each) or None,
            title=contact.title,
            emails=[each.value for each in contact.emails or [] if each.value] or None,
            phones=[each.raw for each in contact.phones or [] if each.raw] or None,
            account=RefOut.of(contact.account, contact.connection),
            company=contact.company,
            owner=who(contact.owner),
        )


class AccountOut(Answer):
    """A company."""

    id: str
    name: str | None = None
    type: str | None = None
    industry: str | None = None
    website: str | None = None
    phones: list[str] | None = None
    city: str | None = None
    revenue: MoneyOut | None = None
    owner: str | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        """As it is shown."""
        cities = [each.city for each in account.addresses or [] if each.city]
        return cls(
            id=typed_id(account),
            name=account.name,
            type=account.type,
            industry=account.industry,
            website=account.website,
            phones=[each.raw for each in account.phones or [] if each.raw] or None,
            city=cities[0] if cities else None,
            revenue=MoneyOut.of(account.annual_revenue),
            owner=who(account.owner),
        )


class DealOut(Answer):
    """A deal."""

    id: str
    name: str | None = None
    stage: str | None = None
    status: str | None = None
    amount: MoneyOut | None = None
    probability: str | None = None
    """From 0 to 1."""
    expected_close: DateOut | None = None
    account: RefOut | None = None
    contact: RefOut | None = None
    owner: str | None = None

    @classmethod
    def of(cls, deal: Deal) -> Self:
        """As it is shown."""
        return cls(
            id=typed_id(deal),
            name=deal.name,
            stage=(deal.stage.name or deal.stage.id) if deal.stage else None,
            status=deal.status,
            amount=MoneyOut.of(deal.amount),
            probability=None if deal.probability is None else format(deal.probability.normalize(), "f"),
            expected_close=DateOut.of(deal.expected_close),
            account=RefOut.of(deal.account, deal.connection),
            contact=RefOut.of(deal.primary_contact, deal.connection),
            owner=who(deal.owner),
        )


class ActivityOut(Answer):
    """A task, call, meeting, note or e-mail."""

    id: str
    type: str | None = None
    subject: Text | None = None
    body: Text | None = None
    status: str | None = None
    at: TimeOut | None = None
    """When it took place, or was written."""
    due: DateOut | None = None
    contact: RefOut | None = None
    regarding: RefOut | None = None

    @classmethod
    def of(cls, activity: ActivityBase, at: datetime | None) -> Self:
        """As it is shown."""
        return cls(
            id=typed_id(activity),
            type=cast("str | None", getattr(activity, "type", None)),
            subject=Text.of(activity.subject, SHORT),
            body=Text.of(activity.body, SHORT),
            status=activity.status,
            at=TimeOut.of(at),
            due=DateOut.of(cast("date | None", getattr(activity, "due_at", None))),
            contact=RefOut.of(activity.contact, activity.connection),
            regarding=RefOut.of(activity.regarding, activity.connection),
        )


class RecordOut(Answer):
    """A record of any kind."""

    id: str
    fields: dict[str, JsonValue]
    """By name, those that have a value: money and times as everywhere, long texts marked untrusted."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """All that is shown of it."""
        names = [name for name in type(record).model_fields if name in record.model_fields_set - _ENVELOPE]
        fields = {name: _json(name, getattr(record, name), record.connection) for name in names}
        fields |= {
            f"custom.{key}": _json(f"custom.{key}", value, record.connection)
            for key, value in cast("Mapping[str, object]", record.custom).items()
            if "custom" in record.model_fields_set
        }
        return cls(
            id=typed_id(record),
            fields={name: value for name, value in fields.items() if value not in (None, [], {})},
        )


def who(user: UserRef | None) -> str | None:
    """A user in one word: name, e-mail address, or the CRM's id of it."""
    return None if user is None else user.name or user.email or user.id


def _json(name: str, value: object, connection: str | None) -> JsonValue:
    """A value as agents read it."""
    told: object = value
    if isinstance(value, str):
        told = Text.of(str(value)) if name in _FREE else str(value)
    elif isinstance(value, Money):
        told = MoneyOut.of(value)
    elif isinstance(value, datetime):
        told = TimeOut.of(value)
    elif isinstance(value, date):
        told = DateOut.of(value)
    elif isinstance(value, Decimal):
        told = format(value, "f")
    elif isinstance(value, timedelta):
        told = f"{int(value.total_seconds())} s"
    elif isinstance(value, Ref):
        told = RefOut.of(value, connection)
    elif isinstance(value, list | tuple):
        several = cast("Sequence[object]", value)
        return [_json(name, each, connection) for each in several]
    elif isinstance(value, dict):
        table = cast("Mapping[str, object]", value)
        return {key: _json(key, each, connection) for key, each in table.items()}
    elif isinstance(value, BaseModel):
        parts = {each: cast("object", getattr(value, each)) for each in value.model_fields_set}
        return {key: _json(key, each, connection) for key, each in parts.items() if each is not None}
    if isinstance(told, Answer):
        return cast("JsonValue", told.model_dump(mode="json", exclude_none=True))
    return cast("JsonValue", told)
