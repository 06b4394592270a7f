"""Finding and reading: contacts, accounts and deals by words, any record by its id, records by conditions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Final, Literal, Self, TypeVar, cast

from pydantic import Field, JsonValue, ValidationError, model_validator

from crmhub.agent.answers import AnswerBase, Refused, parse_id
from crmhub.agent.packs.asking import Id, Paged, gathered, own_id, with_names
from crmhub.agent.packs.recent import ActivitySummary, may_summarise, summaries, without_contact
from crmhub.agent.packs.shapes import AccountOut, ContactOut, DealOut, RecordOut
from crmhub.agent.policy.decide import head_of
from crmhub.agent.tool import Arguments, Call, Told, tool
from crmhub.models import Account, Contact, Deal, Record, Ref, UserRef

__all__ = ["CONTACT", "DEAL", "FINDING", "Deals", "search_accounts"]

_Model = TypeVar("_Model", bound=Record)
Name = Annotated[str, Field(max_length=80)]
Fields = Annotated[list[Name], Field(max_length=30)]
_FIELDS: Final = "Names of fields wanted; all by default."
CONTACT: Final = (
    "kind", "first_name", "last_name", "full_name", "title", "emails", "phones",
    "account", "company", "owner",
)  # fmt: skip
_ACCOUNT: Final = ("name", "type", "industry", "website", "phones", "addresses", "annual_revenue", "owner")
DEAL: Final = (
    "name", "stage", "status", "amount", "probability", "expected_close",
    "account", "primary_contact", "owner",
)  # fmt: skip
_NAMESAKES: Final = 3
"""Companies whose people are taken for meant by a word."""


class Searching(Paged):
    """What every search takes."""

    query: str = Field(min_length=1, max_length=200, description="Words to look for; all have to be there.")
    limit: int = Field(5, ge=1, le=10, description="How many.")


# ── contacts ─────────────────────────────────────────────────────────────────────────────────────


class SearchContacts(Paged):
    """Who."""

    query: str | None = Field(
        None, min_length=1, max_length=200, description="Name, e-mail, company or phone; all words."
    )
    not_contacted_for_days: int | None = Field(
        None, ge=1, le=3_650, description="Only those with whom nothing took place for so long."
    )
    kind: Literal["person", "lead"] | None = Field(None, description="Only these.")
    limit: int = Field(5, ge=1, le=10, description="How many.")

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.query is None and self.not_contacted_for_days is None:
            raise ValueError("give query, not_contacted_for_days, or both")
        return self


class FoundContact(ContactOut):
    """A person or a lead."""

    activity: ActivitySummary | None = None


class Contacts(AnswerBase):
    """The contacts."""

    listed = "contacts"

    contacts: list[FoundContact] = Field(default_factory=list[FoundContact])


@tool(SearchContacts, Contacts, title="Search contacts", models=["contact", "account", "activity"])
async def search_contacts(call: Call, given: SearchContacts) -> Told:
    """Find people and leads by name, e-mail address, company or phone number, or those who were not contacted
    for some days (no call, meeting, e-mail, note or finished task). Gives contact details and a summary of
    recent activity. Use it to find out who somebody is and to get a contact's id."""

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Contact]]:
        people = _people(call, connection, given, most)
        days = given.not_contacted_for_days
        return people if days is None else without_contact(call, connection, people, days)

    taken = await gathered(call, call.reach.named(given.connection), given.limit, pages)
    shown = await with_names(call, taken.records, "account")
    told: dict[str, ActivitySummary] = {}

    async def summed(connection: str) -> None:
        own = [each for each in shown if each.connection == connection]
        if may_summarise(call, connection):
            found = await summaries(call, connection, own)
            told.update({f"contact:{connection}:{id_}": each for id_, each in found.items()})

    await call.reach.ask(dict.fromkeys(str(each.connection) for each in shown), summed)
    contacts = [FoundContact.of(each) for each in shown]
    for each in contacts:
        each.activity = told.get(each.id)
    return taken.told(call, Contacts(contacts=contacts), f"{len(contacts)} contacts")


