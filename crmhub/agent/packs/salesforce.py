"""The pack ``salesforce``: the questions that clients of Salesforce servers ask, by the names they know.

Records have Salesforce's own field names. They come through the policy like everything else.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar, cast

from pydantic import Field, JsonValue

from crmhub.agent.answers import (
    Answer,
    AnswerBase,
    DateOut,
    MoneyOut,
    Refused,
    Source,
    Text,
    TimeOut,
    status_of,
    typed_id,
)
from crmhub.agent.governed import Governed
from crmhub.agent.packs.asking import with_names
from crmhub.agent.soql import COUNTED, Statement, parse
from crmhub.agent.tool import READ, Arguments, Call, Effect, Pack, Told, tool
from crmhub.agent.untrusted import SHORT, neutral
from crmhub.models import Account, Contact, Deal, Email, Money, Phone, Record, Ref, UserRef

__all__ = ["SALESFORCE"]

_Model = TypeVar("_Model", bound=Record)
_CRM: Final = "salesforce"
_OWN: Final = Effect(READ.writes, READ.destructive, READ.idempotent, open_world=False)
_MOST_ROWS: Final = 200
_NAMESAKES: Final = 5
"""Companies that a name is taken for."""
_SHOWN: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "account": ("Account", {
        "Name": "name", "Type": "type", "Industry": "industry", "Website": "website", "Phone": "phones",
        "AnnualRevenue": "annual_revenue", "NumberOfEmployees": "employees", "Owner": "owner",
        "LastModifiedDate": "updated_at",
    }),
    "deal": ("Opportunity", {
        "Name": "name", "StageName": "stage", "Amount": "amount", "Probability": "probability",
        "CloseDate": "expected_close", "Account": "account", "Owner": "owner",
        "LastModifiedDate": "updated_at",
    }),
    "contact": ("Contact", {
        "Name": "full_name", "FirstName": "first_name", "LastName": "last_name", "Title": "title",
        "Company": "company", "Email": "emails", "Phone": "phones", "Account": "account", "Owner": "owner",
        "LastModifiedDate": "updated_at",
    }),
}  # fmt: skip
"""What is shown of a record: Salesforce's names, and ours."""
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_AMOUNTS: Final = frozenset({"amount", "annual_revenue"})


class Asking(Arguments):
    """What every question takes."""

    limit: int = Field(5, ge=1, le=50, description="How many records.")
    connection: str | None = Field(None, max_length=64, description="The org, by its connection.")


class GetAccounts(Asking):
    """Which."""

    account_name: str | None = Field(None, min_length=2, max_length=200, description="Words of its name.")


class GetContacts(Asking):
    """Which."""

    account_name: str | None = Field(
        None, min_length=2, max_length=200, description="Words of their account's name."
    )


class GetOpportunities(GetContacts):
    """Which."""

    stage: str | None = Field(None, min_length=1, max_length=120, description="The stage, by its name.")


class SearchRecords(Asking):
    """Which."""

    search_term: str = Field(min_length=2, max_length=200, description="Words; all have to be in a record.")


class SoqlQuery(Asking):
    """What."""

    soql_query: str = Field(
        min_length=1,
        max_length=4_000,
        description="SELECT … FROM one object WHERE … ORDER BY … LIMIT …, or SELECT COUNT().",
    )


class ListOrgs(Arguments):
    """No arguments."""


class SalesforceAnswer(AnswerBase):
    """Records, as clients of Salesforce servers read them."""

    listed = "records"

    success: bool = True
    totalSize: int = 0  # noqa: N815 - the name that clients read
    """How many records are given; of a COUNT() the number that was asked for."""
    records: list[dict[str, JsonValue]] = Field(default_factory=list[dict[str, JsonValue]])
    """Each by Salesforce's names of its fields, with `id` for other tools."""
    error: str | None = None
    """Which orgs could not be asked."""


class Org(Answer):
    """An org."""

    alias: str
    """Its connection: the argument `connection`."""
    models: list[str]
    """The kinds of records that can be asked for."""


class Orgs(AnswerBase):
    """The orgs."""

    listed = "orgs"

    success: bool = True
    totalSize: int = 0  # noqa: N815 - the name that clients read
    orgs: list[Org] = Field(default_factory=list[Org])


@tool(GetAccounts, SalesforceAnswer, title="Salesforce: get accounts", models=["account"])
async def salesforce_get_accounts(call: Call, given: GetAccounts) -> Told:
    """Get companies of Salesforce, all or those with words in their name. Gives Name, Industry, Website,
    AnnualRevenue and others by Salesforce's names. For several CRMs at once use search_accounts."""

    async def ask(org: str) -> Sequence[Record]:
        accounts = call.reach.of(org, Account)
        if given.account_name is not None:
            return await _named(accounts, given.account_name, given.limit + 1)
        return await accounts.list(limit=given.limit + 1)

    return await _asked(call, given, ask)


