"""Zoho Books by the connector: invoices and customers as objects beside the CRM's modules."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from pydantic import ValidationError

from crmhub import Hub
from crmhub.config import Config
from crmhub.connection import Connection
from crmhub.connector import Condition, Context, Missing, Native, Value, WriteItem, WriteRequest
from crmhub.errors import (
    BadRequest,
    CircuitOpen,
    ConfigError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Unavailable,
    Unsupported,
)
from crmhub.http import HttpClient, HttpSettings, asgi_transport
from crmhub.models import Customer, Invoice, Money, Record, Ref
from crmhub.powers import SupportsCount
from crmhub_zoho import Connector, ZohoConfig
from crmhub_zoho.simulator.double import ZohoDouble

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

INVOICES = "Books.Invoices"
CUSTOMERS = "Books.Customers"


class Bill(Record):
    """A model of one's own."""

    model: ClassVar[str] = "bill"

    number: str | None = None
    status: str | None = None
    due: date | None = None
    total: Decimal | None = None


def double_of(org: Org) -> ZohoDouble:
    assert isinstance(org.double, ZohoDouble)
    return org.double


async def rows(
    org: Org, connector: Connector, name: str, *filter: Condition, since: object = None
) -> list[Native]:
    """All records that a read gives."""
    pages = await org.pages(connector, name, filter=filter, since=since)  # pyright: ignore[reportArgumentType]
    assert pages[-1].checkpoint is not None
    return [row for page in pages for row in page.upserts]


def ids(found: list[Native], key: str = "invoice_id") -> list[str]:
    return sorted(str(row[key]) for row in found)


def truth(org: Org, name: str = INVOICES, **fields: object) -> list[str]:
    """The ids of the live records with those values."""
    key = "invoice_id" if name == INVOICES else "contact_id"
    return sorted(
        str(row[key])
        for row in org.double.truth(name)
        if all(row[field] == value for field, value in fields.items())
    )


async def test_all_invoices_come_in_pages_of_200_and_the_organisation_is_found(make_org: World) -> None:
    org = make_org({INVOICES: 450, "Accounts": 20})
    pages = await org.pages(org.connect(books={}), INVOICES)
    assert [len(page.upserts) for page in pages] == [200, 200, 50]
    assert ids([row for page in pages for row in page.upserts]) == truth(org)
    assert org.calls("/books/") == ["GET /books/v3/organizations", *["GET /books/v3/invoices"] * 3]
    first = pages[0].upserts[0]
    assert str(first["created_time"])[-6:] == "+05:30"
    assert first["reference_number"] is None or str(first["reference_number"]).startswith("PO-")


async def test_conditions_are_asked_of_books_and_cost_one_call(make_org: World) -> None:
    org = make_org({INVOICES: 450, "Accounts": 20})
    connector = org.connect(books={"organization": 60009876543})
    customer = next(iter(org.double.truth(INVOICES)))
    name = str(customer["customer_name"])
    found = await rows(
        org, connector, INVOICES, Condition("status", "eq", "overdue"), Condition("customer_name", "eq", name)
    )
    assert found
    assert ids(found) == truth(org, status="overdue", customer_name=name)
    assert org.calls("/books/") == ["GET /books/v3/invoices"]
    by_id = await rows(org, connector, INVOICES, Condition("customer_id", "eq", str(customer["customer_id"])))
    assert ids(by_id) == truth(org, customer_id=customer["customer_id"])
    several = await rows(org, connector, INVOICES, Condition("status", "in", ["draft", "void"]))
    assert ids(several) == sorted(truth(org, status="draft") + truth(org, status="void"))
    assert len(org.calls("/books/")) == 4


async def test_a_value_stays_a_value_whatever_is_in_it(make_org: World) -> None:
    org = make_org({INVOICES: 10})
    connector = org.connect(books={"organization": "60009876543"})
    for name in ("x&status=paid", "'; --", "../contacts", "Ü & Söhne?page=7#"):
        assert await rows(org, connector, INVOICES, Condition("customer_name", "eq", name)) == []
    assert org.calls("/books/") == ["GET /books/v3/invoices"] * 4


