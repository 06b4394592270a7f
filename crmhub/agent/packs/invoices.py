"""Invoices that are to be paid: which are overdue, whose they are, what they come to.

An invoice names a customer of the books, an industry is a field of the CRM's accounts. A customer is tied to
its account by the id that the books keep of it, else by an account of exactly its name; the answer says by
which, and names the customers for whom neither tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, DateOut, MoneyOut, Refused, status_of, typed_id
from crmhub.agent.governed import Governed
from crmhub.agent.packs.asking import FEW, Paged
from crmhub.agent.packs.whole import all_of, plain, sliced
from crmhub.agent.tool import Call, Told, tool
from crmhub.models import Account, Customer, Invoice, InvoiceStatus, Money

__all__ = ["get_overdue_invoices"]

_Way: TypeAlias = Literal["id", "name"]
_FIELDS: Final = ("number", "customer", "customer_name", "status", "amount", "balance", "due_at")
_UNPAID: Final = (
    InvoiceStatus.SENT, InvoiceStatus.VIEWED, InvoiceStatus.OVERDUE, InvoiceStatus.PARTIALLY_PAID
)  # fmt: skip
_NAMED: Final = 20
"""Customers that are named where they could not be tied to an account."""


class GetOverdueInvoices(Paged):
    """Which."""

    customer_name: str | None = Field(
        None, min_length=1, max_length=200, description="The customer, or words of its name."
    )
    industry: str | None = Field(
        None,
        min_length=1,
        max_length=120,
        description="Only of accounts of this industry.",
    )
    include_not_due: bool = Field(False, description="Also what is unpaid and not due yet.")
    max_results: int = Field(10, ge=1, le=50, description="How many.")


class InvoiceOut(Answer):
    """An invoice."""

    id: str
    number: str | None = None
    customer: str | None = None
    status: str | None = None
    amount: MoneyOut | None = None
    balance: MoneyOut | None = None
    due: DateOut | None = None
    days_overdue: int | None = None


class OverdueInvoices(AnswerBase):
    """Longest overdue first; ``total`` and ``totals`` are of all."""

    listed = "invoices"

    invoices: list[InvoiceOut] = Field(default_factory=list[InvoiceOut])
    totals: list[MoneyOut] | None = None
    """Still to be paid, by currency."""
    accounts: int | None = None  # of the industry
    joined_by: list[_Way] | None = None
    """How customers are tied to accounts."""
    not_joined: list[str] | None = None
    """Customers who are not: their invoices are left out."""


@dataclass
class _Found:
    """What one CRM gave."""

    invoices: list[Invoice]
    sums: bool
    """Whether the agent may see what they come to."""
    accounts: int = 0
    joined_by: set[_Way] = field(default_factory=set[_Way])
    not_joined: dict[str, None] = field(default_factory=dict[str, None])


@tool(
    GetOverdueInvoices,
    OverdueInvoices,
    title="Get overdue invoices",
    models=["invoice", "customer", "account"],
)
async def get_overdue_invoices(call: Call, given: GetOverdueInvoices) -> Told:
    """List overdue invoices, all or of a customer or an industry: number, amount, balance, due date, days
    overdue, and the total by currency. include_not_due: all that is outstanding."""
    found, sources = await call.reach.ask(
        call.reach.named(given.connection), lambda connection: _of_one(call, connection, given)
    )
    several = list(found.values())
    if given.industry and several and not any(each.accounts for each in several):
        raise Refused(
            "not_found",
            "no account is of that industry",
            hint="use the CRM's own word: search_accounts shows the industries of accounts",
        )
    page = await sliced(call, (each for one in several for each in one.invoices), _place, given.max_results)
    data = OverdueInvoices(
        status=status_of(sources),
        sources=sources,
        invoices=[_shown(call, each) for each in page.records],
        totals=_totals(page.all) if several and all(each.sums for each in several) else None,
    )
    page.tell(data)
    if given.industry:
        data.accounts = sum(each.accounts for each in several)
        data.joined_by = sorted({way for each in several for way in each.joined_by})
        data.not_joined = [name for each in several for name in each.not_joined][:_NAMED]
    sums = ", ".join(each.text for each in data.totals or ())
    return Told(data, f"{len(page.all)} invoices{f': {sums}' if sums else ''}", page.resume)


async def _of_one(call: Call, connection: str, given: GetOverdueInvoices) -> _Found:
    invoices = call.reach.of(connection, Invoice)
    found = _Found(await _unpaid(invoices, given), invoices.shows("balance"))
    if given.industry is not None:
        await _keep_industry(call, connection, invoices, given.industry, found)
    return found


async def _unpaid(invoices: Governed[Invoice], given: GetOverdueInvoices) -> list[Invoice]:
    fields = invoices.among(_FIELDS)
    where: dict[str, object] = {"status": InvoiceStatus.OVERDUE}
    if given.include_not_due:
        where["status"] = [*_UNPAID]
    if given.customer_name is None:
        return await all_of(invoices.scan(fields=fields, where=where))
    exactly = {**where, "customer_name": given.customer_name}
    found = await all_of(invoices.scan(fields=fields, where=exactly))
    if found:
        return found
    words = given.customer_name.casefold().split()
    every = await all_of(invoices.scan(fields=fields, where=where))
    return [each for each in every if all(word in plain(each.customer_name) for word in words)]


# ── by industry ──────────────────────────────────────────────────────────────────────────────────


async def _keep_industry(
    call: Call, connection: str, invoices: Governed[Invoice], industry: str, found: _Found
) -> None:
    """Leave the invoices of customers whose account is of that industry."""
    accounts = call.reach.of(connection, Account)
    wanted = {str(each.id) for each in await all_of(accounts.scan(fields=(), where={"industry": industry}))}
    found.accounts = len(wanted)
    if not wanted:
        found.invoices = []
        return
    links = await _links(call, connection)
    names = invoices.shows("customer_name") and accounts.shows("name")
    nameless = [each for each in found.invoices if _customer(each) not in links]
    namesakes = await _namesakes(accounts, nameless if names else ())
    kept: list[Invoice] = []
    for each in found.invoices:
        link = links.get(_customer(each))
        meant = {link} if link else namesakes.get(plain(each.customer_name), set[str]())
        if meant and meant <= wanted:
            kept.append(each)
            found.joined_by.add("id" if link else "name")
        elif not meant or meant & wanted:  # nobody of that name, or several who differ in this
            found.not_joined[each.customer_name or typed_id(each)] = None
    found.invoices = kept


async def _links(call: Call, connection: str) -> Mapping[str, str]:
    """The account of each customer, where the books know it and the agent may see that."""
    if "customer" not in call.reach.models_of(connection):
        return {}
    customers = call.reach.of(connection, Customer)
    if not customers.shows("account"):
        return {}
    every = await all_of(customers.scan(fields=("account",)))
    return {str(each.id): each.account.id for each in every if each.account}


async def _namesakes(accounts: Governed[Account], invoices: Iterable[Invoice]) -> Mapping[str, set[str]]:
    """The ids of accounts by their name, of those that are called as these invoices' customers."""
    names = [*dict.fromkeys(each.customer_name for each in invoices if each.customer_name)]
    found: dict[str, set[str]] = {}
    for begin in range(0, len(names), FEW):
        where = {"name": names[begin : begin + FEW]}
        for account in await all_of(accounts.scan(fields=("name",), where=where)):
            found.setdefault(plain(account.name), set()).add(str(account.id))
    return found