@tool(GetOpportunities, SalesforceAnswer, title="Salesforce: get opportunities", models=["deal", "account"])
async def salesforce_get_opportunities(call: Call, given: GetOpportunities) -> Told:
    """Get opportunities of Salesforce, of one stage or one account if wanted. Gives Name, StageName, Amount,
    CloseDate and others by Salesforce's names. For totals use salesforce_soql_query or a pipeline summary."""

    async def ask(org: str) -> Sequence[Record]:
        where: dict[str, object] = {}
        if given.stage is not None:
            where["stage"] = Ref(model="stage", id=given.stage)
        return await _of_accounts(call, org, Deal, given, where)

    return await _asked(call, given, ask)


@tool(GetContacts, SalesforceAnswer, title="Salesforce: get contacts", models=["contact", "account"])
async def salesforce_get_contacts(call: Call, given: GetContacts) -> Told:
    """Get contacts of Salesforce, of one account if wanted. Gives Name, Title, Email, Phone and others by
    Salesforce's names. To find somebody by name use salesforce_search_records."""

    async def ask(org: str) -> Sequence[Record]:
        where = {"kind": "person"} if call.reach.of(org, Contact).shows("kind") else {}
        found = await _of_accounts(call, org, Contact, given, where)
        return [each for each in found if each.object != "Lead"]

    return await _asked(call, given, ask)


@tool(
    SearchRecords, SalesforceAnswer, title="Salesforce: search records", models=["account", "deal", "contact"]
)
async def salesforce_search_records(call: Call, given: SearchRecords) -> Told:
    """Search accounts, contacts, leads and opportunities of Salesforce for words. Gives each with its `type`.
    Use it when you do not know what kind of record something is."""

    async def ask(org: str) -> Sequence[Record]:
        found: list[Record] = []
        here = call.reach.models_of(org)
        for model in (Account, Contact, Deal):
            left = given.limit + 1 - len(found)
            if model.model in here and left > 0:
                found += await call.reach.of(org, model).search(given.search_term, limit=left)
        return found

    return await _asked(call, given, ask)


@tool(SoqlQuery, SalesforceAnswer, title="Salesforce: SOQL query", models=["account", "deal", "contact"])
async def salesforce_soql_query(call: Call, given: SoqlQuery) -> Told:
    """Read rows by a SOQL query of one object: fields, WHERE, ORDER BY, LIMIT (200 at most), or COUNT(). No
    nested queries, other functions or fields of parents. A wrong object or field is answered with those that
    there are. Use it where other tools cannot choose or sort as needed."""
    wanted = parse(given.soql_query)
    orgs = _orgs(call, given.connection)
    most = min(_MOST_ROWS, given.limit if wanted.limit is None else wanted.limit)

    async def ask(org: str) -> list[dict[str, JsonValue]]:
        return await _queried(call, org, wanted, most)

    found, sources = await call.reach.ask(orgs, ask)
    rows = [row for several in found.values() for row in several]
    if wanted.counts:
        total = sum(cast("int", row[COUNTED]) for row in rows)
        return _told(sources, [], total=total)
    return _told(sources, rows[:most], more=len(rows) > most)


@tool(ListOrgs, Orgs, _OWN, title="Salesforce: list orgs")
async def salesforce_list_orgs(call: Call, _given: ListOrgs) -> Told:
    """List the Salesforce orgs that can be asked, by their connections. No org is called."""

    async def look(org: str) -> Org:
        return Org(alias=org, models=[*call.reach.models_of(org)])

    found, sources = await call.reach.ask(_orgs(call, None), look)
    orgs = [*found.values()]
    data = Orgs(status=status_of(sources), sources=sources, totalSize=len(orgs), orgs=orgs)
    return Told(data, f"{len(orgs)} orgs: {', '.join(found)}")


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def _orgs(call: Call, connection: str | None) -> Sequence[str]:
    """The orgs that are meant. Raises :class:`Refused` where there is none."""
    kinds = call.reach.connections
    orgs = [name for name in call.reach.named(connection) if kinds[name] == _CRM]
    if not orgs:
        known = ", ".join(name for name, kind in kinds.items() if kind == _CRM)
        raise Refused(
            "connection_not_available",
            "there is no such Salesforce org here",
            hint=f"there is: {known}" if known else "this agent has none: use another CRM's tools",
        )
    return orgs


async def _named(accounts: Governed[Account], name: str, most: int) -> Sequence[Account]:
    """Companies with these words in their name."""
    accounts.demand("name")
    words = name.casefold().split()
    found = await accounts.search(name, limit=max(most, 20))
    return [each for each in found if all(word in (each.name or "").casefold() for word in words)][:most]