async def test_dates_are_asked_by_ranges(make_org: World) -> None:
    org = make_org({INVOICES: 60, "Accounts": 5})
    connector = org.connect(books={})
    days = sorted(str(row["due_date"]) for row in org.double.truth(INVOICES))
    day = days[30]
    expected: dict[str, Callable[[str], bool]] = {
        "eq": lambda one: one == day,
        "ge": lambda one: one >= day,
        "gt": lambda one: one > day,
        "le": lambda one: one <= day,
        "lt": lambda one: one < day,
    }
    for op, holds in expected.items():
        found = await rows(org, connector, INVOICES, Condition("due_date", op, day))  # pyright: ignore[reportArgumentType]
        assert sorted(str(row["due_date"]) for row in found) == [one for one in days if holds(one)], op


async def test_what_changed_since_the_checkpoint_is_read_and_no_more(make_org: World) -> None:
    org = make_org({INVOICES: 250, "Accounts": 5})
    connector = org.connect(books={})
    checkpoint = (await org.pages(connector, INVOICES))[-1].checkpoint
    org.clock.advance(3_600)
    changed = truth(org)[7]
    double_of(org).books.invoices.change(changed, state="paid")
    before = len(org.calls("/books/"))
    assert ids(await rows(org, connector, INVOICES, since=checkpoint)) == [changed]
    assert len(org.calls("/books/")) == before + 1


async def test_customers_that_changed_are_read_from_the_newest_on(make_org: World) -> None:
    org = make_org({CUSTOMERS: 250, "Accounts": 250})
    connector = org.connect(books={})
    pages = await org.pages(connector, CUSTOMERS)
    assert sorted(str(row["contact_id"]) for page in pages for row in page.upserts) == truth(org, CUSTOMERS)
    org.clock.advance(3_600)
    changed = truth(org, CUSTOMERS)[7]
    double_of(org).books.contacts.change(changed, email="new@example.com")
    before = len(org.calls("/books/"))
    found = await rows(org, connector, CUSTOMERS, since=pages[-1].checkpoint)
    assert [(row["contact_id"], row["email"]) for row in found] == [(changed, "new@example.com")]
    assert len(org.calls("/books/")) == before + 1


async def test_a_checkpoint_of_other_conditions_is_refused(make_org: World) -> None:
    org = make_org({INVOICES: 3})
    connector = org.connect(books={})
    checkpoint = (await org.pages(connector, INVOICES))[-1].checkpoint
    with pytest.raises(BadRequest, match="other conditions"):
        await rows(org, connector, INVOICES, Condition("status", "eq", "paid"), since=checkpoint)
    with pytest.raises(BadRequest, match="another object"):
        await rows(org, connector, CUSTOMERS, since=checkpoint)


async def test_records_come_by_their_ids(make_org: World) -> None:
    org = make_org({INVOICES: 12, "Accounts": 2})
    connector = org.connect(books={})
    known = truth(org)[:2]
    vendorless = truth(org, CUSTOMERS)[0]
    found = await connector.get(INVOICES, [known[1], "1", known[0], "../organizations"], [])
    assert [isinstance(one, Missing) for one in found] == [False, True, False, True]
    assert [str(one["invoice_id"]) for one in found if not isinstance(one, Missing)] == [known[1], known[0]]
    (customer,) = await connector.get(CUSTOMERS, [vendorless], [])
    assert not isinstance(customer, Missing)
    assert not org.calls("/books/v3/invoices/organizations")


async def test_a_hub_lists_the_overdue_invoices_of_an_account(make_org: World) -> None:
    org = make_org({INVOICES: 200, "Accounts": 20})
    keys = ("client_id", "client_secret", "refresh_token")
    async with Hub(
        Config({}, "sqlite:///:memory:"), clock=org.clock, transports={"zoho": asgi_transport(org.double.app)}
    ) as hub:
        zoho = hub.add(
            "zoho",
            "zoho",
            api_url="http://localhost",
            books={},
            **{key: org.double.credentials[key] for key in keys},
        )
        linked = next(row for row in org.double.truth(CUSTOMERS) if row["zcrm_account_id"])
        account = str(linked["zcrm_account_id"])
        customers = await zoho.object(CUSTOMERS).list(where={"zcrm_account_id": account})
        assert [customer.id for customer in customers] == [linked["contact_id"]]
        overdue = await zoho.object(INVOICES).list(
            where={"status": "overdue", "customer_id": customers[0].id}
        )
        assert sorted(invoice.id or "" for invoice in overdue) == truth(
            org, status="overdue", customer_id=linked["contact_id"]
        )
        invoice = await zoho.object(INVOICES).get(str(overdue[0].id))
        assert invoice.custom["balance"] == overdue[0].custom["balance"]
        assert invoice.custom["currency_code"] in {"USD", "EUR"}
        assert await zoho.object(INVOICES).count(where={"status": "overdue"}) == len(
            truth(org, status="overdue")
        )


