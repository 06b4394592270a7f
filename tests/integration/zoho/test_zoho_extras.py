"""What only Zoho has, through ``crmhub_zoho.Zoho``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import aclosing

import pytest

from crmhub.blocking import Hub as BlockingHub
from crmhub.connection import Connection
from crmhub.connector import Native, Outcome, WriteItem, WriteRequest
from crmhub.errors import (
    BadRequest,
    ConnectorError,
    InvalidRecord,
    NotFound,
    UnknownOutcome,
    Unsupported,
    UsageError,
)
from crmhub.models import Account, CustomObject, Email
from crmhub_zoho import Zoho
from crmhub_zoho.extras.results import Call, Tag
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.simulator.guards import set_up
from tests.integration.api_doubles import Both, both
from tests.integration.zoho.conftest import World

pytestmark = pytest.mark.anyio
DEAL: Native = {"Deal_Name": "Acme", "Stage": "Qualification", "Closing_Date": "2026-12-01"}


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=5) as world:
        yield world


@pytest.fixture
def connection(world: Both) -> Connection:
    return world.connection("zoho")


@pytest.fixture
def zoho(connection: Connection) -> Zoho:
    return Zoho(connection)


async def made(connection: Connection, module: str, **fields: object) -> str:
    """The id of a new record."""
    record = CustomObject.model_validate({"custom": fields})
    return str((await connection.object(module).create(record)).id)


async def lead(connection: Connection, **fields: object) -> str:
    return await made(connection, "Leads", **{"Last_Name": "Boyle", "Company": "Zylker", **fields})


async def refused(work: Awaitable[object]) -> ConnectorError:
    """The error of a call that is refused."""
    with pytest.raises(ConnectorError) as caught:
        await work
    return caught.value


def statuses(outcomes: Sequence[Outcome]) -> list[tuple[str, str | None]]:
    return [(one.status, one.problem.code if one.problem else None) for one in outcomes]


# ── leads ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lead_becomes_an_account_a_contact_and_a_deal(zoho: Zoho, connection: Connection) -> None:
    person = await lead(connection, Email="boyle@example.com")
    made = await zoho.convert_lead(person, deal=DEAL)
    assert made.account is not None
    assert made.deal is not None
    assert (await connection.accounts.get(made.account)).name == "Zylker"
    assert (await connection.contacts.get(made.contact)).emails == [Email(value="boyle@example.com")]
    deal = await connection.deals.get(made.deal)
    assert (deal.name, deal.account and deal.account.id) == ("Acme", made.account)


async def test_a_lead_joins_an_account_and_a_contact_that_there_are(
    zoho: Zoho, connection: Connection
) -> None:
    account = str((await connection.accounts.create(Account(name="There"))).id)
    contact = await made(connection, "Contacts", Last_Name="There")
    joined = await zoho.convert_lead(await lead(connection), account=account, contact=contact)
    assert (joined.account, joined.contact, joined.deal) == (account, contact, None)


async def test_a_lead_is_converted_once(zoho: Zoho, connection: Connection) -> None:
    person = await lead(connection)
    await zoho.convert_lead(person)
    error = await refused(zoho.convert_lead(person))
    assert (error.code, error.where.record, error.applied) == ("ID_ALREADY_CONVERTED", person, False)
    assert "once" in str(error.hint)


async def test_a_deal_without_what_it_needs_converts_nothing(zoho: Zoho, connection: Connection) -> None:
    person = await lead(connection)
    error = await refused(zoho.convert_lead(person, deal={"Deal_Name": "Acme", "Stage": "Qualification"}))
    assert isinstance(error, InvalidRecord)
    assert (error.code, error.where.field) == ("MANDATORY_NOT_FOUND", "Closing_Date")
    assert (await connection.object("Leads").get(person)).id == person


@pytest.mark.parametrize("wrong", ["../Accounts", "1/2", "x", "", "99999999999999999999"])
async def test_what_is_no_id_is_not_sent(zoho: Zoho, wrong: str) -> None:
    with pytest.raises((NotFound, UsageError)):
        await zoho.convert_lead(wrong)
    with pytest.raises((NotFound, UsageError)):
        await zoho.blueprint("Deals", wrong)
    with pytest.raises((NotFound, UsageError)):
        await zoho.related("Accounts", wrong, "Contacts", fields=["Email"])


# ── blueprints ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def guarded(world: Both) -> Zoho:
    """With a blueprint on deals."""
    set_up(zoho_double(world).org, {"blueprint": "Deals"}.get)
    return Zoho(world.connection("zoho"))


def zoho_double(world: Both) -> ZohoDouble:
    double = world.doubles["zoho"]
    assert isinstance(double, ZohoDouble)
    return double


async def test_a_deal_is_moved_by_its_blueprint(guarded: Zoho, connection: Connection) -> None:
    deal = await made(connection, "Deals", Deal_Name="Acme", Stage="Qualification")
    process = await guarded.blueprint("Deals", deal)
    assert process is not None
    assert (process.field, process.value) == ("Stage", "Qualification")
    step = process.transitions[0]
    assert (step.name, step.to, step.allowed, step.next) == (
        "Analyse",
        "Needs Analysis",
        True,
        ("Propose", "Lose"),
    )
    assert [(one.name, one.mandatory, one.data_type) for one in step.fields] == [
        ("Description", True, "textarea")
    ]
    await guarded.transition("Deals", deal, step, data={"Description": "two of them"})
    process = await guarded.blueprint("Deals", deal)
    assert process is not None
    assert process.value == "Needs Analysis"
    lose = next(one for one in process.transitions if one.name == "Lose")
    await guarded.transition("Deals", deal, lose.id)
    assert await guarded.blueprint("Deals", deal) is None
    error = await refused(guarded.transition("Deals", deal, lose))
    assert (type(error), error.code) == (BadRequest, "RECORD_NOT_IN_PROCESS")


async def test_a_transition_without_what_it_asks_for_is_not_made(
    guarded: Zoho, connection: Connection
) -> None:
    deal = await made(connection, "Deals", Deal_Name="Acme", Stage="Qualification")
    process = await guarded.blueprint("Deals", deal)
    assert process is not None
    error = await refused(guarded.transition("Deals", deal, process.transitions[0]))
    assert (error.code, error.where.record, error.where.field) == ("MANDATORY_NOT_FOUND", deal, "Description")
    await guarded.transition("Deals", deal, process.transitions[0], data={"Description": "x"})
    process = await guarded.blueprint("Deals", deal)
    assert process is not None
    error = await refused(guarded.transition("Deals", deal, process.transitions[0], data={"Amount": 5}))
    assert "more fields" in error.what
    error = await refused(guarded.transition("Deals", deal, "Propose"))
    assert (type(error), error.status) == (BadRequest, None)


async def test_a_stage_in_a_blueprint_is_not_set_directly(guarded: Zoho, connection: Connection) -> None:
    deal = await made(connection, "Deals", Deal_Name="Acme", Stage="Qualification")
    change = CustomObject.model_validate({"custom": {"Stage": "Closed Won"}})
    error = await refused(connection.object("Deals").update(deal, change))
    assert (type(error), error.code, error.where.field) == (InvalidRecord, "RECORD_IN_BLUEPRINT", "Stage")


# ── related records ──────────────────────────────────────────────────────────────────────────────


async def test_records_are_linked_listed_and_unlinked(zoho: Zoho, connection: Connection) -> None:
    account = str((await connection.accounts.create(Account(name="Acme"))).id)
    people = [await made(connection, "Contacts", Last_Name=name) for name in ("Ada", "Bob")]
    assert statuses(await zoho.link("Accounts", account, "Contacts", people)) == [("updated", None)] * 2
    found = await zoho.related("Accounts", account, "Contacts", fields=["Last_Name"])
    assert [row["Last_Name"] for row in found] == ["Bob", "Ada"]
    assert statuses(await zoho.unlink("Accounts", account, "Contacts", [people[0], people[0], "7"])) == [
        ("updated", None),
        ("updated", None),
        ("rejected", "INVALID_DATA"),
    ]
    found = await zoho.related("Accounts", account, "Contacts", fields=["Last_Name"])
    assert [row["id"] for row in found] == [people[1]]


async def test_a_long_related_list_comes_in_pages(zoho: Zoho, connection: Connection) -> None:
    account = str((await connection.accounts.create(Account(name="Acme"))).id)
    rows = [
        CustomObject.model_validate({"custom": {"Last_Name": f"Nr {n}", "Account_Name": account}})
        for n in range(201)
    ]
    await connection.object("Contacts").create_many(rows)
    async with aclosing(zoho.related("Accounts", account, "Contacts", fields=["id"]).pages()) as pages:
        sizes = [len(page) async for page in pages]
    assert sizes == [200, 1]


async def test_related_lists_are_named_and_checked(zoho: Zoho, connection: Connection) -> None:
    account = str((await connection.accounts.create(Account(name="Acme"))).id)
    named = {one.name: one.object for one in await zoho.related_lists("Accounts")}
    assert (named["Contacts"], named["Member_Accounts"]) == ("Contacts", "Accounts")
    error = await refused(zoho.related("Accounts", account, "Contact", fields=["Email"]))
    assert (type(error), error.hint) == (NotFound, "did you mean 'Contacts'?")
    error = await refused(zoho.related("Accounts", account, "Contacts", fields=["E_mail"]))
    assert (type(error), error.hint) == (BadRequest, "did you mean Email?")
    error = await refused(zoho.related("Accounts", account, "Contacts", fields=[f"F{n}" for n in range(51)]))
    assert (type(error), error.status) == (BadRequest, None)
    assert await refused(zoho.related("Accounts", "554023000000000001", "Contacts", fields=["Email"]))


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


async def tags_of(connection: Connection, module: str, record: str) -> list[object]:
    row = (await connection.object(module).get(record, fields=["Tag"])).custom["Tag"]
    assert isinstance(row, list)
    return [tag["name"] for tag in row if isinstance(tag, dict)]


async def test_tags_are_put_on_and_taken_off(zoho: Zoho, connection: Connection) -> None:
    account = str((await connection.accounts.create(Account(name="Acme"))).id)
    assert statuses(await zoho.add_tags("Accounts", [account, "12", "x"], ["hot", "spring"])) == [
        ("updated", None),
        ("rejected", "INVALID_DATA"),
        ("rejected", "invalid_id"),
    ]
    assert await tags_of(connection, "Accounts", account) == ["hot", "spring"]
    await zoho.remove_tags("Accounts", [account], ["hot"])
    assert await tags_of(connection, "Accounts", account) == ["spring"]
    await zoho.add_tags("Accounts", [account], ["new"], overwrite=True)
    assert await tags_of(connection, "Accounts", account) == ["new"]
    names = await zoho.tags("Accounts")
    assert all(isinstance(one, Tag) for one in names)
    assert {"hot", "spring", "new"} <= {one.name for one in names}


async def test_more_than_500_records_are_tagged_in_parts(zoho: Zoho, connection: Connection) -> None:
    rows = [CustomObject.model_validate({"custom": {"Last_Name": f"{n}"}}) for n in range(501)]
    ids = [str(one.id) for one in await connection.object("Contacts").create_many(rows)]
    assert statuses(await zoho.add_tags("Contacts", ids, ["hot"])) == [("updated", None)] * 501
    assert await tags_of(connection, "Contacts", ids[500]) == ["hot"]


# ── the recycle bin ──────────────────────────────────────────────────────────────────────────────


async def test_deleted_records_come_back_or_go_for_good(zoho: Zoho, connection: Connection) -> None:
    ids = [str((await connection.accounts.create(Account(name=name))).id) for name in ("Back", "Gone")]
    await connection.accounts.delete_many(ids)
    await connection.object("Contacts").delete(await made(connection, "Contacts", Last_Name="Other"))
    binned = await zoho.recycle_bin("Accounts")
    assert {one.name for one in binned} == {"Back", "Gone"}
    assert all(one.at is not None and one.at.tzinfo is not None for one in binned)
    assert len(await zoho.recycle_bin()) == 3
    assert statuses(await zoho.restore([ids[0], "4"])) == [("updated", None), ("rejected", "INVALID_DATA")]
    assert (await connection.accounts.get(ids[0])).name == "Back"
    assert statuses(await zoho.delete_for_good([ids[1]])) == [("deleted", None)]
    assert await zoho.recycle_bin("Accounts") == []
    assert len(await zoho.recycle_bin()) == 1
    await zoho.empty_recycle_bin()
    assert await zoho.recycle_bin() == []


# ── several at once ──────────────────────────────────────────────────────────────────────────────


async def test_calls_in_one_refer_to_each_other(zoho: Zoho, connection: Connection) -> None:
    results = await zoho.composite(
        [
            Call("POST", "/crm/v8/Accounts", json={"data": [{"Account_Name": "Acme"}]}, name="made"),
            Call("GET", "/crm/v8/Accounts/@{made:$.data[0].details.id}"),
            Call("POST", "/crm/v8/Accounts", json={"data": [{}]}),
        ]
    )
    assert [one.status for one in results] == [201, 200, 400]
    assert [one.ok for one in results] == [True, True, False]
    assert results[2].problem is not None
    assert (results[2].problem.code, results[2].problem.field) == ("MANDATORY_NOT_FOUND", "Account_Name")
    assert isinstance(results[1].body, dict)
    assert "Acme" in {one.name async for one in connection.accounts.list()}


async def test_calls_are_rolled_back_together(zoho: Zoho, connection: Connection) -> None:
    results = await zoho.composite(
        [
            Call("POST", "/crm/v8/Accounts", json={"data": [{"Account_Name": "Acme"}]}),
            Call("POST", "/crm/v8/Accounts", json={"data": [{}]}),
        ],
        rollback=True,
    )
    assert [one.problem.code if one.problem else "" for one in results] == [
        "ROLLBACK_PERFORMED",
        "MANDATORY_NOT_FOUND",
    ]
    assert "Acme" not in {one.name async for one in connection.accounts.list()}


@pytest.mark.parametrize("path", ["/crm/v8/../oauth", "https://example.com/crm/v8/x", "/oauth/v2/token"])
async def test_a_call_in_one_stays_under_crm(zoho: Zoho, path: str) -> None:
    error = await refused(zoho.composite([Call("GET", path)]))
    assert (type(error), error.status) == (BadRequest, None)


async def test_a_composite_request_has_five_calls_at_most(zoho: Zoho) -> None:
    error = await refused(zoho.composite([Call("GET", "/crm/v8/org")] * 6))
    assert (type(error), error.status) == (BadRequest, None)


async def test_many_records_are_changed_and_deleted_at_once(zoho: Zoho, connection: Connection) -> None:
    ids = [await made(connection, "Contacts", Last_Name=f"Nr {n}") for n in range(3)]
    assert statuses(await zoho.mass_update("Contacts", [*ids, "5"], {"Lead_Source": "Trade Show"})) == [
        *[("updated", None)] * 3,
        ("rejected", "INVALID_DATA"),
    ]
    assert (await connection.object("Contacts").get(ids[2])).custom["Lead_Source"] == "Trade Show"
    error = await refused(zoho.mass_update("Contacts", ids, {"Lead_Source": None, "Phone": "1"}))
    assert (type(error), error.status) == (BadRequest, None)
    error = await refused(zoho.mass_update("Contacts", ids, {"Leed_Source": "x"}))
    assert error.hint == "did you mean Lead_Source?"
    assert statuses(await zoho.mass_delete("Contacts", [*ids, ids[0]])) == [("deleted", None)] * 4
    assert len(await zoho.recycle_bin("Contacts")) == 3


async def test_a_job_changes_all_records_of_a_view(zoho: Zoho, connection: Connection, world: Both) -> None:
    views = await connection.request("GET", "/crm/v8/settings/custom_views", params={"module": "Contacts"})
    assert isinstance(views, dict)
    assert isinstance(views["custom_views"], list)
    view = views["custom_views"][0]
    assert isinstance(view, dict)
    job = await zoho.mass_update_view("Contacts", str(view["id"]), {"Lead_Source": "Trade Show"})
    status = await zoho.mass_status(job)
    assert (status.over, status.total) == (False, 5)
    deletion = await zoho.mass_delete_view("Contacts", str(view["id"]))
    assert (await zoho.mass_status(deletion)).state == "RUNNING"
    world.doubles["zoho"].clock.advance(3600)
    assert (await zoho.mass_status(job)).state == "COMPLETED"
    assert (await zoho.mass_status(deletion)).done == 5
    with pytest.raises(UsageError, match="give what mass_update_view"):
        await zoho.mass_status(job.id)  # pyright: ignore[reportArgumentType]


# ── the way there ────────────────────────────────────────────────────────────────────────────────


async def test_a_connection_to_another_crm_cannot_do_it(world: Both) -> None:
    error = await refused(Zoho(world.connection("salesforce")).tags("Account"))
    assert (type(error), error.where.connection) == (Unsupported, "salesforce")


async def test_a_blocking_connection_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="asynchronous"):
        Zoho(BlockingHub())  # pyright: ignore[reportArgumentType] - that is the test


# ── replies that are lost ────────────────────────────────────────────────────────────────────────


async def test_a_conversion_whose_reply_is_lost_is_looked_up(make_org: World) -> None:
    org = make_org(faults=("lost@/actions/convert",))
    connector = org.connect()
    request = WriteRequest("Leads", "create", [WriteItem({"Last_Name": "Boyle", "Company": "Zylker"})])
    (person,) = await connector.write(request)
    with pytest.raises(UnknownOutcome) as caught:
        await connector.extras.leads.convert(
            str(person.id), deal=None, account=None, contact=None, owner=None,
            overwrite=False, notify_lead_owner=False, notify_new_owner=False,
        )  # fmt: skip
    assert caught.value.where.record == person.id
    assert "'converted': 'true'" in str(caught.value.hint)
    assert len(org.calls("/actions/convert")) == 1
    look = {"ids": str(person.id), "converted": "true", "fields": "Last_Name"}
    reply = await connector.request("GET", "/crm/v8/Leads", params=look)
    assert isinstance(reply, dict)
    assert reply["data"] == [{"Last_Name": "Boyle", "id": person.id}]


async def test_a_transition_whose_reply_is_lost_is_not_made_twice(make_org: World) -> None:
    org = make_org(settings={"blueprint": "Deals"}, faults=("lost@PUT /actions/blueprint",))
    connector = org.connect()
    (deal,) = await org.add("Deals", 1, Stage="Qualification")
    steps = await connector.extras.blueprints.of("Deals", deal)
    assert steps is not None
    with pytest.raises(UnknownOutcome) as caught:
        await connector.extras.blueprints.move("Deals", deal, steps.transitions[0].id, {"Description": "x"})
    assert "blueprint" in str(caught.value.hint)
    steps = await connector.extras.blueprints.of("Deals", deal)
    assert steps is not None
    assert steps.value == "Needs Analysis"


async def test_a_batch_whose_reply_is_lost_is_unknown_and_the_rest_goes_on(make_org: World) -> None:
    org = make_org(faults=("lost@DELETE /settings/recycle_bin:1x",))
    ids = await org.add("Accounts", 201)
    await org.remove("Accounts", ids)
    outcomes = await org.connect().extras.bin.purge(ids)
    assert [one.status for one in outcomes] == ["unknown"] * 200 + ["deleted"]
