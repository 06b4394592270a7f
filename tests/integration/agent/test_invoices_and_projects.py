"""Overdue invoices and the state of projects over the doubles, held against all that Zoho has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

import pytest

from crmhub.models import Account
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.agent.asking_agents import Asked, asked, ids, listed
from tests.writing_agents import error_of

pytestmark = pytest.mark.anyio

ALL = {"fields": {"allow": ["*"]}}
MODELS = dict.fromkeys(("account", "customer", "invoice", "milestone", "project", "project_task"), ALL)
SUITE = ("books", "projects")
UNPAID = {"sent", "viewed", "overdue", "partially_paid"}
Row = Mapping[str, object]


def double_of(ask: Asked) -> ZohoDouble:
    double = ask.crms.doubles["zoho"]
    assert isinstance(double, ZohoDouble)
    return double


def invoices_of(ask: Asked, *statuses: str) -> list[Row]:
    """Zoho's, the longest overdue first."""
    rows = [row for row in double_of(ask).truth("Books.Invoices") if row["status"] in statuses]
    return sorted(rows, key=lambda row: (str(row["due_date"]), str(row["invoice_id"])))


def typed(rows: Sequence[Row]) -> list[str]:
    return [f"invoice:zoho:{row['invoice_id']}" for row in rows]