async def test_without_the_setting_the_objects_are_not_there_and_nothing_is_asked(make_org: World) -> None:
    org = make_org({INVOICES: 3})
    connector = org.connect()
    assert not any(name.startswith("Books.") for name in (await connector.capabilities()).objects)
    before = len(org.calls(""))
    with pytest.raises(NotFound, match=r"set books: \{\}"):
        await connector.describe(INVOICES)
    with pytest.raises(NotFound, match=r"no object Books\.Bills"):
        await org.connect(books={}).describe("Books.Bills")
    assert len(org.calls("")) == before


async def test_the_objects_can_only_be_read(make_org: World) -> None:
    connector = make_org({INVOICES: 3}).connect(books={})
    able = (await connector.capabilities()).objects[INVOICES]
    assert (able.writes, able.deletes, able.key) == (frozenset(), "none", "invoice_id")
    with pytest.raises(Unsupported, match="only be read"):
        await connector.write(WriteRequest(INVOICES, "create", [WriteItem({"total": 1})]))
    with pytest.raises(Unsupported):
        [page async for page in connector.search(INVOICES, "Acme", [], 1)]
    assert isinstance(connector, SupportsCount)
    assert await connector.count(INVOICES) == 3


@pytest.mark.parametrize(
    "condition",
    [
        Condition("status", "eq", "unpaid"),
        Condition("status", "gt", "paid"),
        Condition("total", "eq", 5),
        Condition("customer_name", "eq", None),
        Condition("last_modified_time", "ge", "yesterday"),
    ],
)
async def test_conditions_that_cannot_be_asked_are_refused_before_a_call(
    make_org: World, condition: Condition
) -> None:
    org = make_org({INVOICES: 3})
    with pytest.raises(BadRequest):
        await rows(org, org.connect(books={}), INVOICES, condition)
    assert org.calls("/books/v3/invoices") == []


async def test_several_organisations_need_the_setting(make_org: World) -> None:
    org = make_org({INVOICES: 3}, settings={"books_organizations": "2"})
    with pytest.raises(ConfigError, match=r"60009876543, 60009876544.*set books.organization"):
        await rows(org, org.connect(books={}), INVOICES)
    assert len(await rows(org, org.connect(books={"organization": "60009876543"}), INVOICES)) == 3
    assert await rows(org, org.connect(books={"organization": "60009876544"}), INVOICES) == []
    with pytest.raises(BadRequest, match=r"set books.organization") as caught:
        await rows(org, org.connect(books={"organization": "7"}), INVOICES)
    assert caught.value.code == "6041"
    with pytest.raises(ValidationError):
        org.connect(books={"organization": "../contacts"})


async def test_a_missing_scope_is_named_and_costs_no_token(make_org: World) -> None:
    scopes = "ZohoCRM.modules.ALL,ZohoCRM.users.READ,ZohoBooks.settings.READ,ZohoBooks.contacts.READ"
    org = make_org({INVOICES: 3}, settings={"scopes": scopes})
    connector = org.connect(books={})
    with pytest.raises(PermissionDenied, match=r"not authorized.*ZohoBooks\.invoices\.READ") as caught:
        await rows(org, connector, INVOICES)
    assert caught.value.code == "57"
    assert len(org.calls("/oauth/")) == 1
    failed = {line.name: line.mend for line in await connector.check() if not line.ok}
    assert "ZohoBooks.invoices.READ" in failed["read invoices of Zoho Books"]
    assert "read contacts of Zoho Books" not in failed


