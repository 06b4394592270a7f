"""The Zoho double's books, by an independent client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.conftest import Make

pytestmark = pytest.mark.anyio

ORG = "60009876543"
DAY = 86_400.0


async def listed(client: httpx.AsyncClient, kind: str = "invoices", **params: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    rows: list[dict[str, Any]] = []
    page, more = 1, True
    while more:
        reply = await client.get(
            f"/books/v3/{kind}", params={"organization_id": ORG, "page": str(page), **params}
        )
        body = reply.json()
        assert (reply.status_code, body["code"], body["message"]) == (200, 0, "success"), body
        rows += body[kind]
        page, more = page + 1, body["page_context"]["has_more_page"]
    return rows


async def refused(client: httpx.AsyncClient, path: str, **params: str) -> tuple[int, int, str]:
    """Status, code and message of a refusal."""
    reply = await client.get(f"/books/v3/{path}", params={"organization_id": ORG, **params})
    return reply.status_code, reply.json()["code"], reply.json()["message"]


async def test_the_organisation_is_listed_without_naming_one(zoho: httpx.AsyncClient) -> None:
    body = (await zoho.get("/books/v3/organizations")).json()
    assert [one["organization_id"] for one in body["organizations"]] == [ORG]


async def test_invoices_come_in_pages_with_their_context(seeded: httpx.AsyncClient) -> None:
    reply = await seeded.get("/books/v3/invoices", params={"organization_id": ORG, "page": "3"})
    context = reply.json()["page_context"]
    assert len(reply.json()["invoices"]) == 50
    assert context == {
        "page": 3, "per_page": 200, "has_more_page": False, "report_name": "Invoices",
        "applied_filter": "Status.All", "sort_column": "created_time", "sort_order": "D",
    }  # fmt: skip
    rows = await listed(seeded)
    assert len({row["invoice_id"] for row in rows}) == 450
    stamps = [row["created_time"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert stamps[0][-5:] == "+0530"


@pytest.mark.parametrize("choice", [{"status": "overdue"}, {"filter_by": "Status.OverDue"}])
async def test_overdue_is_what_was_sent_is_owed_and_is_past_its_day(
    seeded: httpx.AsyncClient, choice: Mapping[str, str]
) -> None:
    overdue = await listed(seeded, **choice)
    assert overdue
    assert all(row["due_date"] < "2026-01-01" and row["balance"] > 0 for row in overdue)
    assert all(row["due_days"].startswith("Overdue by ") for row in overdue)
    others = {row["status"] for row in await listed(seeded)} - {"overdue"}
    assert others == {"draft", "void", "paid", "partially_paid", "viewed", "sent"}


async def test_an_invoice_becomes_overdue_as_the_clock_moves_on(
    empty: tuple[ZohoDouble, httpx.AsyncClient],
) -> None:
    double, client = empty
    customer = double.books.contacts.add(contact("Acme"))
    id_ = double.books.invoices.add(invoice(customer, due_date="2026-01-10"))

    async def status() -> tuple[str, str]:
        row = (await client.get(f"/books/v3/invoices/{id_}", params={"organization_id": ORG})).json()[
            "invoice"
        ]
        return row["status"], row["due_days"]

    assert await status() == ("sent", "Due in 9 day(s)")
    double.clock.advance(9 * DAY)
    assert await status() == ("sent", "Due Today")
    double.clock.advance(4 * DAY)
    assert await status() == ("overdue", "Overdue by 4 days")
    double.books.invoices.change(id_, state="paid")
    assert (await status())[0] == "paid"


async def test_filters_choose_by_customer_and_by_dates(seeded: httpx.AsyncClient) -> None:
    rows = await listed(seeded)
    first = rows[100]
    same = [row for row in rows if row["customer_id"] == first["customer_id"]]
    assert ids(await listed(seeded, customer_id=first["customer_id"])) == ids(same)
    named = await listed(seeded, customer_name=first["customer_name"].upper())
    assert ids(named) == ids([r for r in rows if r["customer_name"] == first["customer_name"]])
    day: str = first["due_date"]
    meanings: dict[str, Callable[[str], bool]] = {
        "": lambda one: one == day,
        "_start": lambda one: one >= day,
        "_end": lambda one: one <= day,
        "_before": lambda one: one < day,
        "_after": lambda one: one > day,
    }
    for end, holds in meanings.items():
        chosen = await listed(seeded, **{f"due_date{end}": day})
        assert ids(chosen) == ids([row for row in rows if holds(row["due_date"])]), end
    assert await listed(seeded, customer_id="1") == []


async def test_lists_are_sorted_as_asked(seeded: httpx.AsyncClient) -> None:
    rows = await listed(seeded, sort_column="due_date", sort_order="A")
    assert [row["due_date"] for row in rows] == sorted(row["due_date"] for row in rows)
    totals = [row["total"] for row in await listed(seeded, sort_column="total", sort_order="D")]
    assert totals == sorted(totals, reverse=True)


async def test_what_changed_after_a_time_is_listed(empty: tuple[ZohoDouble, httpx.AsyncClient]) -> None:
    double, client = empty
    customer = double.books.contacts.add(contact("Acme"))
    old, changed = (double.books.invoices.add(invoice(customer)) for _ in range(2))
    double.clock.advance(60)
    double.books.invoices.change(changed, state="void")
    after = "2026-01-01T14:30:00+0530"  # when both were made
    assert ids(await listed(client, last_modified_time=after)) == {changed}
    assert old in ids(await listed(client, last_modified_time="2026-01-01T08:59:59+0000"))


async def test_customers_name_their_account_and_owe_the_sum_of_their_invoices(
    make_zoho: Make,
) -> None:
    double, client = make_zoho(rows=60)
    customers = await listed(client, "contacts", contact_type="customer")
    assert len(customers) == 60
    assert len(await listed(client, "contacts")) == 66  # vendors too
    accounts = {str(row["id"]): str(row["Account_Name"]) for row in double.truth("Accounts")}
    linked = [row for row in customers if row["zcrm_account_id"]]
    assert 40 < len(linked) < 60
    assert all(accounts[row["zcrm_account_id"]].strip() == row["contact_name"] for row in linked)
    found = await listed(client, "contacts", zcrm_account_id=linked[3]["zcrm_account_id"])
    assert [row["contact_id"] for row in found] == [linked[3]["contact_id"]]
    owed = {row["contact_id"]: row["outstanding_receivable_amount"] for row in customers}
    for row in await listed(client, status="unpaid"):
        owed[row["customer_id"]] -= row["balance"]
    assert all(abs(rest) < 0.001 for rest in owed.values())


async def test_customers_need_not_be_linked(make_zoho: Make) -> None:
    _, client = make_zoho(rows=5, settings={"books_linked": "no"})
    customers = await listed(client, "contacts", contact_type="customer")
    assert {(row["zcrm_account_id"], row["is_linked_with_zohocrm"]) for row in customers} == {("", False)}


async def test_one_invoice_has_its_lines(seeded: httpx.AsyncClient) -> None:
    row = (await listed(seeded))[0]
    reply = await seeded.get(f"/books/v3/invoices/{row['invoice_id']}", params={"organization_id": ORG})
    one = reply.json()["invoice"]
    assert {name: one[name] for name in row} == row
    assert one["line_items"][0]["item_total"] == row["total"]


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("invoices", {"organization_id": ""}, (400, 6041)),
        ("invoices", {"organization_id": "7"}, (400, 6041)),
        ("invoices/1", {}, (404, 1002)),
        ("contacts/1", {}, (404, 1002)),
        ("invoices", {"per_page": "201"}, (400, 2)),
        ("invoices", {"page": "0"}, (400, 2)),
        ("invoices", {"status": "late"}, (400, 2)),
        ("invoices", {"filter_by": "Status.Late"}, (400, 2)),
        ("invoices", {"sort_column": "colour"}, (400, 2)),
        ("invoices", {"sort_order": "up"}, (400, 2)),
        ("invoices", {"due_date_before": "1/2/2026"}, (400, 2)),
        ("invoices", {"last_modified_time": "2026-01-01T00:00:00Z"}, (400, 2)),
        ("invoices", {"customer": "1"}, (400, 2)),
        ("contacts", {"contact_type": "friend"}, (400, 2)),
        ("bills", {}, (404, 5)),
    ],
)
async def test_what_books_refuses(
    seeded: httpx.AsyncClient, path: str, params: dict[str, str], expected: tuple[int, int]
) -> None:
    status, code, message = await refused(seeded, path, **params)
    assert (status, code) == expected
    assert message


async def test_a_call_without_the_scope_or_with_a_dead_token_is_57(make_zoho: Make) -> None:
    _, client = make_zoho(settings={"scopes": "ZohoBooks.contacts.READ"})
    assert (await refused(client, "invoices"))[:2] == (401, 57)
    assert (await client.get("/books/v3/contacts", params={"organization_id": ORG})).status_code == 200
    for header, code in (("Zoho-oauthtoken 1000.dead", 57), ("Bearer x", 14)):
        reply = await client.get("/books/v3/organizations", headers={"Authorization": header})
        assert (reply.status_code, reply.json()["code"]) == (401, code)


async def test_the_101st_call_of_a_minute_is_refused(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    for _ in range(100):
        assert (await zoho.get("/books/v3/organizations")).status_code == 200
    assert (await refused(zoho, "invoices"))[:2] == (429, 44)
    double.clock.advance(60)
    assert (await zoho.get("/books/v3/organizations")).status_code == 200


async def test_the_day_has_so_many_calls(make_zoho: Make) -> None:
    double, client = make_zoho(settings={"books_daily": "2"})
    for _ in range(2):
        assert (await client.get("/books/v3/organizations")).status_code == 200
    double.clock.advance(61)
    assert (await refused(client, "invoices"))[:2] == (429, 45)


async def test_the_truth_shows_what_lists_show(make_zoho: Make) -> None:
    double, client = make_zoho(rows={"Books.Invoices": 30, "Accounts": 4})
    truth = (await client.get("/_truth/Books.Invoices")).json()
    assert ids(truth) == ids(await listed(client))
    assert len(list(double.truth("Books.Customers"))) == 4
    assert {row["customer_name"] for row in truth} <= {
        str(row["Account_Name"]).strip() for row in double.truth("Accounts")
    }


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["invoice_id"] for row in rows}


def contact(name: str) -> dict[str, object]:
    """A contact of the books, as the double keeps it."""
    return {
        "contact_name": name, "company_name": name, "contact_type": "customer", "status": "active",
        "currency_code": "USD", "email": "", "is_linked_with_zohocrm": False, "zcrm_account_id": "",
    }  # fmt: skip


def invoice(customer: str, due_date: str = "2026-02-01") -> dict[str, object]:
    """An invoice of the books, as the double keeps it."""
    return {
        "invoice_number": "INV-1", "customer_id": customer, "state": "sent", "reference_number": "",
        "date": "2026-01-01", "due_date": due_date, "currency_code": "USD", "currency_symbol": "$",
        "total": 100, "balance": 100,
    }  # fmt: skip
