"""The objects of Zoho Books: their lists, their fields, and what they can be chosen by.

Source: Zoho Books API v3, "List invoices" and "List Contacts".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmhub_zoho.suite.shaping import Fields

__all__ = ["CHANGED", "CUSTOMERS", "INVOICES", "KINDS", "Kind"]

INVOICES = "Books.Invoices"
CUSTOMERS = "Books.Customers"
CHANGED = "last_modified_time"


@dataclass(frozen=True)
class Kind:
    """One object: its list, its fields, and which of them its list can be asked by."""

    label: str
    path: str
    one: str
    key: str
    name: str
    fields: Fields
    equal: Mapping[str, str]
    """The parameter by which a field's value is asked for."""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """The only values of a field that can be asked for, as the parameter has them."""
    days: frozenset[str] = frozenset()
    refers_to: Mapping[str, str] = field(default_factory=dict[str, str])
    always: Mapping[str, str] = field(default_factory=dict[str, str])
    by_time: bool = False
    """Whether the list can be asked for what changed after a time; else it comes last change first."""

    @property
    def filters(self) -> frozenset[str]:
        """The fields to choose by."""
        return frozenset({*self.equal, *self.days, CHANGED})


_STATUSES = ("draft", "sent", "viewed", "overdue", "partially_paid", "paid", "void")
KINDS: Mapping[str, Kind] = {
    INVOICES: Kind(
        label="Invoices", path="invoices", one="invoice", key="invoice_id", name="invoice_number",
        fields={
            "invoice_id": "text", "invoice_number": "text", "customer_id": "ref", "customer_name": "text",
            "company_name": "text", "status": "enum", "reference_number": "text", "date": "date",
            "due_date": "date", "due_days": "text", "currency_id": "text", "currency_code": "text",
            "currency_symbol": "text", "total": "money", "balance": "money", "created_time": "datetime",
            CHANGED: "datetime",
        },
        equal={
            "status": "status", "customer_id": "customer_id", "customer_name": "customer_name",
            "invoice_number": "invoice_number", "reference_number": "reference_number",
        },
        words={"status": {one: one for one in _STATUSES}},
        days=frozenset({"date", "due_date"}),
        refers_to={"customer_id": CUSTOMERS},
        by_time=True,
    ),
    CUSTOMERS: Kind(
        label="Customers", path="contacts", one="contact", key="contact_id", name="contact_name",
        fields={
            "contact_id": "text", "contact_name": "text", "company_name": "text", "contact_type": "text",
            "status": "enum", "payment_terms": "int", "payment_terms_label": "text", "currency_id": "text",
            "currency_code": "text", "outstanding_receivable_amount": "money",
            "unused_credits_receivable_amount": "money", "first_name": "text", "last_name": "text",
            "email": "email", "phone": "phone", "mobile": "phone", "website": "url",
            "zcrm_account_id": "ref", "created_time": "datetime", CHANGED: "datetime",
        },
        equal={
            "status": "filter_by", "contact_name": "contact_name", "company_name": "company_name",
            "email": "email", "zcrm_account_id": "zcrm_account_id",
        },
        words={"status": {"active": "Status.Active", "inactive": "Status.Inactive"}},
        refers_to={"zcrm_account_id": "Accounts"},
        always={"contact_type": "customer"},
    ),
}  # fmt: skip
