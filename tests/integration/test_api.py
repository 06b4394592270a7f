"""The unified API on a simulated Zoho and a simulated Salesforce: the same calls, the truth compared."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crmhub.connector import Checkpoint
from crmhub.errors import BadRequest, Conflict, InvalidRecord, NotFound, Unsupported, UsageError
from crmhub.models import (
    Account,
    AccountType,
    Contact,
    CustomObject,
    Deal,
    Email,
    Money,
    Note,
    Phone,
    Record,
    Ref,
    Task,
)
from crmhub.records import Records
from tests.integration.api_doubles import ACCOUNTS, NAMES, both

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("crm", ["zoho", "salesforce"])]


async def test_a_list_gives_every_record_one_by_one_by_page_or_at_once(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        names = given.account_names(crm)
        assert sorted([str(account.name) async for account in accounts.list()]) == names
        assert sorted([str(each.name) async for page in accounts.list().pages() for each in page]) == names
        assert sorted(str(account.name) for account in await accounts.list()) == names
        assert all(isinstance(account, Account) for account in await accounts.list())


async def test_a_limit_asks_for_no_more_than_it_gives(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        await accounts.list(limit=1)  # signs in and describes
        before = given.doubles[crm].stats.calls.total()
        assert len(await accounts.list(limit=7)) == 7
        assert given.doubles[crm].stats.calls.total() == before + 1
        assert await accounts.list(limit=0) == []
        assert given.doubles[crm].stats.calls.total() == before + 1


async def test_fields_that_are_not_asked_for_stay_unset(crm: str) -> None:
    async with both() as given:
        (account,) = await given.hub[crm].accounts.list(fields=["name", "phones"], limit=1)
        assert {"name", "phones"} <= account.model_fields_set
        assert not {"website", "owner", "description", "custom"} & account.model_fields_set
        assert account.id is not None
        assert account.version is not None


async def test_a_deals_status_comes_even_where_it_follows_from_the_stage(crm: str) -> None:
    async with both() as given:
        whole = {deal.id: deal.status for deal in await given.hub[crm].deals.list()}
        part = {deal.id: deal.status for deal in await given.hub[crm].deals.list(fields=["status"])}
        assert part == whole
        assert any(status is not None for status in part.values())


async def test_a_status_that_no_deal_can_have_is_refused(crm: str) -> None:
    async with both() as given:
        with pytest.raises(UsageError, match=r"status: no stage means 'Open'.*did you mean 'open'"):
            await given.hub[crm].deals.list(where={"status": "Open"})


async def test_modified_since_gives_exactly_what_changed_since(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        stamps = sorted(
            account.updated_at or datetime.max.replace(tzinfo=UTC) for account in await accounts.list()
        )
        middle = stamps[12]
        for since in (middle, middle + timedelta(microseconds=1), middle - timedelta(microseconds=1)):
            found = await accounts.list(modified_since=since, fields=["updated_at"])
            assert len(found) == sum(stamp >= since for stamp in stamps)
            assert await accounts.count(modified_since=since) == len(found)


async def test_modified_since_holds_for_objects_that_cannot_be_filtered_by_it_too(crm: str) -> None:
    async with both() as given:
        activities = given.hub[crm].activities
        stamps = sorted(
            each.updated_at or datetime.max.replace(tzinfo=UTC) for each in await activities.list()
        )
        middle = stamps[len(stamps) // 2]
        found = await activities.list(modified_since=middle)
        assert len(found) == sum(stamp >= middle for stamp in stamps)


async def test_records_are_chosen_by_canonical_values(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        some = (await accounts.list(limit=3))[::-1]
        (one,) = await accounts.list(where={"name": some[0].name})
        assert one.id == some[0].id
        found = await accounts.list(where={"name": [account.name for account in some]}, fields=["name"])
        assert {account.id for account in found} == {account.id for account in some}
        owner = some[0].owner
        assert owner is not None
        everyone = await accounts.list(fields=["owner"])
        owned = sum(account.owner == owner for account in everyone)
        assert await accounts.count(where={"owner": owner}) == owned > 0
        of_kind = [account for account in await accounts.list() if account.type == some[0].type]
        assert await accounts.count(where={"type": some[0].type}) == len(of_kind)
        with pytest.raises(Unsupported, match="cannot be chosen by annual_revenue"):
            await accounts.list(where={"annual_revenue": Money(Decimal(1))})


@pytest.mark.parametrize("value", ["High", "Normal", "Low", ["High", "Low"]])
async def test_records_of_other_kinds_in_the_same_object_are_not_chosen(
    crm: str, value: str | list[str]
) -> None:
    async with both() as given:
        activities = given.hub[crm].activities
        wanted = [each.id for each in await activities.list() if each.priority in [*value, value]]
        chosen = await activities.list(where={"priority": value})
        assert sorted(str(each.id) for each in chosen) == sorted(map(str, wanted))
        assert await activities.count(where={"priority": value}) == len(wanted)


async def test_records_are_chosen_by_their_kind(crm: str) -> None:
    async with both() as given:
        contacts = given.hub[crm].contacts
        for kind in ("person", "lead"):
            chosen = await contacts.list(where={"kind": kind})
            assert {contact.kind for contact in chosen} == {kind}
            assert await contacts.count(where={"kind": [kind]}) == len(chosen)
        assert await contacts.count(where={"kind": ["lead", "person"]}) == await contacts.count()
        assert await contacts.list(where={"kind": None}) == []


async def test_the_native_record_comes_as_the_crm_gave_it(crm: str) -> None:
    revenue = {"zoho": "Annual_Revenue", "salesforce": "AnnualRevenue"}[crm]
    async with both() as given:
        accounts = given.hub[crm].accounts
        made = await accounts.create(Account(name="Cents", annual_revenue=Money(Decimal("1234.56"))))
        raw = (await accounts.get(made.id, raw=True)).raw
        assert raw is not None
        assert (raw[NAMES[crm]], raw[revenue]) == ("Cents", Decimal("1234.56"))
        assert all(account.raw for account in await accounts.list(raw=True))


@pytest.mark.parametrize("ever", [True, False])
async def test_a_record_that_is_not_there_cannot_be_updated(crm: str, ever: bool) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        made = await accounts.create(Account(name="Short-lived"))
        await accounts.delete(made.id)
        never = {"zoho": "554023110000009999", "salesforce": "001000000000000AAA"}[crm]
        id_ = made.id if ever else never
        with pytest.raises(NotFound, match=id_):
            await accounts.update(id_, Account(name="Back again"))
        (outcome,) = await accounts.update_many([Account(id=id_, name="Back again")])
        assert outcome.problem is not None
        assert (outcome.status, outcome.problem.missing) == ("rejected", True)


async def test_a_reference_to_nothing_is_not_the_record_that_is_missing(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        parent = await accounts.create(Account(name="Parent"))
        child = await accounts.create(Account(name="Child"))
        await accounts.delete(parent.id)
        with pytest.raises(InvalidRecord, match=child.id):
            await accounts.update(child.id, Account(parent=Ref(model="account", id=parent.id)))


async def test_records_are_found_by_words_counted_and_got_by_ids(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        some = await accounts.list(limit=2)
        word = str(some[0].name).split()[0]
        found = await accounts.search(word, fields=["name"], limit=50)
        assert some[0].id in {account.id for account in found}
        assert all(word.casefold() in str(account.name).casefold() for account in found)
        assert await accounts.count() == len(given.account_names(crm))
        ids = [str(some[1].id), "999", str(some[0].id)]
        got = await accounts.get_many(ids, fields=["name"])
        assert [account and account.name for account in got] == [some[1].name, None, some[0].name]
        with pytest.raises(NotFound, match="no such account"):
            await accounts.get("999")
        await accounts.delete(ids[0])
        told = {"zoho": "no such account", "salesforce": "the account was deleted"}
        with pytest.raises(NotFound, match=told[crm]):
            await accounts.get(ids[0])


async def test_what_a_connector_refuses_by_itself_names_the_connection(crm: str) -> None:
    async with both() as given:
        with pytest.raises(BadRequest, match=f"connection {crm}"):
            await given.hub[crm].accounts.search("x")


@pytest.mark.parametrize("model", ["accounts", "contacts", "deals", "activities"])
async def test_records_that_were_read_are_written_back_whole_and_stay_as_they_are(
    crm: str, model: str
) -> None:
    async with both() as given:
        records: Records[Record] = getattr(given.hub[crm], model)
        before = given.contents(crm)
        outcomes = await records.update_many(await records.list(), if_unchanged=True)
        assert all(outcome.ok for outcome in outcomes)
        assert given.contents(crm) == before


async def test_a_choice_that_is_made_anew_is_written_as_the_mapping_says_it(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        account = next(
            each for each in await accounts.list() if each.type not in {None, AccountType.COMPETITOR}
        )
        account.type = AccountType.COMPETITOR
        await accounts.update(str(account.id), account)
        assert (await accounts.get(str(account.id))).type is AccountType.COMPETITOR
        account.type = None
        await accounts.update(str(account.id), account)
        assert (await accounts.get(str(account.id))).type is None


async def test_what_only_the_crm_sets_is_refused_in_a_record_of_ones_own(crm: str) -> None:
    async with both() as given:
        wrong = Account(name="A", created_at=datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(InvalidRecord, match="created_at: only the CRM sets it") as caught:
            await given.hub[crm].accounts.create(wrong)
        assert caught.value.where.field == "created_at"


async def test_a_batch_gives_one_outcome_for_each_item(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        outcomes = await accounts.create_many(
            [
                Account(name="First"),
                Account(website="x.example"),
                Account(name="A", legal_name="B"),
                Account(name="Last"),
            ]
        )
        assert [outcome.status for outcome in outcomes] == ["created", "rejected", "rejected", "created"]
        assert [outcome.problem and outcome.problem.field for outcome in outcomes[1:3]] == [NAMES[crm], None]
        assert outcomes[2].problem is not None
        assert "legal_name: has no place" in outcomes[2].problem.message
        first, last = str(outcomes[0].id), str(outcomes[3].id)
        changed = await accounts.update_many([Account(id=first, name="First!"), Account(name="Nobody")])
        assert [outcome.status for outcome in changed] == ["updated", "rejected"]
        assert {"First!", "Last"} <= set(given.account_names(crm))
        gone = await accounts.delete_many([first, last])
        assert [outcome.status for outcome in gone] == ["deleted", "deleted"]
        assert not {"First!", "Last"} & set(given.account_names(crm))


async def test_a_note_can_be_left_on_a_lead_as_on_a_contact(crm: str) -> None:
    async with both(4) as given:
        connection = given.hub[crm]
        contacts = {contact.kind: contact async for contact in connection.contacts.list()}
        for contact in contacts.values():
            note = Note(subject="Hi", body="text", regarding=Ref(model="contact", id=str(contact.id)))
            made = await connection.activities.create(note)
            again = await connection.of(Note).get(made.id)
            assert again.regarding is not None
            assert again.regarding.id == contact.id
        assert set(contacts) == {"person", "lead"}


async def test_activities_of_several_objects_are_written_in_one_batch(crm: str) -> None:
    async with both() as given:
        hub = given.hub
        account = (await hub[crm].accounts.list(limit=1))[0]
        regarding = Ref(model="account", id=str(account.id))
        task = Task(subject="Ring back", regarding=regarding)
        outcomes = await hub[crm].activities.create_many([task, Task(subject="Again"), task])
        assert [outcome.status for outcome in outcomes] == ["created"] * 3
        made = await hub[crm].of(Task).get(str(outcomes[0].id))
        assert (made.subject, made.regarding and made.regarding.id) == ("Ring back", account.id)
        made.subject = "Rang back"
        await hub[crm].activities.update(str(made.id), made)
        again = await hub[crm].of(Task).get(str(made.id))
        assert (again.subject, again.regarding) == ("Rang back", made.regarding)


async def test_a_change_on_a_stale_version_is_a_conflict(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        account = (await accounts.list(limit=1))[0]
        await accounts.update(str(account.id), Account(name="Changed"), if_version=account.version)
        with pytest.raises(Conflict, match="read it again"):
            await accounts.update(str(account.id), Account(name="Late"), if_version=account.version)
        late = account.model_copy(update={"name": "Late"})
        (outcome,) = await accounts.update_many([late], if_unchanged=True)
        assert outcome.status == "conflict"
        assert "Late" not in given.account_names(crm)


async def test_an_upsert_matches_in_the_crm_or_says_what_it_can_match_by(crm: str) -> None:
    async with both() as given:
        contacts = given.hub[crm].contacts
        ann = Contact(last_name="Ann", emails=[Email(value="ann@example.com")])
        if crm == "salesforce":
            with pytest.raises(Unsupported, match="cannot be upserted by emails"):
                await contacts.upsert(ann, match="emails")
            return
        first = await contacts.upsert(ann, match="emails")
        second = await contacts.upsert(
            Contact(last_name="Anne", emails=[Email(value="ann@example.com")]), match="emails"
        )
        assert (first.status, second.status) == ("created", "updated")
        assert first.id == second.id
        with pytest.raises(InvalidRecord, match="has no value to be matched by"):
            await contacts.upsert(Contact(last_name="Nobody"), match="emails")
        with pytest.raises(Unsupported, match=r"cannot be upserted by title.*match by emails"):
            await contacts.upsert(Contact(last_name="Nobody", title="Dr"), match="title")


async def test_changes_go_on_from_a_checkpoint_and_tell_what_is_gone(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts

        async def changes(since: Checkpoint | None) -> tuple[set[str], set[str], Checkpoint]:
            seen: set[str] = set()
            gone: set[str] = set()
            checkpoint: Checkpoint | None = None
            async for page in accounts.changes(since):
                seen |= {str(account.name) for account in page.records}
                gone |= {deletion.id for deletion in page.deleted}
                checkpoint = page.checkpoint or checkpoint
            assert checkpoint is not None
            return seen, gone, json.loads(json.dumps(checkpoint))

        seen, _, checkpoint = await changes(None)
        assert sorted(seen) == sorted(set(given.account_names(crm)))
        made = await accounts.create(Account(name="Brand new"))
        _, gone = (
            await accounts.create(Account(name="Short-lived")),
            await accounts.list(where={"name": "Short-lived"}),
        )
        await accounts.delete(str(gone[0].id))
        seen, deleted, checkpoint = await changes(checkpoint)
        assert "Brand new" in seen
        assert "Short-lived" not in seen
        assert str(gone[0].id) in deleted
        assert made.id not in deleted
        with pytest.raises(UsageError, match="no checkpoint of contact"):
            _ = [page async for page in given.hub[crm].contacts.changes(checkpoint)]


async def test_edges_lead_there_and_back(crm: str) -> None:
    async with both() as given:
        hub = given.hub[crm]
        account = (await hub.accounts.create(Account(name="Edge Ltd"))).id
        contact = (
            await hub.contacts.create(Contact(last_name="Ann", account=Ref(model="account", id=account)))
        ).id
        await hub.activities.create(Task(subject="Do", regarding=Ref(model="account", id=account)))
        edges = await hub.accounts.associations(account)
        assert {edge.source.model for edge in edges.items} == {"contact", "activity"}
        assert edges.complete is (crm == "salesforce")  # Zoho's notes cannot be asked whose they are
        (edge,) = (await hub.contacts.associations(contact, to=[Account])).items
        assert (edge.source.id, edge.target.id, edge.label) == (contact, account, "account")
        with pytest.raises(NotFound):
            await hub.accounts.associations("999")


async def test_the_crms_own_language_and_endpoints_are_there(crm: str) -> None:
    async with both() as given:
        hub = given.hub[crm]
        query = {
            "zoho": "select Account_Name from Accounts where id is not null",
            "salesforce": "SELECT Name FROM Account",
        }[crm]
        rows = await hub.query(query)
        assert sorted(str(row[NAMES[crm]]) for row in rows) == given.account_names(crm)
        asked = {
            "zoho": "select Account_Name from Accounts where Account_Name in :names",
            "salesforce": "SELECT Name FROM Account WHERE Name IN :names",
        }[crm]
        odd = "O'Neil) or (id is not null"
        await hub.accounts.create(Account(name=odd))
        found = await hub.query(asked, {"names": [odd, given.account_names(crm)[0], "nobody' OR Name != '"]})
        assert sorted(str(row[NAMES[crm]]) for row in found) == sorted([odd, given.account_names(crm)[0]])
        path = {"zoho": "/crm/v8/users", "salesforce": "/services/data/v62.0/limits"}[crm]
        answer = await hub.request("get", path)
        assert isinstance(answer, dict)
        assert {"users", "DailyApiRequests"} & set(answer)


async def test_any_object_is_read_and_written_by_its_native_names(crm: str) -> None:
    async with both() as given:
        records = given.hub[crm].object(ACCOUNTS[crm])
        name = NAMES[crm]
        made = await records.create(CustomObject(custom={name: "By native name"}))
        read = await records.get(made.id, fields=[name])
        assert read.custom == {name: "By native name"}
        assert await records.count(where={name: "By native name"}) == 1
        await records.update(made.id, CustomObject(custom={name: "Renamed"}))
        (found,) = await records.list(where={name: "Renamed"})
        assert found.id == made.id
        assert isinstance(next(iter(await records.list(limit=1))).custom, dict)
        with pytest.raises(UsageError, match="did you mean"):
            await records.list(fields=[f"{name}x"])
        with pytest.raises(InvalidRecord, match=r"custom\.Nope: has no place"):
            await records.create(CustomObject(custom={"Nope": 1}))
        with pytest.raises(NotFound, match="no object"):
            await given.hub[crm].object("Nopes").list()


async def test_references_of_an_object_are_ids(crm: str) -> None:
    async with both() as given:
        object_, field = {"zoho": ("Deals", "Account_Name"), "salesforce": ("Opportunity", "AccountId")}[crm]
        deals = given.hub[crm].object(object_)
        account = (await given.hub[crm].accounts.list(limit=1))[0]
        deal = (await deals.list(limit=1))[0]
        await deals.update(str(deal.id), CustomObject(custom={field: account.id}))
        assert (await deals.get(str(deal.id))).custom[field] == account.id


async def test_a_record_of_another_crm_is_not_mistaken_for_ones_own(crm: str) -> None:
    async with both() as given:
        other = {"zoho": "salesforce", "salesforce": "zoho"}[crm]
        found = next(each for each in await given.hub[other].contacts.list() if each.account)
        contact = Contact(last_name="A", account=found.account, connection=found.connection)
        with pytest.raises(InvalidRecord, match=f"points to a record of connection '{other}'"):
            await given.hub[crm].contacts.create(contact)


async def test_a_deal_with_money_comes_back_as_it_was_sent(crm: str) -> None:
    async with both() as given:
        hub = given.hub[crm]
        stage = next(deal.stage for deal in await hub.deals.list() if deal.stage)
        sent = Deal(
            name="Exact",
            amount=Money(Decimal("1234.56")),
            expected_close=datetime(2026, 12, 31, tzinfo=UTC).date(),
            stage=stage,
        )
        made = await hub.deals.create(sent)
        read = await hub.deals.get(made.id)
        assert (read.name, read.amount, read.expected_close) == (sent.name, sent.amount, sent.expected_close)


async def test_a_list_that_is_set_is_whole(crm: str) -> None:
    async with both() as given:
        accounts = given.hub[crm].accounts
        phones = [Phone(role="main", raw="1"), Phone(role="fax", raw="2")]
        made = await accounts.create(Account(name="P", phones=phones))
        await accounts.update(made.id, Account(phones=[Phone(role="main", raw="3")]))
        assert [phone.raw for phone in (await accounts.get(made.id)).phones or []] == ["3"]


async def test_a_connection_that_is_removed_while_it_is_read_says_so(crm: str) -> None:
    async with both() as given:
        listing = aiter(given.hub[crm].activities.list())
        await anext(listing)
        await given.hub.remove(crm)
        with pytest.raises(UsageError, match=r"closed while it was at work|is gone: it was removed"):
            await _exhaust(listing)


async def _exhaust(listing: AsyncIterator[object]) -> None:
    async for _ in listing:
        pass