async def _people(
    call: Call, connection: str, given: SearchContacts, most: int
) -> AsyncGenerator[Sequence[Contact]]:
    """Contacts that the words find, then those of companies that they find."""
    contacts = call.reach.of(connection, Contact)
    where = {} if given.kind is None else {"kind": given.kind}
    if given.query is None:
        fields = contacts.among(CONTACT)
        async with aclosing(contacts.scan(fields=fields, where=where)) as pages:
            async for page in pages:
                yield page
        return
    contacts.demand(*where)
    seen: set[str] = set()
    fields = contacts.among(CONTACT)
    every = given.not_contacted_for_days is not None
    async with aclosing(
        contacts.scan(fields=fields, search=given.query, limit=None if every else most)
    ) as pages:
        async for page in pages:
            kept = [each for each in page if given.kind in {None, each.kind}]
            seen |= {str(each.id) for each in kept}
            yield kept
    companies = await _companies(call, connection, given.query)
    if companies and contacts.shows("account"):
        own: Mapping[str, object] = {**where, "account": companies}
        async with aclosing(contacts.scan(fields=fields, where=own)) as pages:
            async for page in pages:
                yield [each for each in page if str(each.id) not in seen]


async def _companies(call: Call, connection: str, query: str) -> Sequence[Ref]:
    if "account" not in call.reach.models_of(connection):
        return []
    accounts = call.reach.of(connection, Account)
    if not accounts.shows("name"):
        return []
    found: list[Ref] = []
    async with aclosing(accounts.scan(fields=["name"], search=query, limit=_NAMESAKES)) as pages:
        async for page in pages:
            found += [Ref(model="account", id=str(each.id)) for each in page]
    return found[:_NAMESAKES]


# ── accounts and deals ───────────────────────────────────────────────────────────────────────────


class Accounts(AnswerBase):
    """The companies."""

    listed = "accounts"

    accounts: list[AccountOut] = Field(default_factory=list[AccountOut])


@tool(Searching, Accounts, title="Search accounts", models=["account"])
async def search_accounts(call: Call, given: Searching) -> Told:
    """Find companies and other organisations by name, website or other words. Gives their industry, type,
    address and revenue. Use it to get a company's account id."""

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Account]]:
        accounts = call.reach.of(connection, Account)
        return accounts.scan(fields=accounts.among(_ACCOUNT), search=given.query, limit=most)

    taken = await gathered(call, call.reach.named(given.connection), given.limit, pages)
    accounts = [AccountOut.of(each) for each in taken.records]
    return taken.told(call, Accounts(accounts=accounts), f"{len(accounts)} accounts")


class Deals(AnswerBase):
    """The deals."""

    listed = "deals"

    deals: list[DealOut] = Field(default_factory=list[DealOut])


@tool(Searching, Deals, title="Search deals", models=["deal", "account", "contact"])
async def search_deals(call: Call, given: Searching) -> Told:
    """Find deals (opportunities) by words of their name or next step, whatever their status. Gives stage,
    value, probability, expected close, account and contact. For totals and for the largest deals there is a
    summary of the pipeline."""

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Deal]]:
        deals = call.reach.of(connection, Deal)
        return deals.scan(fields=deals.among(DEAL), search=given.query, limit=most)

    taken = await gathered(call, call.reach.named(given.connection), given.limit, pages)
    shown = await with_names(call, taken.records, "account", "primary_contact")
    deals = [DealOut.of(each) for each in shown]
    return taken.told(call, Deals(deals=deals), f"{len(deals)} deals")


# ── any record ───────────────────────────────────────────────────────────────────────────────────


class GetRecord(Arguments):
    """Which."""

    id: Id = Field(description="As other tools give it, such as contact:zoho:123.")
    fields: Fields | None = Field(None, description=_FIELDS)


