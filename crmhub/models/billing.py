"""What is billed: customers as the books know them, and their invoices."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from crmhub.models.base import Record
from crmhub.models.values import Money, Open, Ref

__all__ = ["Customer", "Invoice", "InvoiceStatus"]


class InvoiceStatus(StrEnum):
    """How far an invoice has come. ``overdue`` goes before ``sent``, ``viewed`` and ``partially_paid``."""

    DRAFT = "draft"
    SENT = "sent"
    VIEWED = "viewed"
    PARTIALLY_PAID = "partially_paid"
    OVERDUE = "overdue"
    PAID = "paid"
    VOID = "void"


class Customer(Record):
    """Who is billed, as the books know them; ``account`` is the CRM's record of the same company."""

    model: ClassVar[str] = "customer"

    name: str | None = None
    company: str | None = None
    email: str | None = None
    status: str | None = None
    currency: str | None = None
    account: Ref | None = None
    """The account that the books are linked with."""


class Invoice(Record):
    """A bill that a customer has to pay."""

    model: ClassVar[str] = "invoice"

    number: str | None = None
    reference: str | None = None
    """The customer's own number: a purchase order, say."""
    customer: Ref | None = None
    customer_name: str | None = None
    status: Open[InvoiceStatus] | None = None
    amount: Money | None = None
    """What was billed in all."""
    balance: Money | None = None
    """What is still to be paid of it."""
    currency: str | None = None
    issued_at: date | None = None
    due_at: date | None = None