async def _of_accounts(
    call: Call, org: str, model: type[_Model], given: GetContacts, where: Mapping[str, object]
) -> Sequence[Record]:
    """Records that meet the conditions, of the companies of a name if one was given."""
    records, most = call.reach.of(org, model), given.limit + 1
    records.demand(*where)
    if given.account_name is None:
        return await records.list(where=where, limit=most)
    records.demand("account")
    found: list[Record] = []
    for account in await _named(call.reach.of(org, Account), given.account_name, _NAMESAKES):
        own = {**where, "account": Ref(model="account", id=str(account.id), name=account.name)}
        found += await records.list(where=own, limit=most - len(found))
    return found


async def _asked(call: Call, given: Asking, ask: Callable[[str], Awaitable[Sequence[Record]]]) -> Told:
    found, sources = await call.reach.ask(_orgs(call, given.connection), ask)
    records = [record for several in found.values() for record in several]
    shown = [_shown(each) for each in await with_names(call, records[: given.limit], "account")]
    return _told(sources, shown, more=len(records) > given.limit)


async def _queried(call: Call, org: str, wanted: Statement, most: int) -> list[dict[str, JsonValue]]:
    objects = await call.reach.objects(org)
    statement = wanted.within(objects)
    paths = objects[statement.object]
    if statement.counts:
        rows = await call.reach.query(
            org, str(statement.bounded(None)), object=statement.object, names=[COUNTED]
        )
        return [{COUNTED: int(str(row[COUNTED]))} for row in rows]
    text = str(statement.bounded(most + 1))
    rows = await call.reach.query(org, text, object=statement.object, names=statement.fields)
    return [{name: _cell(row[name], paths.get(name, "")) for name in row} for row in rows]


# ── showing ──────────────────────────────────────────────────────────────────────────────────────


def _told(
    sources: list[Source],
    records: list[dict[str, JsonValue]],
    *,
    more: bool = False,
    total: int | None = None,
) -> Told:
    failed = [each for each in sources if each.state != "ok"]
    size = len(records) if total is None else total
    data = SalesforceAnswer(
        status=status_of(sources),
        sources=sources,
        success=len(failed) < len(sources),
        totalSize=size,
        records=records,
        truncated=more,
        total=total,
        error="; ".join(f"{each.connection}: {each.code}" for each in failed) or None,
    )
    return Told(data, f"{size} records" if total is None else f"there are {size}")


def _shown(record: Record) -> dict[str, JsonValue]:
    """A record by Salesforce's names: what the agent sees of it, where it has a value."""
    kind, names = _SHOWN[record.model]
    if isinstance(record, Contact) and record.kind == "lead":
        kind = "Lead"
    shown: dict[str, JsonValue] = {"type": kind, "Id": str(record.id), "id": typed_id(record)}
    for name, field in names.items():
        value = _value(cast("object", getattr(record, field)) if field in record.model_fields_set else None)
        if value is not None:
            shown[name] = value
    return shown


def _value(value: object) -> JsonValue:
    """A field's value as agents read it."""
    if isinstance(value, list):  # the first of several addresses or numbers
        several = cast("Sequence[object]", value)
        return _value(several[0]) if several else None
    if isinstance(value, Email):
        return value.value
    if isinstance(value, Phone):
        return value.raw
    if isinstance(value, Ref):
        return {"Id": value.id} if value.name is None else {"Id": value.id, "Name": value.name}
    if isinstance(value, UserRef):
        return {"Name": value.name or value.email or value.id}
    if isinstance(value, Money):
        return _plain(MoneyOut.of(value))
    if isinstance(value, datetime):
        return _plain(TimeOut.of(value))
    if isinstance(value, date):
        return _plain(DateOut.of(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str):
        return neutral(value, SHORT)
    return value if isinstance(value, bool | int) else None


def _cell(value: object, path: str) -> JsonValue:
    """A value of a row, as Salesforce gives it, as agents read it."""
    if path in _AMOUNTS and isinstance(value, int | float | Decimal):
        return _plain(MoneyOut.of(Money(amount=Decimal(str(value)))))
    if isinstance(value, Decimal | float):
        return format(Decimal(str(value)), "f")
    if not isinstance(value, str):
        return value if isinstance(value, bool | int) else None
    if _MOMENT.fullmatch(value):
        return _plain(TimeOut.of(datetime.fromisoformat(value)))
    if _DAY.fullmatch(value):
        return _plain(DateOut.of(date.fromisoformat(value)))
    return neutral(value, SHORT) if len(value) <= SHORT else _plain(Text.of(value))


def _plain(told: Answer | None) -> JsonValue:
    return None if told is None else cast("JsonValue", told.model_dump(mode="json", exclude_none=True))


SALESFORCE: Final = Pack(
    "salesforce",
    "Questions to Salesforce, by the names that clients of Salesforce servers know.",
    (
        salesforce_get_accounts,
        salesforce_get_opportunities,
        salesforce_get_contacts,
        salesforce_search_records,
        salesforce_soql_query,
        salesforce_list_orgs,
    ),
)