async def test_a_token_that_ended_is_renewed_though_it_looks_like_no_permission(make_org: World) -> None:
    org = make_org({INVOICES: 3})
    connector = org.connect(books={})
    await rows(org, connector, INVOICES)
    org.double.expire_tokens()
    assert len(await rows(org, connector, INVOICES)) == 3
    assert len(org.calls("/oauth/")) == 2


async def test_no_more_than_100_calls_are_made_in_any_minute(make_org: World) -> None:
    org = make_org({INVOICES: 150})
    connector = org.connect(books={})
    known = truth(org)
    began = org.clock.monotonic()
    found = await connector.get(INVOICES, known, [])
    assert not any(isinstance(one, Missing) for one in found)
    assert 90 <= org.clock.monotonic() - began <= 130
    assert {event.detail.get("status") for event in org.heard if event.name == "http.call"} == {200}


async def test_others_calls_in_the_same_minute_are_waited_out(make_org: World) -> None:
    org = make_org({INVOICES: 3})
    double = double_of(org)
    for _ in range(100):
        assert double.books.minute.wait() == 0
    assert len(await rows(org, org.connect(books={}), INVOICES)) == 3
    assert org.clock.monotonic() >= 60


async def test_the_days_calls_that_are_used_up_are_told(make_org: World) -> None:
    org = make_org({INVOICES: 3}, settings={"books_daily": "1"})
    with pytest.raises(QuotaExceeded, match="for today") as caught:
        await rows(org, org.connect(books={}), INVOICES)
    assert caught.value.code == "45"


@pytest.mark.parametrize("fault", ["429+5", "500", "html", "truncated", "empty", "cut", "lost"])
async def test_passing_faults_are_sat_out(make_org: World, fault: str) -> None:
    org = make_org({INVOICES: 250}, faults=(f"{fault}@/books/v3/invoices:1x",))
    assert ids(await rows(org, org.connect(books={}), INVOICES)) == truth(org)


async def test_faults_of_books_do_not_keep_the_crm_from_being_read(make_org: World) -> None:
    org = make_org({INVOICES: 3, "Accounts": 2}, faults=("503@/books/",))
    connector = org.connect(books={})
    for _ in range(3):
        with pytest.raises((Unavailable, CircuitOpen)):
            await rows(org, connector, INVOICES)
    assert sum(len(page.upserts) for page in await org.pages(connector, "Accounts")) == 2


async def test_scopes_are_asked_for_only_with_the_setting(make_org: World) -> None:
    org = make_org()
    plain, with_books = org.connect().sign_in, org.connect(books={}).sign_in
    assert not any("Books" in scope for scope in plain.scopes)
    assert "ZohoBooks.invoices.READ" in with_books.scopes
    assert not any("Books" in line.capability for line in plain.allowances(frozenset()))
    (line,) = [line for line in with_books.allowances(frozenset()) if "Books" in line.capability]
    assert "ZohoBooks.contacts.READ" in line.missing
    assert not line.needed


async def test_connections_to_one_organisation_share_its_limit(make_org: World) -> None:
    org = make_org()
    limits: list[tuple[str, str | None]] = []

    def client(settings: HttpSettings) -> HttpClient:
        limits.extend((limit.name, limit.owner) for limit in settings.limits)
        return org.client(settings)

    for name, books in (("a", {"organization": "7"}), ("b", {"organization": "7"}), ("c", {})):
        config = ZohoConfig.model_validate(
            {"api_url": "http://localhost", "client_id": name, "client_secret": "x", "books": books}
        )
        Connector(config, Context(name, clock=org.clock, http=client))
    first, second, unnamed = (owner for name, owner in limits if name == "Zoho Books")
    assert first is not None
    assert first == second
    assert unnamed is None


