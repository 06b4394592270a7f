"""The canonical models: Account, Contact, Deal, User, Pipeline and Stage."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Literal

from crmhub.models.base import Instant, Record
from crmhub.models.values import Address, Email, Money, Open, Part, Phone, Ratio, Ref

__all__ = [
    "Account",
    "AccountType",
    "Contact",
    "CustomObject",
    "Deal",
    "DealStatus",
    "DealType",
    "LeadStatus",
    "Pipeline",
    "Social",
    "Stage",
    "User",
]


class AccountType(StrEnum):
    """What an account is to us."""

    PROSPECT = "prospect"
    CUSTOMER = "customer"
    PARTNER = "partner"
    VENDOR = "vendor"
    COMPETITOR = "competitor"
    INVESTOR = "investor"
    OTHER = "other"


class LeadStatus(StrEnum):
    """How far the work on a lead has come."""

    OPEN = "open"
    WORKING = "working"
    QUALIFIED = "qualified"
    UNQUALIFIED = "unqualified"
    CONVERTED = "converted"
    OTHER = "other"


class DealStatus(StrEnum):
    """Whether a deal is still to be had."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    ABANDONED = "abandoned"


class DealType(StrEnum):
    """What kind of business a deal is."""

    NEW = "new"
    EXISTING = "existing"
    RENEWAL = "renewal"
    EXPANSION = "expansion"
    OTHER = "other"


class Social(Part):
    """A presence on a social network."""

    network: str
    url: str | None = None


class Account(Record):
    """A company or other organisation."""

    model: ClassVar[str] = "account"

    name: str | None = None
    legal_name: str | None = None
    number: str | None = None
    site: str | None = None
    domains: list[str] | None = None
    website: str | None = None
    description: str | None = None
    industry: str | None = None
    type: Open[AccountType] | None = None
    rating: str | None = None
    source: str | None = None
    employees: int | None = None
    annual_revenue: Money | None = None
    phones: list[Phone] | None = None
    emails: list[Email] | None = None
    addresses: list[Address] | None = None
    social: list[Social] | None = None
    parent: Ref | None = None
    tax_id: str | None = None
    timezone: str | None = None
    lifecycle_stage: str | None = None
    last_activity_at: Instant | None = None
    next_activity_at: Instant | None = None


class Contact(Record):
    """A person: one we know (``kind='person'``) or one who may become so (``kind='lead'``)."""

    model: ClassVar[str] = "contact"

    kind: Literal["person", "lead"] = "person"
    salutation: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    suffix: str | None = None
    full_name: str | None = None
    title: str | None = None
    department: str | None = None
    company: str | None = None
    """The company as text, where a lead names one that is not an account yet."""
    description: str | None = None
    emails: list[Email] | None = None
    phones: list[Phone] | None = None
    addresses: list[Address] | None = None
    social: list[Social] | None = None
    website: str | None = None
    birthday: date | None = None
    language: str | None = None
    timezone: str | None = None
    lead_source: str | None = None
    lead_status: Open[LeadStatus] | None = None
    industry: str | None = None
    rating: str | None = None
    lifecycle_stage: str | None = None
    score: Decimal | None = None
    employees: int | None = None
    annual_revenue: Money | None = None
    account: Ref | None = None
    """The primary account."""
    reports_to: Ref | None = None
    email_opt_out: bool | None = None
    do_not_call: bool | None = None
    converted_account: Ref | None = None
    converted_contact: Ref | None = None
    converted_deal: Ref | None = None
    last_activity_at: Instant | None = None


class Deal(Record):
    """A piece of business to be won."""

    model: ClassVar[str] = "deal"

    name: str | None = None
    description: str | None = None
    amount: Money | None = None
    exchange_rate: Decimal | None = None
    probability: Ratio | None = None
    probability_source: Literal["stage", "manual"] | None = None
    expected_revenue: Money | None = None
    forecast_category: str | None = None
    pipeline: Ref | None = None
    stage: Ref | None = None
    """The stage; ``stage.name`` is its label."""
    stage_entered_at: Instant | None = None
    status: Open[DealStatus] | None = None
    expected_close: date | None = None
    closed_at: Instant | None = None
    won_reason: str | None = None
    lost_reason: str | None = None
    type: Open[DealType] | None = None
    source: str | None = None
    priority: str | None = None
    next_step: str | None = None
    account: Ref | None = None
    primary_contact: Ref | None = None
    last_activity_at: Instant | None = None


class User(Record):
    """A person who works in the CRM."""

    model: ClassVar[str] = "user"

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    active: bool | None = None
    role: str | None = None
    timezone: str | None = None
    locale: str | None = None


class Pipeline(Record):
    """An ordered set of stages that deals pass through."""

    model: ClassVar[str] = "pipeline"

    name: str | None = None
    order: int | None = None
    archived: bool | None = None
    currency: str | None = None


class Stage(Record):
    """One step of a pipeline, and what reaching it means for a deal."""

    model: ClassVar[str] = "stage"

    label: str | None = None
    pipeline: Ref | None = None
    order: int | None = None
    active: bool | None = None
    probability: Ratio | None = None
    outcome: Open[DealStatus] | None = None


class CustomObject(Record):
    """A record of any object of a CRM; ``custom`` holds its fields by their native names, typed."""

    model: ClassVar[str] = "custom_object"
