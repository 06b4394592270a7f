"""The pack ``zoho``: reading and writing accounts and deals, by the names that programs for Zoho know.

Where nothing else is named the policy's Zoho is meant. ``search_accounts`` and ``create_task`` are those of
the packs ``questions`` and ``writes``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from crmhub.agent.answers import AnswerBase, parse_id, status_of
from crmhub.agent.changes import Changes
from crmhub.agent.drafting import Wanted
from crmhub.agent.packs.asking import Id, Paged, gathered, with_names
from crmhub.agent.packs.questions import search_accounts
from crmhub.agent.packs.recent import SHOWN, about, took_place
from crmhub.agent.packs.shapes import AccountOut, ActivityOut, DealOut, RecordOut
from crmhub.agent.packs.writes import (
    ChangeWanted,
    Values,
    WriteAnswer,
    Writing,
    create_task,
    wanted_of,
    written,
)
from crmhub.agent.packs.writing import attached, target_of
from crmhub.agent.tool import CHANGE, CREATE, Arguments, Call, Pack, Told, tool
from crmhub.models import Account, ActivityBase, Deal, Note, Record, Ref, UserRef

__all__ = ["ZOHO"]

_CRM: Final = "zoho"
_EARLY: Final = datetime(1, 1, 1, tzinfo=UTC)


class GetAccount(Arguments):
    """Which."""

    account_id: Id = Field(description="The account's id.")
    connection: str | None = Field(None, max_length=64, description="The connection; Zoho by default.")


class GetDeal(Arguments):
    """Which."""

    deal_id: Id = Field(description="The deal's id.")
    connection: str | None = Field(None, max_length=64, description="The connection; Zoho by default.")


class OneOut(AnswerBase):
    """The record."""

    record: RecordOut


class Listing(Paged):
    """What lists take."""

    owner: str | None = Field(None, max_length=200, description="Only those of this user: e-mail address.")
    modified_since: datetime | None = Field(None, description="Changed since then (RFC 3339, with its zone).")
    limit: int = Field(10, ge=1, le=50, description="How many.")

    @model_validator(mode="after")
    def _has_zone(self) -> Self:
        if self.modified_since is not None and self.modified_since.tzinfo is None:
            raise ValueError("modified_since: a time needs its time zone")
        return self


class ListDeals(Listing):
    """Which."""

    status: Literal["open", "won", "lost"] | None = Field(None, description="Only those.")


class AccountList(AnswerBase):
    """The accounts."""

    listed = "accounts"

    accounts: list[AccountOut] = Field(default_factory=list[AccountOut])


class DealList(AnswerBase):
    """The deals."""

    listed = "deals"

    deals: list[DealOut] = Field(default_factory=list[DealOut])


class GetActivities(Arguments):
    """Of what."""

    record_id: Id = Field(description="account:…, contact:… or deal:… as other tools give it.")
    limit: int = Field(10, ge=1, le=50, description="How many.")


class Activities(AnswerBase):
    """The activities."""

    listed = "activities"

    activities: list[ActivityOut] = Field(default_factory=list[ActivityOut])


class UpdateAccount(Writing):
    """Which, and what."""

    account_id: Id = Field(description="The account's id.")
    values: Values


class CreateRecord(Writing):
    """What."""

    values: Values


class UpdateDeal(Writing):
    """Which, and what."""

    deal_id: Id = Field(description="The deal's id.")
    values: Values


class AddNote(Writing):
    """A note."""

    record_id: Id = Field(description="account:…, contact:… or deal:… as other tools give it.")
    note: str = Field(min_length=1, max_length=2_000, description="The text.")


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


@tool(GetAccount, OneOut, title="Get an account", models=["account"])
async def get_account(call: Call, given: GetAccount) -> Told:
    """Read one account of Zoho by its id, with all fields. To find an account by its name use
    search_accounts; for its people, deals and activities there is an overview of accounts."""
    return await _one(call, Account, given.account_id, given.connection)


@tool(GetDeal, OneOut, title="Get a deal", models=["deal"])
async def get_deal(call: Call, given: GetDeal) -> Told:
    """Read one deal of Zoho by its id, with all fields. To find a deal by words use search_deals."""
    return await _one(call, Deal, given.deal_id, given.connection)


@tool(Listing, AccountList, title="List accounts", models=["account"])
async def list_accounts(call: Call, given: Listing) -> Told:
    """List accounts of Zoho page by page: all, those of one owner, or those changed since a time. Not for
    finding one by its name: that is search_accounts."""

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Account]]:
        return call.reach.of(connection, Account).scan(
            where=_where(given), modified_since=given.modified_since, limit=most
        )

    taken = await gathered(call, call.reach.named(given.connection or _CRM), given.limit, pages)
    accounts = [AccountOut.of(each) for each in taken.records]
    return taken.told(call, AccountList(accounts=accounts), f"{len(accounts)} accounts")


@tool(ListDeals, DealList, title="List deals", models=["deal"])
async def list_deals(call: Call, given: ListDeals) -> Told:
    """List deals of Zoho page by page: all, those of one owner, open, won or lost ones, or those changed
    since a time. For totals and the largest deals there is a summary of the pipeline."""
    where = _where(given) | ({} if given.status is None else {"status": given.status})

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Deal]]:
        return call.reach.of(connection, Deal).scan(
            where=where, modified_since=given.modified_since, limit=most
        )

    taken = await gathered(call, call.reach.named(given.connection or _CRM), given.limit, pages)
    shown = await with_names(call, taken.records, "account", "primary_contact")
    deals = [DealOut.of(each) for each in shown]
    return taken.told(call, DealList(deals=deals), f"{len(deals)} deals")


@tool(GetActivities, Activities, title="Get activities", models=["activity"])
async def get_activities(call: Call, given: GetActivities) -> Told:
    """Read the calls, meetings, tasks, notes and e-mails of one account, contact or deal by its id, the
    latest first."""
    connection, ref = _ref(call, given.record_id)

    async def ask(name: str) -> Sequence[ActivityBase]:
        return await about(call, name, [ref], SHOWN)

    found, sources = await call.reach.ask([connection], ask)
    several = [
        (took_place(each, call.now) or each.created_at or each.updated_at or _EARLY, each)
        for activities in found.values()
        for each in activities
    ]
    latest = sorted(several, key=lambda pair: pair[0], reverse=True)
    given_out = [each for _, each in latest[: given.limit]]
    await call.reach.handed(given_out)
    shown = [ActivityOut.of(each, took_place(each, call.now) or each.created_at) for each in given_out]
    more = len(latest) > len(shown)
    data = Activities(
        status=status_of(sources), sources=sources, activities=shown, truncated=more, total=len(latest)
    )
    return Told(data, f"{len(shown)} of {len(latest)} activities")


def _where(given: Listing) -> dict[str, object]:
    return {} if given.owner is None else {"owner": UserRef(email=given.owner)}


def _target(call: Call, given: str, model: str, connection: str | None) -> tuple[str, str]:
    """Connection and own id: of Zoho where neither the id nor the call names another CRM."""
    return target_of(call, given, model, connection or (None if ":" in given else _CRM))


def _ref(call: Call, given: str) -> tuple[str, Ref]:
    """Connection and record of a typed id."""
    model, _, own = parse_id(given, "account", "contact", "deal")
    connection, own = target_of(call, given, model, None)
    return connection, Ref(model=model, id=own)


async def _one(call: Call, model: type[Record], given: str, connection: str | None) -> Told:
    name, own = _target(call, given, model.model, connection)
    found = await call.reach.of(name, model).get(own)
    (found,) = await with_names(call, [found], "account", "primary_contact", "contact")
    data = OneOut(sources=[call.reach.source(name)], record=RecordOut.of(found))
    return Told(data, f"1 {model.model} of {name}")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


@tool(CreateRecord, WriteAnswer, CREATE, title="Create an account", models=["account"])
async def create_account(call: Call, given: CreateRecord) -> Told:
    """Create an account (company) in Zoho. Look first with search_accounts whether it is there. Answers its
    id, or that a person must agree first."""
    return await _write(call, "create_account", given, "account", None)


@tool(UpdateAccount, WriteAnswer, CHANGE, title="Change an account", models=["account"])
async def update_account(call: Call, given: UpdateAccount) -> Told:
    """Change values of an account in Zoho. Answers what came of it, or that a person must agree first."""
    return await _write(call, "update_account", given, "account", given.account_id)


@tool(CreateRecord, WriteAnswer, CREATE, title="Create a deal", models=["deal"])
async def create_deal(call: Call, given: CreateRecord) -> Told:
    """Create a deal in Zoho, with its account, stage, amount and expected close. Answers its id, or that a
    person must agree first."""
    return await _write(call, "create_deal", given, "deal", None)


@tool(UpdateDeal, WriteAnswer, CHANGE, title="Change a deal", models=["deal"])
async def update_deal(call: Call, given: UpdateDeal) -> Told:
    """Change values of a deal in Zoho. To move it to another stage alone use update_deal_stage. Answers what
    came of it, or that a person must agree first."""
    return await _write(call, "update_deal", given, "deal", given.deal_id)


@tool(AddNote, WriteAnswer, CREATE, title="Add a note", models=["activity", "account", "contact", "deal"])
async def add_note(call: Call, given: AddNote) -> Told:
    """Add a note to an account, a contact or a deal by its id. Answers the note's id, or that a person must
    agree first."""
    connection, ref = _ref(call, given.record_id)

    async def want() -> Sequence[Wanted]:
        note = await attached(call.part(Changes).draft, connection, Note(body=given.note), ref)
        return [Wanted(connection, note)]

    return await written(call, "add_note", given, want)


async def _write(
    call: Call,
    name: str,
    given: CreateRecord | UpdateAccount | UpdateDeal,
    kind: Literal["account", "deal"],
    id: str | None,
) -> Told:
    """Write the values, to the record of that id or to a new one."""
    named = given.connection or (_CRM if id is None or ":" not in id else None)
    change = ChangeWanted(record=kind, id=id, values=given.values)

    async def want() -> Sequence[Wanted]:
        return [await wanted_of(call, call.part(Changes).draft, named, change)]

    return await written(call, name, given, want)


ZOHO: Final = Pack(
    "zoho",
    "Accounts, deals and activities, by the names that programs for Zoho know.",
    (
        get_account,
        list_accounts,
        search_accounts,
        update_account,
        create_account,
        get_deal,
        list_deals,
        update_deal,
        create_deal,
        get_activities,
        create_task,
        add_note,
    ),
)