async def test_calls_by_connections_to_one_organisation_count_together(make_org: World) -> None:
    org = make_org({INVOICES: 60})
    keys = ("client_id", "client_secret", "refresh_token")
    credentials = {key: org.double.credentials[key] for key in keys}
    transport = asgi_transport(org.double.app)
    async with Hub(
        Config({}, "sqlite:///:memory:"), clock=org.clock, transports={"a": transport, "b": transport}
    ) as hub:
        books: dict[str, Value] = {"organization": "60009876543"}
        for name in ("a", "b"):
            hub.add(name, "zoho", api_url="http://localhost", books=books, **credentials)
        began = org.clock.monotonic()
        for name in ("a", "b"):
            found = await hub[name].object(INVOICES).get_many(truth(org))
            assert None not in found
        # 50 at once and 70 more of the 120, one in 1.2 seconds; each for itself would take 12 seconds.
        assert org.clock.monotonic() - began >= 80


async def test_a_mapping_makes_invoices_records_of_an_own_model(make_org: World, tmp_path: Path) -> None:
    org = make_org({INVOICES: 30, "Accounts": 3})
    mapping = tmp_path / "books.yaml"
    mapping.write_text(
        "crm: zoho\n"
        "version: 1\n"
        "maps:\n"
        "  - model: bill\n"
        "    object: Books.Invoices\n"
        "    fields:\n"
        "      number: invoice_number\n"
        "      status: status\n"
        "      due: {to: due_date, as: date}\n"
        "      total: {to: total, as: decimal}\n",
        "utf-8",
    )
    keys = ("client_id", "client_secret", "refresh_token")
    async with Hub(
        Config({}, "sqlite:///:memory:"),
        models=[Bill],
        clock=org.clock,
        transports={"zoho": asgi_transport(org.double.app)},
    ) as hub:
        credentials = {key: org.double.credentials[key] for key in keys}
        zoho = hub.add("zoho", "zoho", mapping=mapping, api_url="http://localhost", books={}, **credentials)
        overdue = await zoho.of(Bill).list(where={"status": "overdue"})
        assert sorted(invoice.id or "" for invoice in overdue) == truth(org, status="overdue")
        assert all(invoice.due and invoice.due < date(2026, 1, 1) for invoice in overdue)


@asynccontextmanager
async def hub_of(org: Org, *parts: str) -> AsyncGenerator[Connection]:
    """A connection of a hub to the organisation, with the shipped mapping."""
    keys = ("client_id", "client_secret", "refresh_token")
    transports = {"zoho": asgi_transport(org.double.app)}
    async with Hub(Config({}, "sqlite:///:memory:"), clock=org.clock, transports=transports) as hub:
        credentials = {key: org.double.credentials[key] for key in keys}
        settings: dict[str, dict[str, Value]] = {name: {} for name in parts}
        yield hub.add("zoho", "zoho", mapping=None, api_url="http://localhost", **credentials, **settings)


async def test_invoices_and_their_customers_are_records(make_org: World) -> None:
    org = make_org({INVOICES: 60, "Accounts": 12})
    async with hub_of(org, "books") as zoho:
        overdue = {str(one.id): one for one in await zoho.of(Invoice).list(where={"status": "overdue"})}
        assert sorted(overdue) == truth(org, status="overdue")
        for row in org.double.truth(INVOICES):
            if (one := overdue.get(str(row["invoice_id"]))) is None:
                continue
            money = Money(Decimal(str(row["balance"])), str(row["currency_code"]))
            assert (one.number, one.balance, str(one.due_at)) == (
                row["invoice_number"], money, row["due_date"],
            )  # fmt: skip
            assert one.customer == Ref(model="customer", id=str(row["customer_id"]))
        (row,) = [row for row in org.double.truth(CUSTOMERS) if row["contact_id"] == one_of(overdue)]
        customer = await zoho.of(Customer).get(one_of(overdue))
        linked = str(row["zcrm_account_id"]) or None
        assert customer.name == row["contact_name"]
        assert (customer.account.id if customer.account else None) == linked


def one_of(invoices: Mapping[str, Invoice]) -> str:
    """The customer of the first of them."""
    customer = next(iter(invoices.values())).customer
    assert customer is not None
    return customer.id


async def test_a_connection_without_books_has_no_maps_of_it(make_org: World) -> None:
    async with hub_of(make_org({"Accounts": 1}), "projects") as zoho:
        assert {entry.model for entry in zoho.spec.maps} & {"invoice", "customer", "project"} == {"project"}
        with pytest.raises(ConfigError, match="Invoice is not mapped"):
            await zoho.of(Invoice).list()
