"""Finding and reading over the doubles of two CRMs, held against all that they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from crmhub.agent.answers import typed_id
from crmhub.connection import Connection
from crmhub.models import ActivityBase, Deal, Meeting, Note, Ref, Task
from tests.integration.agent.asking_agents import asked, ids, listed
from tests.writing_agents import error_of

pytestmark = pytest.mark.anyio


async def test_contacts_are_found_by_their_names_and_by_their_companies_in_every_crm() -> None:
    async with asked() as ask:
        for connection in ask.connections:
            contacts = await connection.contacts.list()
            person = next(each for each in contacts if each.last_name and each.account)
            found = await ask.every("search_contacts", "contacts", query=person.last_name, limit=10)
            assert set(ids(found)) >= {
                typed_id(each) for each in contacts if each.last_name == person.last_name
            }
            assert len(set(ids(found))) == len(found)
            assert person.account is not None
            account = await connection.accounts.get(person.account.id)
            found = await ask.every(
                "search_contacts", "contacts", query=account.name, connection=connection.name, limit=10
            )
            assert set(ids(found)) >= {
                typed_id(each) for each in contacts if each.account and each.account.id == account.id
            }
            mine = next(each for each in found if each["id"] == typed_id(person))
            assert cast("Mapping[str, object]", mine["account"])["name"] == account.name


async def test_a_search_tells_what_took_place_with_whom_it_found() -> None:
    async with asked(6) as ask:
        for connection in ask.connections:
            person = next(each for each in await connection.contacts.list() if each.kind == "person")
            before = _with(str(person.id), await connection.of(ActivityBase).list())
            at = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
            with_ = Ref(model="contact", id=str(person.id))
            await connection.of(Meeting).create(
                Meeting(subject="Roof", starts_at=at, ends_at=at + timedelta(hours=1), contact=with_)
            )
            await connection.of(Task).create(
                Task(subject="Ring", due_at=at.date() + timedelta(days=9), contact=with_)
            )
            found = await ask("search_contacts", query=person.full_name, connection=connection.name)
            mine = next(each for each in listed(found, "contacts") if each["id"] == typed_id(person))
            activity = cast("Mapping[str, object]", mine["activity"])
            last = cast("Mapping[str, str]", activity["last"])
            assert last["value"] == at.isoformat().replace("+00:00", "Z")
            assert activity["last_type"] == "meeting"
            assert cast("int", activity["open"]) >= 1
            assert cast("int", activity["last_90_days"]) <= len(before) + 2


async def test_contacts_that_were_not_contacted_are_told_in_one_call_a_page() -> None:
    async with asked(12) as ask:
        now = datetime.now(UTC)
        last: dict[str, datetime | None] = {}
        for connection in ask.connections:
            activities = await connection.of(ActivityBase).list()
            for contact in await connection.contacts.list():
                times = [_at(each, now) for each in _with(str(contact.id), activities)]
                last[typed_id(contact)] = max((at for at in times if at is not None), default=None)
        ages = sorted((now - at).days for at in last.values() if at is not None)
        days = ages[len(ages) // 2]
        since = now - timedelta(days=days)
        wanted = {id_ for id_, at in last.items() if at is None or at < since}
        assert 0 < len(wanted) < len(last)
        found = await ask.every("search_contacts", "contacts", not_contacted_for_days=days, limit=10)
        assert set(ids(found)) == wanted
        assert len(found) == len(wanted)
        assert ask.calls == -(-len(wanted) // 10)


async def test_accounts_deals_and_any_record_are_found_listed_and_read() -> None:
    async with asked() as ask:
        zoho, salesforce = ask.connections
        for connection in ask.connections:
            account, deal = (await connection.accounts.list())[3], await valued(connection)
            found = await ask.every("search_accounts", "accounts", query=account.name)
            assert typed_id(account) in ids(found)
            (shown,) = [
                each
                for each in await ask.every("search_deals", "deals", query=deal.name)
                if each["id"] == typed_id(deal)
            ]
            assert cast("Mapping[str, str]", shown["amount"])["amount"] == str(
                deal.amount and deal.amount.amount
            )
            read = cast("Mapping[str, object]", (await ask("get_record", id=typed_id(deal)))["record"])
            fields = cast("Mapping[str, object]", read["fields"])
            assert fields["name"] == deal.name
            listing = await ask.every("list_records", "records", model="contact", limit=7, fields=["title"])
            theirs = {typed_id(each) for each in await connection.contacts.list()}
            assert theirs == {each for each in ids(listing) if each.split(":")[1] == connection.name}
            own = await ask.every(
                "list_records", "records", model="contact", where={"account": typed_id(account)}
            )
            assert set(ids(own)) == {
                typed_id(each)
                for each in await connection.contacts.list()
                if each.account and each.account.id == account.id
            }
        since = max(each.updated_at for each in await zoho.deals.list() if each.updated_at)
        changed = await ask.every("list_records", "records", model="deal", modified_since=since.isoformat())
        assert set(ids(changed)) == {
            typed_id(each)
            for connection in (zoho, salesforce)
            for each in await connection.deals.list()
            if each.updated_at and each.updated_at >= since
        }


async def test_what_is_not_there_is_refused_and_what_a_crm_lacks_is_not_an_empty_answer() -> None:
    async with asked(3) as ask:
        for name, given, code in (
            ("search_contacts", {}, "invalid_arguments"),
            ("search_contacts", {"query": "x", "limit": 11}, "invalid_arguments"),
            ("search_contacts", {"query": "x", "connection": "nowhere"}, "connection_not_available"),
            ("get_record", {"id": "contact:nowhere:1"}, "connection_not_available"),
            ("get_record", {"id": "secret:zoho:1"}, "model_not_available"),
            ("list_records", {"model": "secret"}, "model_not_available"),
            ("list_records", {"model": "deal", "where": {"expected_close": "soon"}}, "invalid_arguments"),
            ("list_records", {"model": "deal", "fields": ["nothing"]}, "field_not_available"),
        ):
            assert error_of(await ask.reply(name, **given)) == code, (name, given)
        answer = await ask("list_records", model="contact", where={"department": "Purchasing"})
        assert answer["status"] in {"ok", "partial"}
        lacking = await ask("list_records", model="contact", where={"score": "1"})
        assert (lacking["status"], {each["state"] for each in listed(lacking, "sources")}) == (
            "unsupported",
            {"unsupported"},
        )


async def test_hidden_fields_are_neither_found_by_nor_shown() -> None:
    rules = {
        "contact": {"fields": {"allow": ["*"], "deny": ["emails"], "mask": ["phones"]}},
        "account": {"fields": {"allow": ["website"]}},
    }
    async with asked(6, models=rules) as ask:
        person = next(each for each in await ask.connections[0].contacts.list() if each.emails)
        assert person.emails is not None
        assert person.account is not None
        account = await ask.connections[0].accounts.get(person.account.id)
        assert listed(await ask("search_contacts", query=person.emails[0].value), "contacts") == []
        companies = await ask("search_contacts", query=account.name, connection="zoho")
        assert typed_id(person) not in ids(listed(companies, "contacts"))
        found = listed(await ask("search_contacts", query=person.last_name), "contacts")
        assert typed_id(person) in ids(found)
        assert not any({"emails", "activity"} & each.keys() for each in found)
        assert {"***"} >= {phone for each in found for phone in cast("list[str]", each.get("phones", []))}
        assert (
            error_of(await ask.reply("search_contacts", not_contacted_for_days=30)) == "model_not_available"
        )


async def valued(connection: Connection) -> Deal:
    """A deal with an amount."""
    return next(each for each in await connection.deals.list() if each.amount)


def _with(id: str, activities: Sequence[ActivityBase]) -> Sequence[ActivityBase]:
    """What takes place with a contact, found among all activities."""
    return [
        each
        for each in activities
        if id in {ref.id for ref in (each.contact, each.regarding) if ref is not None}
    ]


def _at(activity: ActivityBase, now: datetime) -> datetime | None:
    """When it took place, told anew."""
    if isinstance(activity, Note):
        return activity.created_at
    if isinstance(activity, Task):
        if activity.status != "completed":
            return None
        due = activity.due_at
        by_due = datetime(due.year, due.month, due.day, tzinfo=UTC) if due else None
        return activity.completed_at or (by_due if by_due and by_due <= now else activity.updated_at)
    at = cast("datetime | None", getattr(activity, "starts_at", None))
    if at is None:
        due = getattr(activity, "due_at", None)
        done = activity.status == "completed"
        at = datetime(due.year, due.month, due.day, tzinfo=UTC) if due and done else activity.created_at
        at = at if done or due is None else None
    return at if at is not None and at <= now else None