class OneRecord(AnswerBase):
    """The record."""

    record: RecordOut | None = None


@tool(GetRecord, OneRecord, title="Get a record")
async def get_record(call: Call, given: GetRecord) -> Told:
    """Read one record of any kind with all its fields, custom ones too, by the id that another tool gave:
    a contact, account, deal, activity, invoice, project or other. Use it for details that a search does not
    show."""
    model, _, _ = parse_id(given.id)
    connection, own = own_id(call, given.id)
    found = await call.reach.of(connection, call.reach.model(model)).get(own, fields=given.fields)
    (found,) = await with_names(call, [found], "account", "primary_contact", "contact")
    sources = [call.reach.source(connection)]
    return Told(OneRecord(sources=sources, record=RecordOut.of(found)), f"1 {model} of {connection}")


class ListRecords(Paged):
    """Which."""

    model: str = Field(max_length=64, description="Kind of record: contact, account, deal, activity, user, …")
    where: dict[Name, Annotated[str, Field(max_length=200)] | bool | None] = Field(
        {},
        max_length=8,
        description="Values that fields must have; references by id, owner by e-mail address.",
    )
    modified_since: datetime | None = Field(None, description="Changed since then (RFC 3339, with its zone).")
    fields: Fields | None = Field(None, description=_FIELDS)
    limit: int = Field(10, ge=1, le=50, description="How many.")

    @model_validator(mode="after")
    def _has_zone(self) -> Self:
        if self.modified_since is not None and self.modified_since.tzinfo is None:
            raise ValueError("modified_since: a time needs its time zone")
        return self


class Records(AnswerBase):
    """The records."""

    listed = "records"

    records: list[RecordOut] = Field(default_factory=list[RecordOut])


@tool(ListRecords, Records, title="List records")
async def list_records(call: Call, given: ListRecords) -> Told:
    """List records of one kind, page by page: all of them, those whose fields have certain values, or those
    changed since a time. In the CRM's own order. Not for finding by words: that is what searches are for."""
    model = _known(call, given.model)
    conditions = {name: _wanted(model, name, value) for name, value in given.where.items()}

    def pages(connection: str, most: int) -> AsyncGenerator[Sequence[Record]]:
        where = {name: _here(value, connection) for name, value in conditions.items()}
        return call.reach.of(connection, model).scan(
            fields=given.fields, where=where, modified_since=given.modified_since, limit=most
        )

    taken = await gathered(call, call.reach.named(given.connection), given.limit, pages)
    records = [RecordOut.of(each) for each in taken.records]
    return taken.told(call, Records(records=records), f"{len(records)} records of {model.model}")


def _known(call: Call, name: str) -> type[Record]:
    known = dict.fromkeys(each for one in call.reach.connections for each in call.reach.models_of(one))
    if name not in known:
        raise Refused(
            "model_not_available",
            "there are no such records here",
            hint=f"there are: {', '.join(known)}" if known else None,
        )
    return call.reach.model(name)


def _wanted(model: type[Record], name: str, value: JsonValue) -> object:
    """A condition's value as the field has it."""
    head, field = head_of(name), model.model_fields.get(name)
    if value is None or field is None:
        return value
    if name == "owner":
        return UserRef(email=str(value))
    if "Ref" in str(field.annotation):
        kind, connection, own = parse_id(str(value))
        return {"connection": connection, "ref": Ref(model=kind, id=own)}
    try:
        return cast("object", getattr(model.model_validate({name: value}), head))
    except ValidationError:
        raise Refused(
            "invalid_arguments", "where: a value is not of the field's kind", hint="days as 2026-12-31"
        ) from None


def _here(value: object, connection: str) -> object:
    """The value as it is meant in one connection: ids of others are no record's there."""
    if not isinstance(value, dict):
        return value
    told = cast("Mapping[str, object]", value)
    return told["ref"] if told["connection"] == connection else []


FINDING: Final = (search_contacts, search_accounts, search_deals, get_record, list_records)
