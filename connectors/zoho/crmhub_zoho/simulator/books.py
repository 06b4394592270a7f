"""Zoho Books, as far as customers and invoices are read.

Source: Zoho Books API v3, "Organizations", "Invoices: List invoices, Get an invoice", "Contacts: List
Contacts, Get Contact", "Errors" and "API Call Limit": `organization_id` is mandatory; `code` is 0 where a
call succeeded, whatever the HTTP status; 100 calls a minute for an organisation, and so many a day. A status
is `overdue` when an invoice that was sent is past its due date. Stricter than Zoho, which passes over
parameters that it does not know.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator import books_seed
from crmhub_zoho.simulator.books_filters import CONTACTS, INVOICES, Choosing
from crmhub_zoho.simulator.ids import IdBlock
from crmhub_zoho.simulator.oauth import Accounts
from crmhub_zoho.simulator.org import Org
from crmhub_zoho.simulator.suite import (
    MOST_PER_PAGE,
    Asked,
    Refusal,
    Service,
    Shelf,
    Switches,
    Throttle,
    days_between,
    seed_world,
    today,
)
from crmhub_zoho.simulator.suite_rows import CUSTOMERS, suite_counts
from crmhub_zoho.simulator.suite_rows import INVOICES as INVOICES_NAME

FIRST_ORGANIZATION: Final = 60_009_876_543
A_MINUTE: Final = 100
_CONTACT_BLOCK, _INVOICE_BLOCK, _CURRENCY_BLOCK = 900, 901, 902
_DAY: Final = 86_400.0
_CURRENCIES: Final = ("USD", "EUR", "GBP", "INR")
_OPEN: Final = frozenset({"sent", "viewed", "partially_paid"})


class Books(Service):
    """The books of the organisation; organisations beyond the first have none."""

    prefix = "/books/v3"

    def __init__(self, org: Org, accounts: Accounts, options: Options, switches: Switches) -> None:
        super().__init__(org, accounts)
        counts = suite_counts(options)
        world = seed_world(options, org)
        customers = counts[CUSTOMERS]
        contacts = books_seed.contacts(world, customers, linked=switches.linked)
        self.contacts = Shelf(org.clock, _CONTACT_BLOCK, "contact_id", contacts)
        invoices = books_seed.invoices(world, counts[INVOICES_NAME], customers, self.contacts.ids.id_of)
        self.invoices = Shelf(org.clock, _INVOICE_BLOCK, "invoice_id", invoices)
        self.organizations = [str(FIRST_ORGANIZATION + place) for place in range(switches.organizations)]
        self.minute = Throttle(org.clock, A_MINUTE, 60.0)
        self.day = Throttle(org.clock, switches.daily, _DAY)
        self._currencies = IdBlock(_CURRENCY_BLOCK)
        for pattern, scope, handle in (
            ("/organizations", "settings", self._list_organizations),
            ("/invoices", "invoices", self._list_invoices),
            ("/invoices/{id}", "invoices", self._get_invoice),
            ("/contacts", "contacts", self._list_contacts),
            ("/contacts/{id}", "contacts", self._get_contact),
        ):
            self._routes.add("GET", self.prefix + pattern, (f"ZohoBooks.{scope}.READ", handle))

    @property
    def shelves(self) -> Mapping[str, Callable[[], Iterator[Row]]]:
        """Invoices and customers, as lists show them."""
        return {INVOICES_NAME: self._all_invoices, CUSTOMERS: self._all_customers}

    # ── handlers ─────────────────────────────────────────────────────────────────────────────────

    def _list_organizations(self, asked: Asked) -> Response:
        _only(asked, frozenset())
        found = [
            {
                "organization_id": one,
                "name": f"Example Trading {place + 1}" if place else "Example Trading",
                "is_default_org": place == 0,
                "currency_code": "USD",
                "time_zone": "Asia/Calcutta",
            }
            for place, one in enumerate(self.organizations)
        ]
        return _success({"organizations": found})

    def _list_invoices(self, asked: Asked) -> Response:
        return self._listed(asked, INVOICES, "invoices", "Invoices", self._all_invoices)

    def _list_contacts(self, asked: Asked) -> Response:
        return self._listed(asked, CONTACTS, "contacts", "Contacts", self._all_contacts)

    def _get_invoice(self, asked: Asked) -> Response:
        self._organization(asked)
        _only(asked, frozenset({"organization_id"}))
        row = self.invoices.get(asked.path["id"])
        if row is None:
            raise _refusal(404, 1002, "Invoice does not exist.")
        shown = self._invoice(row, self._names())
        line = {"line_item_id": f"{row['invoice_id']}1", "name": "Services", "item_total": row["total"]}
        return _success({"invoice": {**shown, "sub_total": row["total"], "line_items": [line]}})

    def _get_contact(self, asked: Asked) -> Response:
        self._organization(asked)
        _only(asked, frozenset({"organization_id"}))
        row = self.contacts.get(asked.path["id"])
        if row is None:
            raise _refusal(404, 1002, "Contact does not exist.")
        return _success({"contact": {**self._contact(row, self._receivable()), "contact_persons": []}})

    def _listed(
        self, asked: Asked, choosing: Choosing, key: str, report: str, rows: Callable[[], Iterator[Row]]
    ) -> Response:
        organization = self._organization(asked)
        _only(asked, choosing.params | {"organization_id", "page", "per_page"})
        page = _number(asked, "page", 1, None)
        per_page = _number(asked, "per_page", MOST_PER_PAGE, MOST_PER_PAGE)
        try:
            chosen = choosing.of(asked.params, rows() if organization == self.organizations[0] else iter(()))
        except ValueError as problem:
            raise _invalid(str(problem)) from None
        start = (page - 1) * per_page
        column, order = choosing.order(asked.params)
        context = {
            "page": page,
            "per_page": per_page,
            "has_more_page": len(chosen) > start + per_page,
            "report_name": report,
            "applied_filter": asked.params.get("filter_by", "Status.All"),
            "sort_column": column,
            "sort_order": order,
        }
        return _success({key: chosen[start : start + per_page], "page_context": context})

    # ── records as lists show them ───────────────────────────────────────────────────────────────

    def _all_invoices(self) -> Iterator[Row]:
        names = self._names()
        return (self._invoice(row, names) for row in self.invoices.rows())

    def _all_contacts(self) -> Iterator[Row]:
        receivable = self._receivable()
        return (self._contact(row, receivable) for row in self.contacts.rows())

    def _all_customers(self) -> Iterator[Row]:
        return (row for row in self._all_contacts() if row["contact_type"] == "customer")

    def _invoice(self, row: Row, names: Mapping[str, str]) -> Row:
        status = self._status(row)
        code = str(row["currency_code"])
        name = names.get(str(row["customer_id"]), "")
        return {
            "invoice_id": row["invoice_id"],
            "invoice_number": row["invoice_number"],
            "customer_id": row["customer_id"],
            "customer_name": name,
            "company_name": name,
            "status": status,
            "reference_number": row["reference_number"],
            "date": row["date"],
            "due_date": row["due_date"],
            "due_days": self._due_days(row, status),
            "currency_id": self._currencies.id_of(_CURRENCIES.index(code)),
            "currency_code": code,
            "currency_symbol": row["currency_symbol"],
            "total": row["total"],
            "balance": row["balance"],
            "created_time": self._stamp(row["created"]),
            "last_modified_time": self._stamp(row["modified"]),
        }

    def _contact(self, row: Row, receivable: Mapping[str, Decimal]) -> Row:
        shown = {key: value for key, value in row.items() if key not in {"created", "modified"}}
        shown["currency_id"] = self._currencies.id_of(_CURRENCIES.index(str(row["currency_code"])))
        shown["outstanding_receivable_amount"] = receivable.get(str(row["contact_id"]), Decimal(0))
        shown["unused_credits_receivable_amount"] = Decimal(0)
        shown["created_time"] = self._stamp(row["created"])
        shown["last_modified_time"] = self._stamp(row["modified"])
        return shown

    def _status(self, row: Row) -> str:
        state = str(row["state"])
        return "overdue" if state in _OPEN and str(row["due_date"]) < today(self.org) else state

    def _due_days(self, row: Row, status: str) -> str:
        if status in {"paid", "void", "draft"}:
            return ""
        left = days_between(today(self.org), str(row["due_date"]))
        if left == 0:
            return "Due Today"
        return f"Due in {left} day(s)" if left > 0 else f"Overdue by {-left} days"

    def _names(self) -> dict[str, str]:
        return {str(row["contact_id"]): str(row["contact_name"]) for row in self.contacts.rows()}

    def _receivable(self) -> dict[str, Decimal]:
        """What each customer owes: the balances of all that was sent."""
        owed: dict[str, Decimal] = {}
        for row in self.invoices.rows():
            if row["state"] in _OPEN:
                customer = str(row["customer_id"])
                owed[customer] = owed.get(customer, Decimal(0)) + Decimal(str(row["balance"]))
        return owed

    def _stamp(self, instant: object) -> str:
        """Epoch seconds as Books writes them: an offset without a colon."""
        text = self.org.stamp(float(str(instant)))
        return text[:-3] + text[-2:]

    # ── who may call, and how often ──────────────────────────────────────────────────────────────

    def _organization(self, asked: Asked) -> str:
        named = asked.params.get("organization_id", "")
        if named not in self.organizations:
            what = f"This user is not associated with the CompanyID/CompanyName:{named}."
            raise _refusal(400, 6041, what)
        return named

    def count(self, asked: Asked) -> None:
        """100 calls a minute, and so many a day."""
        del asked
        if self.minute.wait():
            raise _refusal(
                429,
                44,
                "For security reasons your account has been blocked for some time as you have exceeded the"
                " maximum number of requests per minute that can be sent from one account.",
            )
        if self.day.wait():
            what = "The API call for this organization has exceeded the maximum call rate limit"
            raise _refusal(429, 45, what)

    def unauthenticated(self, *, readable: bool) -> Refusal:
        """A header that is no token; or a dead token, which is refused as one without the scope is."""
        if readable:
            return self.out_of_scope()
        return _refusal(
            401, 14, "The request could not be authenticated as the authentication value is invalid."
        )

    def out_of_scope(self) -> Refusal:
        """See :class:`Service`."""
        return _refusal(401, 57, "You are not authorized to perform this operation")

    def no_such_call(self, method: str, *, known: bool) -> Refusal:
        """See :class:`Service`."""
        if known:
            return _refusal(405, 37, f"The HTTP method {method} is not allowed for the requested resource")
        return _refusal(404, 5, "Invalid URL Passed")

    def refused(self, refusal: Refusal) -> Response:
        """See :class:`Service`."""
        return json_response(refusal.body, refusal.status)


def _success(body: Mapping[str, object]) -> Response:
    return json_response({"code": 0, "message": "success", **body})


def _refusal(status: int, code: int, message: str) -> Refusal:
    return Refusal(status, {"code": code, "message": message})


def _invalid(name: str) -> Refusal:
    return _refusal(400, 2, f"Invalid value passed for {name}")


def _only(asked: Asked, known: frozenset[str]) -> None:
    for name in asked.params:
        if name not in known:
            raise _invalid(name)


def _number(asked: Asked, name: str, default: int, most: int | None) -> int:
    text = asked.params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < 1 or (most is not None and int(text) > most):
        raise _invalid(name)
    return int(text)