def _customer(invoice: Invoice) -> str:
    return invoice.customer.id if invoice.customer else ""


# ── as it is told ────────────────────────────────────────────────────────────────────────────────


def _place(invoice: Invoice) -> tuple[str, str]:
    """Where it stands in the answer: the longest overdue first."""
    return (invoice.due_at.isoformat() if invoice.due_at else "9999", typed_id(invoice))


def _shown(call: Call, invoice: Invoice) -> InvoiceOut:
    late = (call.now.date() - invoice.due_at).days if invoice.due_at else None
    return InvoiceOut(
        id=typed_id(invoice),
        number=invoice.number,
        customer=invoice.customer_name,
        status=None if invoice.status is None else str(invoice.status),
        amount=MoneyOut.of(invoice.amount),
        balance=MoneyOut.of(invoice.balance),
        due=DateOut.of(invoice.due_at),
        days_overdue=late if late is not None and late > 0 else None,
    )


def _totals(invoices: Sequence[Invoice]) -> list[MoneyOut]:
    sums: dict[str | None, Decimal] = {}
    for each in invoices:
        if each.balance is not None:
            code = each.balance.currency
            sums[code] = sums.get(code, Decimal(0)) + each.balance.amount
    ordered = sorted(sums, key=lambda code: code or "")
    told = [MoneyOut.of(Money(sums[code], code)) for code in ordered]
    return [each for each in told if each is not None]
