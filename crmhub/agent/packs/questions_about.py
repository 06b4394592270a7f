"""About one record: a contact's deals, a company as a whole, what took place lately."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar, cast

from pydantic import Field

from crmhub.agent.answers import AnswerBase, MoneyOut, TimeOut, status_of
from crmhub.agent.packs.asking import Id, Paged, gathered, own_id, with_names
from crmhub.agent.packs.questions import CONTACT, DEAL, Deals
from crmhub.agent.packs.recent import SHOWN, about, open_now, took_place
from crmhub.agent.packs.shapes import AccountOut, ActivityOut, ContactOut, DealOut, RefOut
from crmhub.agent.packs.sums import totals_of
from crmhub.agent.tool import Arguments, Call, Told, tool
from crmhub.models import Account, ActivityBase, Contact, Deal, DealStatus, Record, Ref

__all__ = ["ABOUT"]

_Model = TypeVar("_Model", bound=Record)
_Found = TypeVar("_Found")
_SOME: Final = 10
"""Items of each kind in an overview."""
Kind = Literal["task", "meeting", "call", "note", "email", "other"]


# ── a contact's deals ────────────────────────────────────────────────────────────────────────────


class GetContactDeals(Paged):
    """Whose."""

    contact_id: Id = Field(description="The contact's id, such as contact:zoho:123.")
    closed: bool = Field(False, description="Won and lost ones too.")
    limit: int = Field(10, ge=1, le=50, description="How many.")


@tool(GetContactDeals, Deals, title="Get a contact's deals", models=["deal", "contact", "account"])
async def get_contact_deals(call: Call, given: GetContactDeals) -> Told:
    """The active deals of one person: those of which the contact is the primary one, each with its stage,
    value and expected close. Use it when you know the contact's id and are asked what is being sold to
    somebody."""
    connection, own = own_id(call, given.contact_id, "contact")

    def pages(name: str, _most: int) -> AsyncGenerator[Sequence[Deal]]:
        return _open_deals(call, name, "primary_contact", Ref(model="contact", id=own), closed=given.closed)

    taken = await gathered(call, [connection], given.limit, pages)
    shown = await with_names(call, taken.records, "account", "primary_contact")
    deals = [DealOut.of(each) for each in shown]
    return taken.told(call, Deals(deals=deals), f"{len(deals)} deals in {connection}")


async def _open_deals(
    call: Call, connection: str, path: str, ref: Ref, *, closed: bool = False
) -> AsyncGenerator[Sequence[Deal]]:
    """The deals that point there. Whether one is open is seen here: not every CRM can be asked for it."""
    deals = call.reach.of(connection, Deal)
    if not closed:
        deals.demand("status")
    async with aclosing(deals.scan(fields=deals.among(DEAL), where={path: ref})) as pages:
        async for page in pages:
            yield [each for each in page if closed or each.status in {None, DealStatus.OPEN}]


# ── a company ────────────────────────────────────────────────────────────────────────────────────


class GetAccountOverview(Arguments):
    """Which."""

    account_id: Id = Field(description="The company's id, such as account:zoho:123.")


class AccountOverview(AnswerBase):
    """The company."""

    account: AccountOut | None = None
    contacts: list[RefOut] = Field(default_factory=list[RefOut])
    deals: list[DealOut] = Field(default_factory=list[DealOut])
    """Open ones, the largest first."""
    open_value: list[MoneyOut] = Field(default_factory=list[MoneyOut])
    """Of all open deals, by currency."""
    activities: list[ActivityOut] = Field(default_factory=list[ActivityOut])
    """Open ones, the next first."""
    last_activity: ActivityOut | None = None
    counts: dict[str, int] = Field(default_factory=dict[str, int])
    """How many contacts, open deals and open activities there are; at most ten of each are shown."""
    lacking: list[str] = Field(default_factory=list[str])
    """What could not be told; an empty list of it does not mean that there is none."""


@tool(
    GetAccountOverview,
    AccountOverview,
    title="Get an overview of an account",
    models=["account", "contact", "deal", "activity"],
)
async def get_account_overview(call: Call, given: GetAccountOverview) -> Told:
    """One company at a glance: the account, its people, its open deals with their value, its open tasks and
    meetings, and when something last took place with it. Use it when you know the account's id and are asked
    how things stand with a company."""
    connection, own = own_id(call, given.account_id, "account")
    accounts = call.reach.of(connection, Account)
    data, here = AccountOverview(), Ref(model="account", id=own)
    data.account = AccountOut.of(await accounts.get(own))
    contacts = await _part(call, data, "contacts", connection, lambda name: _people(call, name, here))
    deals = await _part(call, data, "deals", connection, lambda name: _deals_of(call, name, here))
    refs = [here, *_refs(contacts or []), *_refs(deals or [])]
    activities = await _part(
        call, data, "activities", connection, lambda name: about(call, name, refs, SHOWN)
    )
    if contacts is not None:
        data.counts["contacts"] = len(contacts)
        data.contacts = [_named(each) for each in contacts[:_SOME]]
        await call.reach.handed(contacts[:_SOME])
    if deals is not None:
        still = [each for each in deals if each.status in {None, DealStatus.OPEN}]
        still.sort(key=lambda each: each.amount.amount if each.amount else 0, reverse=True)
        data.counts["deals"], data.open_value = len(still), totals_of(each.amount for each in still)
        data.deals = [DealOut.of(each) for each in await with_names(call, still[:_SOME], "primary_contact")]
        await call.reach.handed(still[:_SOME])
    if activities is not None:
        await _tell_activities(call, data, activities)
    if data.lacking:
        data.status = "partial"
    data.sources = [call.reach.source(connection)]
    told = ", ".join(f"{count} {name}" for name, count in data.counts.items())
    return Told(data, f"an account of {connection}: {told or 'nothing else can be told'}")


async def _tell_activities(call: Call, data: AccountOverview, activities: Sequence[ActivityBase]) -> None:
    now = call.now
    to_come = [each for each in activities if open_now(each, now)]
    to_come.sort(key=_due)
    past = [(at, each) for each in activities if (at := took_place(each, now)) is not None]
    past.sort(key=lambda one: (one[0], str(one[1].id)))
    data.counts["activities"] = len(to_come)
    data.activities = [ActivityOut.of(each, _starts(each)) for each in to_come[:_SOME]]
    data.last_activity = ActivityOut.of(past[-1][1], past[-1][0]) if past else None
    await call.reach.handed([*to_come[:_SOME], *(each for _, each in past[-1:])])


async def _part(
    call: Call,
    data: AccountOverview,
    name: str,
    connection: str,
    ask: Callable[[str], Awaitable[_Found]],
) -> _Found | None:
    """One part of the overview; ``None`` where the CRM lacks it, fails, or the agent may not know."""
    model = {"contacts": "contact", "deals": "deal", "activities": "activity"}[name]
    found: dict[str, _Found] = {}
    if model in call.reach.models_of(connection):
        told, _ = await call.reach.ask([connection], ask)
        found = {**told}
    if connection not in found:
        data.lacking.append(name)
        return None
    return found[connection]


async def _people(call: Call, connection: str, account: Ref) -> list[Contact]:
    contacts = call.reach.of(connection, Contact)
    return await _all(contacts.scan(fields=contacts.among(CONTACT), where={"account": account}))


async def _deals_of(call: Call, connection: str, account: Ref) -> list[Deal]:
    return await _all(_open_deals(call, connection, "account", account, closed=True))


async def _all(pages: AsyncGenerator[Sequence[_Model]]) -> list[_Model]:
    async with aclosing(pages):
        return [each async for page in pages for each in page]


def _named(contact: Contact) -> RefOut:
    shown = ContactOut.of(contact)
    return RefOut(id=shown.id, name=shown.name)


def _refs(records: Sequence[Record]) -> list[Ref]:
    return [Ref(model=each.model, id=str(each.id)) for each in records]


# ── what took place ──────────────────────────────────────────────────────────────────────────────


class GetRecentActivity(Paged):
    """Of whom, and since when."""

    record_id: Id | None = Field(None, description="An account, contact or deal; all activity by default.")
    days: int = Field(30, ge=1, le=730, description="How far to look back.")
    type: Kind | None = Field(None, description="Only this kind.")
    limit: int = Field(20, ge=1, le=50, description="How many.")


class RecentActivity(AnswerBase):
    """What took place, the latest first."""

    listed = "activities"

    since: TimeOut | None = None
    activities: list[ActivityOut] = Field(default_factory=list[ActivityOut])


@tool(
    GetRecentActivity,
    RecentActivity,
    title="Get recent activity",
    models=["activity", "account", "contact", "deal"],
)
async def get_recent_activity(call: Call, given: GetRecentActivity) -> Told:
    """What took place in the last days, newest first: calls, meetings, e-mails, notes and finished tasks.
    With one company (its people and deals included), one contact, one deal, or everybody; of everybody those
    that were written or changed in that time. Use it for the history of a customer relationship."""
    now = call.now
    since = now - timedelta(days=given.days)
    target = None if given.record_id is None else own_id(call, given.record_id, *_TARGETS)

    async def ask(connection: str) -> list[tuple[datetime, ActivityBase]]:
        if target is None or given.record_id is None:
            found = await _changed(call, connection, since)
        else:
            found = await _with(call, connection, Ref(model=given.record_id.partition(":")[0], id=target[1]))
        timed = [(at, each) for each in found if (at := took_place(each, now)) is not None and at >= since]
        return [one for one in timed if given.type in {None, getattr(one[1], "type", None)}]

    names = call.reach.named(given.connection) if target is None else [target[0]]
    found, sources = await call.reach.ask(names, ask)
    every = [one for several in found.values() for one in several]
    every.sort(key=lambda one: (one[0], str(one[1].connection), str(one[1].id)), reverse=True)
    skip = cast("int", (call.place or {}).get("skip", 0))
    page = every[skip : skip + given.limit]
    await call.reach.handed([each for _, each in page])
    named = await with_names(call, [each for _, each in page], "contact", "regarding")
    data = RecentActivity(
        status=status_of(sources),
        sources=sources,
        since=TimeOut.of(since),
        total=len(every),
        activities=[ActivityOut.of(each, at) for (at, _), each in zip(page, named, strict=True)],
    )
    if skip + len(page) < len(every):
        data.truncated, data.next_cursor = True, call.seal({"skip": skip + len(page)})
    return Told(
        data,
        f"{len(page)} of {len(every)} activities in {given.days} days",
        lambda count: {"skip": skip + count},
    )


_TARGETS: Final = ("account", "contact", "deal")


async def _changed(call: Call, connection: str, since: datetime) -> list[ActivityBase]:
    activities = call.reach.of(connection, ActivityBase)
    activities.demand("created_at")
    return await _all(activities.scan(fields=activities.among(SHOWN), modified_since=since))


async def _with(call: Call, connection: str, ref: Ref) -> Sequence[ActivityBase]:
    """What is with or about the record; of a company also what is with its people or about its deals."""
    refs = [ref]
    if ref.model == "account":
        known = call.reach.models_of(connection)

        async def add(ask: Callable[[Call, str, Ref], Awaitable[Sequence[Record]]]) -> None:
            refs.extend(_refs(await ask(call, connection, ref)))

        if "contact" in known:
            await add(_people)
        if "deal" in known:
            await add(_deals_of)
    return await about(call, connection, refs, SHOWN)


def _starts(activity: ActivityBase) -> datetime | None:
    return cast("datetime | None", getattr(activity, "starts_at", None))


def _due(activity: ActivityBase) -> str:
    """By when, to sort by; what has no day comes last."""
    at = _starts(activity) or getattr(activity, "due_at", None)
    return str(at) if at is not None else "~"


ABOUT: Final = (get_contact_deals, get_account_overview, get_recent_activity)