def sums_of(rows: Sequence[Row]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        code = str(row["currency_code"])
        sums[code] = sums.get(code, Decimal(0)) + Decimal(str(row["balance"]))
    return sums


def totals_in(answer: Mapping[str, object]) -> dict[str, Decimal]:
    return {
        each["currency"]: Decimal(each["amount"]) for each in cast("list[dict[str, str]]", answer["totals"])
    }


async def test_all_overdue_invoices_come_in_pages_with_what_they_come_to_in_each_currency() -> None:
    async with asked(60, suite=SUITE, models=MODELS) as ask:
        wanted = invoices_of(ask, "overdue")
        found = await ask.every("get_overdue_invoices", "invoices", max_results=10)
        assert ids(found) == typed(wanted)
        assert ask.calls == -(-len(wanted) // 10)
        answer = await ask("get_overdue_invoices", max_results=1)
        assert (totals_in(answer), answer["total"]) == (sums_of(wanted), len(wanted))
        for shown, row in zip(found, wanted, strict=True):
            assert (shown["number"], shown["customer"]) == (row["invoice_number"], row["customer_name"])
            assert cast("Row", shown["balance"])["amount"] == str(row["balance"])
            late = datetime.now(UTC).date() - date.fromisoformat(str(row["due_date"]))
            assert shown["days_overdue"] == late.days
        noted = {id_ for outcome in ask.audit.outcomes.values() for id_ in outcome.records}
        assert noted == {*typed(wanted)}


async def test_a_customer_is_found_by_its_name_or_by_words_of_it() -> None:
    async with asked(60, suite=SUITE, models=MODELS) as ask:
        name = str(invoices_of(ask, "overdue")[0]["customer_name"])
        mine = [row for row in invoices_of(ask, "overdue") if row["customer_name"] == name]
        assert ids(await ask.every("get_overdue_invoices", "invoices", customer_name=name)) == typed(mine)
        word = name.split(maxsplit=1)[0].upper()
        theirs = [row for row in invoices_of(ask, "overdue") if word in str(row["customer_name"]).upper()]
        found = await ask.every("get_overdue_invoices", "invoices", customer_name=word)
        assert ids(found) == typed(theirs)
        assert listed(await ask("get_overdue_invoices", customer_name="Nobody at all"), "invoices") == []


async def test_what_is_outstanding_for_an_industry_takes_one_call_and_names_who_cannot_be_joined() -> None:
    async with asked(60, suite=SUITE, models=MODELS) as ask:
        double = double_of(ask)
        accounts = ask.crms.hub["zoho"].accounts
        first, second, third = list({row["customer_id"]: row for row in invoices_of(ask, *UNPAID)}.values())[
            :3
        ]
        double.books.contacts.change(str(first["customer_id"]), contact_name="Nowhere", zcrm_account_id="")
        for row, name in ((second, "Twice"), (third, "Once")):
            double.books.contacts.change(str(row["customer_id"]), contact_name=name, zcrm_account_id="")
        for name, industry in (("Twice", "Education"), ("Twice", "Technology"), ("Once", "Education")):
            await accounts.create(Account(name=name, industry=industry))

        owed = invoices_of(ask, *UNPAID)
        by_id = {str(row["id"]): row for row in double.truth("Accounts")}
        linked = {
            str(row["contact_id"]): by_id[str(row["zcrm_account_id"])]
            for row in double.truth("Books.Customers")
            if row["zcrm_account_id"]
        }
        ways: set[str] = set()
        for industry in ("Education", "Technology", "Systems Integrator"):
            wanted, lost = list[Row](), set[str]()
            for row in owed:
                link, name = linked.get(str(row["customer_id"])), row["customer_name"]
                named = [one for one in by_id.values() if one["Account_Name"] == name]
                meant = [link] if link else named
                told = {one.get("Industry") == industry for one in meant}
                if told == {True}:
                    wanted.append(row)
                elif told != {False}:
                    lost.add(str(row["customer_name"]))
            before = ask.calls
            answer = await ask(
                "get_overdue_invoices", industry=industry, include_not_due=True, max_results=50
            )
            assert ids(listed(answer, "invoices")) == typed(wanted)
            assert totals_in(answer) == sums_of(wanted)
            assert set(cast("list[str]", answer["not_joined"])) == lost
            assert "Nowhere" in lost
            assert ("Twice" in lost) == (industry != "Systems Integrator")
            assert answer["accounts"] == sum(one.get("Industry") == industry for one in by_id.values())
            assert ask.calls == before + 1
            ways |= set(cast("list[str]", answer["joined_by"]))
        assert ways == {"id", "name"}
        refused = await ask.reply("get_overdue_invoices", industry="No such")
        assert error_of(refused) == "not_found"


async def test_a_crm_without_invoices_or_projects_says_so() -> None:
    async with asked(3, models=MODELS) as ask:  # Zoho too: neither Books nor Projects is set up
        for tool, items in (("get_overdue_invoices", "invoices"), ("get_project_status", "projects")):
            for connection in ("salesforce", "zoho"):
                answer = await ask(tool, connection=connection)
                assert (answer["status"], answer[items]) == ("unsupported", [])


async def test_what_a_policy_hides_of_invoices_is_told_by_nothing() -> None:
    async with asked(
        60, suite=SUITE, models=MODELS | {"invoice": {"fields": {"allow": ["*"], "deny": ["balance"]}}}
    ) as ask:
        answer = await ask("get_overdue_invoices", industry="Education", include_not_due=True)
        assert "totals" not in answer
        assert not any("balance" in each for each in listed(answer, "invoices"))
    hidden: dict[str, object] = {"fields": {"allow": ["*"], "mask": ["industry", "name"]}}
    async with asked(60, suite=SUITE, models=MODELS | {"account": hidden}) as ask:
        refused = await ask.reply("get_overdue_invoices", industry="Education")
        assert error_of(refused) == "field_not_available"
        assert (await ask("get_overdue_invoices"))["status"] == "partial"
    late: dict[str, object] = {"fields": {"allow": ["*"], "deny": ["status", "customer_name"]}}
    async with asked(5, suite=SUITE, models=MODELS | {"invoice": late}) as ask:
        refused = await ask.reply("get_overdue_invoices")
        assert error_of(refused) == "field_not_available"


def is_closed(row: Row) -> bool:
    status = cast("Row", row["status"])
    return (status.get("is_closed_type") or status.get("type") == "closed") is True


def is_late(row: Row) -> bool:
    today = datetime.now(UTC).date().isoformat()
    return not is_closed(row) and row["end_date"] is not None and str(row["end_date"]) < today


def within(ask: Asked, name: str, project: Row) -> list[Row]:
    rows = double_of(ask).truth(name)
    return [row for row in rows if str(cast("Row", row["project"])["id"]) == str(project["id"])]


async def test_projects_tell_how_far_they_are_and_what_is_late_in_them() -> None:
    async with asked(9, suite=SUITE, models=MODELS) as ask:
        rows = {f"project:zoho:{row['id']}": row for row in double_of(ask).truth("Projects.Projects")}
        found = await ask.every("get_project_status", "projects", max_results=20)
        assert set(ids(found)) == {id_ for id_, row in rows.items() if not is_closed(row)}
        for shown in found:
            row = rows[str(shown["id"])]
            assert shown["name"] == row["name"]
            assert shown["percent_complete"] == float(str(row["percent_complete"]))
            assert ("days_behind" in shown) == is_late(row)
            late = [one for one in within(ask, "Projects.Tasks", row) if is_late(one)]
            assert shown["overdue_tasks"] == len(late)
            assert len(cast("list[object]", shown.get("late_tasks", []))) == min(5, len(late))
            steps = within(ask, "Projects.Milestones", row)
            states = sorted(str(each["state"]) for each in cast("list[Row]", shown["milestones"]))
            assert states == sorted(
                "done" if is_closed(one) else "overdue" if is_late(one) else "open" for one in steps
            )
        behind = await ask.every("get_project_status", "projects", status_filter="overdue", max_results=4)
        assert set(ids(behind)) == {id_ for id_, row in rows.items() if is_late(row)}
        assert [cast("int", each["days_behind"]) for each in behind] == sorted(
            (cast("int", each["days_behind"]) for each in behind), reverse=True
        )
        word = str(found[0]["name"]).split()[0]
        named = await ask.every("get_project_status", "projects", status_filter="all", project_name=word)
        assert set(ids(named)) == {
            id_ for id_, row in rows.items() if word.casefold() in str(row["name"]).casefold()
        }


async def test_an_agent_without_milestones_and_tasks_sees_projects_alone() -> None:
    async with asked(20, suite=SUITE, models={"project": ALL}) as ask:
        for shown in await ask.every("get_project_status", "projects"):
            assert "late_tasks" not in shown
            assert not shown.get("milestones")


async def test_what_cannot_be_read_of_projects_takes_nothing_from_the_rest() -> None:
    async with asked(9, suite=SUITE, faults=("400@/phases", "400@/books/v3/invoices"), models=MODELS) as ask:
        answer = await ask("get_project_status", connection="zoho")
        (source,) = listed(answer, "sources")
        assert (answer["status"], source["state"], source["code"]) == ("partial", "failed", "crm_refused")
        assert any("late_tasks" in each for each in listed(answer, "projects"))
        assert not any(each.get("milestones") for each in listed(answer, "projects"))
        assert error_of(await ask.reply("get_overdue_invoices")) == "crm_refused"  # not: there are none
