"""What a type checker knows of the asynchronous API; checked by ``test_typing.py``, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error
from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

import crmhub
from crmhub import (
    Account,
    Answers,
    CustomObject,
    Deal,
    Listing,
    Money,
    Outcome,
    Record,
    Records,
    User,
    Written,
)
from crmhub.connector import Native
from crmhub.everywhere import ListingEverywhere
from crmhub.sync import SyncPlan, SyncReport


class Property(Record):
    """A model of a user's own."""

    bedrooms: int | None = None


async def right(hub: crmhub.Hub) -> None:
    zoho = hub["zoho"]
    assert_type(zoho, crmhub.Connection)
    assert_type(zoho.deals, Records[Deal])
    assert_type(zoho.deals.list(), Listing[Deal])
    async for deal in zoho.deals.list():
        assert_type(deal, Deal)
        assert_type(deal.amount, Money | None)
    async for page in zoho.deals.list().pages():
        assert_type(page, Sequence[Deal])
    assert_type(await zoho.deals.list(), list[Deal])
    assert_type(await zoho.accounts.get("1"), Account)
    assert_type(await zoho.accounts.get_many(["1"]), Sequence[Account | None])
    assert_type(await zoho.accounts.create(Account(name="x")), Written)
    assert_type(await zoho.accounts.create_many([Account(name="x")]), Sequence[Outcome])
    assert_type(await zoho.users.count(), int)
    async for change in zoho.users.changes():
        assert_type(change.records, Sequence[User])
    async for own in zoho.of(Property).list():
        assert_type(own.bedrooms, int | None)
    assert_type(zoho.object("Cars"), Records[CustomObject])
    assert_type(zoho.query("select"), Listing[Native])
    assert_type(hub.all.deals.list(), ListingEverywhere[Deal])
    assert_type(await hub.all.deals.count(), Answers[int])
    assert_type(await hub.only("a").deals.list().answers(), Answers[Sequence[Deal]])
    assert_type(await hub.sync("a", "b"), SyncReport)
    async for plan in hub.plan("a", "b"):
        assert_type(plan, SyncPlan)


async def wrong(hub: crmhub.Hub) -> None:
    await hub["zoho"].deals.create(Account(name="x"))  # pyright: ignore[reportArgumentType]
    for _ in hub["zoho"].deals.list():  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        pass
    print(hub["zoho"].deels)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    await hub["zoho"].deals.get(5)  # pyright: ignore[reportArgumentType]
    await hub["zoho"].deals.list(order_by="name")  # pyright: ignore[reportCallIssue]
    await hub["zoho"].deals.upsert(Deal(name="x"))  # pyright: ignore[reportCallIssue]
    hub["zoho"].of(int)  # pyright: ignore[reportArgumentType]
