"""Seeded customers and invoices of Zoho Books, each computed from the seed and its place.

A customer is a seeded account of the CRM (some are not linked with it, as in real books); every eleventh
contact more is a vendor. Invoices go round among the customers.
"""

from collections.abc import Callable
from decimal import Decimal

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_zoho.simulator.seed_people import company
from crmhub_zoho.simulator.seed_tools import SeedWorld
from crmhub_zoho.simulator.seeding import SPAN, START

_CUSTOMER, _INVOICE = 31, 32
_DAY = int(days(1))
_TERMS = (0, 15, 30, 45)
_LATER = 3_650  # days: paid when the work is done, some year
_CURRENCIES = (("USD", "$"), ("USD", "$"), ("USD", "$"), ("EUR", "€"))
_STATES = (
    *("draft", "void"),
    *("paid",) * 8,
    *("partially_paid",) * 3,
    *("viewed",) * 2,
    *("sent",) * 5,
)
_VENDOR_EVERY = 10


def contacts(world: SeedWorld, customers: int, *, linked: bool) -> Seeded:
    """So many customers, and a vendor for every ten of them."""
    total = customers + customers // _VENDOR_EVERY

    def make(place: int) -> Row:
        n = world.number(_CUSTOMER, place)
        is_customer = place < customers
        name = company(world, place if is_customer else place + 1_000).strip()
        in_crm = linked and is_customer and place < world.counts["Accounts"] and n % 13 != 0
        code, _ = currency(world, place)
        terms = _TERMS[n % len(_TERMS)]
        return {
            "contact_name": name,
            "company_name": name,
            "contact_type": "customer" if is_customer else "vendor",
            "customer_sub_type": "business",
            "status": "inactive" if n % 23 == 0 else "active",
            "payment_terms": terms,
            "payment_terms_label": f"Net {terms}" if terms else "Due on Receipt",
            "currency_code": code,
            "first_name": "",
            "last_name": "",
            "email": f"accounting@company{place}.example.com",
            "phone": "",
            "mobile": "",
            "website": "",
            "is_linked_with_zohocrm": in_crm,
            "zcrm_account_id": world.id_of("Accounts", place) if in_crm else "",
            "created": START + place * SPAN // max(total, 1),
        }

    return Seeded(total, make, lambda place: START + _DAY + place * SPAN // max(total, 1))


def invoices(world: SeedWorld, count: int, customers: int, contact_id: Callable[[int], str]) -> Seeded:
    """So many invoices."""

    def make(place: int) -> Row:
        n = world.number(_INVOICE, place)
        customer = place % customers
        created = START + place * SPAN // count
        state = _STATES[n % len(_STATES)]
        total = Decimal((n >> 8) % 2_000_000 + 500) / 100
        terms = _LATER if (n >> 5) % 7 == 0 else _TERMS[(n >> 12) % len(_TERMS)]
        code, symbol = currency(world, customer)
        return {
            "invoice_number": f"INV-{place + 1:06}",
            "customer_id": contact_id(customer),
            "state": state,
            "reference_number": f"PO-{n % 90_000 + 10_000}" if n % 3 == 0 else "",
            "date": world.day(created),
            "due_date": world.day(created + terms * _DAY),
            "currency_code": code,
            "currency_symbol": symbol,
            "total": total,
            "balance": _balance(state, total),
            "created": created,
        }

    return Seeded(count, make, lambda place: START + _DAY + place * SPAN // count)


def currency(world: SeedWorld, place: int) -> tuple[str, str]:
    """Code and symbol of a contact's currency."""
    return _CURRENCIES[world.number(_CUSTOMER, place) % len(_CURRENCIES)]


def _balance(state: str, total: Decimal) -> Decimal:
    match state:
        case "paid" | "void":
            return Decimal(0)
        case "partially_paid":
            return (total / 2).quantize(Decimal("0.01"))
        case _:
            return total
