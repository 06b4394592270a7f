"""Questions about people, companies and the pipeline, answered in few calls and held against all records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest

from crmhub.agent.answers import typed_id
from crmhub.connection import Connection
from crmhub.models import ActivityBase, Deal, Meeting, Note, Ref, Task
from tests.integration.agent.asking_agents import asked, ids, listed
from tests.writing_agents import error_of

pytestmark = pytest.mark.anyio
Item = Mapping[str, object]


async def test_top_deals_and_leads_by_value_this_quarter_in_one_call() -> None:
    async with asked() as ask:
        today = datetime.now(UTC).date()
        expected: dict[str, list[Deal]] = {}
        for connection in ask.connections:
            deals = [each for each in await connection.deals.list() if each.status == "open"]
            for place, deal in enumerate(deals):
                closing = today if place % 3 else today + timedelta(days=200)
                await connection.deals.update(str(deal.id), Deal(expected_close=closing))
            meant = [
                each
                for each in await connection.deals.list()
                if each.status == "open" and each.expected_close == today
            ]
            expected[connection.name] = meant
        answer = await ask("pipeline_summary", closing="this_quarter", top=5)
        assert answer["count"] == sum(map(len, expected.values()))
        top = listed(answer, "top_deals")
        for name, deals in expected.items():
            for several in by_currency(deals).values():
                several.sort(key=lambda each: (-amount(each), str(each.id)))
                largest = [typed_id(each) for each in several[:5]]
                assert [each for each in ids(top) if each in largest] == largest
            counted = [each for each in listed(answer, "stages") if each["connection"] == name]
            stages: dict[str, int] = defaultdict(int)
            for deal in deals:
                assert deal.stage is not None
                stages[str(deal.stage.name)] += 1
            assert {str(each["stage"]): each["count"] for each in counted} == stages
            totals = cast("Mapping[str, list[Mapping[str, str]]]", answer["totals"])[name]
            assert {each.get("currency"): Decimal(each["amount"]) for each in totals} == {
                code: sum(map(amount, several)) for code, several in by_currency(deals).items()
            }
        assert len(top) == sum(
            min(5, len(several)) for deals in expected.values() for several in by_currency(deals).values()
        )
        leads = await ask("pipeline_summary", closing="this_quarter", top=2, top_by="contact")
        for name, deals in expected.items():
            sums: dict[str, Decimal] = defaultdict(Decimal)
            for deal in deals:
                if deal.primary_contact and deal.amount:
                    sums[f"contact:{name}:{deal.primary_contact.id}"] += deal.amount.amount
            mine = {
                cast("Mapping[str, str]", each["who"])["id"]: Decimal(
                    cast("Mapping[str, str]", each["total"])["amount"]
                )
                for each in listed(leads, "top")
            }
            assert {who: total for who, total in mine.items() if who in sums} == {
                who: sums[who] for who in mine if who in sums
            }
            if sums:
                assert max(sums.values()) in mine.values()
        assert ask.calls == 2


async def test_everything_with_one_company_in_sixty_days_in_three_calls() -> None:
    async with asked(12) as ask:
        now = datetime.now(UTC).replace(microsecond=0)
        for connection in ask.connections:
            account, contact, deal = await family(connection)
            for age, subject in ((3, "lately"), (59, "still"), (61, "before"), (-5, "soon")):
                at = now - timedelta(days=age)
                meetings = [
                    Meeting(subject=subject, starts_at=at, ends_at=at + timedelta(hours=1)) for _ in range(3)
                ]
                meetings[0].regarding, meetings[1].contact, meetings[2].regarding = account, contact, deal
                for meeting in meetings:
                    await connection.of(Meeting).create(meeting)
            await connection.of(Note).create(Note(subject="n", body="words", regarding=account))
            await connection.of(Task).create(Task(subject="open", regarding=account, due_at=now.date()))
            theirs = await belonging(connection, account)
            since = now - timedelta(days=60)
            wanted = {typed_id(each) for each in theirs if since <= happened(each) <= datetime.now(UTC)}
            before = ask.calls
            name = (await connection.accounts.get(account.id)).name
            found = await ask("search_accounts", query=name, connection=connection.name)
            own = next(each for each in ids(listed(found, "accounts")) if each.endswith(account.id))
            recent = await ask("get_recent_activity", record_id=own, days=60, limit=50)
            overview = await ask("get_account_overview", account_id=own)
            assert ask.calls - before == 3
            assert set(ids(listed(recent, "activities"))) == wanted
            assert len(wanted) >= 7
            assert recent["total"] == len(wanted)
            times = [cast("Mapping[str, str]", each["at"])["value"] for each in listed(recent, "activities")]
            assert times == sorted(times, reverse=True)
            deals = [
                each
                for each in await connection.deals.list()
                if each.account and each.account.id == account.id and each.status == "open"
            ]
            assert set(ids(listed(overview, "deals"))) == {typed_id(each) for each in deals}
            counts = cast("Mapping[str, int]", overview["counts"])
            assert counts["deals"] == len(deals)
            assert counts["activities"] >= 4
            assert cast("Item", overview["last_activity"])["id"] in wanted
            assert overview["status"] == "ok"


async def test_recent_activity_of_everybody_goes_on_page_by_page() -> None:
    async with asked(6) as ask:
        for connection in ask.connections:
            account = Ref(model="account", id=str((await connection.accounts.list(limit=1))[0].id))
            for number in range(5):
                await connection.of(Note).create(Note(subject=str(number), body="words", regarding=account))
        found = await ask.every("get_recent_activity", "activities", days=730, limit=4)
        wanted: set[str] = set()
        now = datetime.now(UTC)
        for connection in ask.connections:
            every = await connection.of(ActivityBase).list()
            since = now - timedelta(days=730)
            wanted |= {
                typed_id(each)
                for each in every
                if each.updated_at and each.updated_at >= since and since <= happened(each) <= now
            }
        assert set(ids(found)) == wanted
        assert len(found) == len(wanted) >= 10


async def test_a_contacts_active_deals_come_with_stage_value_and_close() -> None:
    async with asked(12) as ask:
        for connection in ask.connections:
            person = next(each for each in await connection.contacts.list() if each.kind == "person")
            own = str(person.id)
            at = Ref(model="contact", id=own)
            day = datetime.now(UTC).date()
            for stage in ("Qualification", "Closed Won", "Qualification"):
                there = Ref(model="stage", id=stage)
                new = Deal(name="new", stage=there, expected_close=day, primary_contact=at)
                await connection.deals.create(new)
            every = await connection.deals.list()
            theirs = [each for each in every if each.primary_contact and each.primary_contact.id == own]
            given = {"contact_id": f"contact:{connection.name}:{own}"}
            active = await ask.every("get_contact_deals", "deals", **given, limit=1)
            assert set(ids(active)) == {typed_id(each) for each in theirs if each.status == "open"}
            assert len(theirs) > len(active) >= 2
            both = await ask.every("get_contact_deals", "deals", **given, closed=True)
            assert set(ids(both)) == {typed_id(each) for each in theirs}
            assert all(each.get("stage") for each in both)
        wrong = await ask.reply("get_contact_deals", contact_id="account:zoho:1")
        assert error_of(wrong) == "invalid_id"


async def test_what_an_agent_does_not_see_is_neither_summed_up_nor_chosen_by() -> None:
    rules = {
        "deal": {"fields": {"allow": ["name", "status", "stage", "account"]}},
        "account": {"fields": {"allow": ["*"]}},
    }
    async with asked(3, models=rules) as ask:
        assert error_of(await ask.reply("pipeline_summary")) == "field_not_available"
        assert error_of(await ask.reply("get_recent_activity")) == "model_not_available"
        account = (await ask.connections[0].accounts.list(limit=1))[0]
        overview = await ask("get_account_overview", account_id=typed_id(account))
        assert (overview["status"], overview["lacking"]) == ("partial", ["contacts", "activities"])


async def family(connection: Connection) -> tuple[Ref, Ref, Ref]:
    """An account with a contact and a deal of its own."""
    contacts = {each.account.id: each for each in await connection.contacts.list() if each.account}
    deal = next(
        each
        for each in await connection.deals.list()
        if each.account and each.account.id in contacts and each.status == "open"
    )
    assert deal.account is not None
    contact = contacts[deal.account.id]
    return (
        Ref(model="account", id=deal.account.id),
        Ref(model="contact", id=str(contact.id)),
        Ref(model="deal", id=str(deal.id)),
    )


async def belonging(connection: Connection, account: Ref) -> Sequence[ActivityBase]:
    """What is with or about an account, its contacts and its deals, found among all."""
    people = [
        each for each in await connection.contacts.list() if each.account == account or _at(each, account)
    ]
    deals = [each for each in await connection.deals.list() if _at(each, account)]
    known = {account.id, *(str(each.id) for each in [*people, *deals])}
    return [
        each
        for each in await connection.of(ActivityBase).list()
        if known & {ref.id for ref in (each.contact, each.regarding) if ref is not None}
    ]


def _at(record: object, account: Ref) -> bool:
    ref = cast("Ref | None", getattr(record, "account", None))
    return ref is not None and ref.id == account.id


def happened(activity: ActivityBase) -> datetime:
    """When it took place, told anew; far ahead for what has not."""
    never = datetime.max.replace(tzinfo=UTC)
    if isinstance(activity, Note):
        return activity.created_at or never
    due = getattr(activity, "due_at", None)
    day = datetime(due.year, due.month, due.day, tzinfo=UTC) if due else None
    if isinstance(activity, Task):
        if activity.status != "completed":
            return never
        return activity.completed_at or (
            day if day and day <= datetime.now(UTC) else activity.updated_at or never
        )
    started = cast("datetime | None", getattr(activity, "starts_at", None))
    if started is not None or due is None:
        return started or activity.created_at or never
    if activity.status != "completed":
        return never
    return day if day and day <= datetime.now(UTC) else activity.updated_at or never


def by_currency(deals: Sequence[Deal]) -> dict[str | None, list[Deal]]:
    found: dict[str | None, list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.amount:
            found[deal.amount.currency].append(deal)
    return dict(found)


def amount(deal: Deal) -> Decimal:
    return deal.amount.amount if deal.amount else Decimal(0)
