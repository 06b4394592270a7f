"""What a type checker knows of the blocking API; checked by ``test_typing.py``, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error
from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from crmhub import Account, Answers, CustomObject, Deal, Money, Outcome, Record, User, Written, blocking
from crmhub.blocking import Listing, ListingEverywhere, Records
from crmhub.connector import Native
from crmhub.powers import Subscription
from crmhub.sync import SyncPlan, SyncReport


class Property(Record):
    """A model of a user's own."""

    bedrooms: int | None = None


def right(hub: blocking.Hub) -> None:
    zoho = hub["zoho"]
    assert_type(zoho, blocking.Connection)
    assert_type(zoho.deals, Records[Deal])
    assert_type(zoho.deals.list(), Listing[Deal])
    for deal in zoho.deals.list():
        assert_type(deal, Deal)
        assert_type(deal.amount, Money | None)
    for page in zoho.deals.list().pages():
        assert_type(page, Sequence[Deal])
    assert_type(zoho.deals.list().collect(), list[Deal])
    assert_type(zoho.accounts.get("1"), Account)
    assert_type(zoho.accounts.get_many(["1"]), Sequence[Account | None])
    assert_type(zoho.accounts.create(Account(name="x")), Written)
    assert_type(zoho.accounts.create_many([Account(name="x")]), Sequence[Outcome])
    assert_type(zoho.users.count(), int)
    for change in zoho.users.changes():
        assert_type(change.records, Sequence[User])
    with hub as entered:
        assert_type(entered, blocking.Hub)
    for own in zoho.of(Property).list():
        assert_type(own.bedrooms, int | None)
    assert_type(zoho.object("Cars"), Records[CustomObject])
    assert_type(zoho.query("select"), Listing[Native])
    assert_type(zoho.accounts.newest(3), Listing[Account])
    assert_type(zoho.webhooks.renew_due(), Sequence[Subscription])
    for told in zoho.webhooks.read(zoho.webhooks.parse(b"{}", {})):
        assert_type(told.records, Sequence[Record])
    assert_type(hub.all.deals.list(), ListingEverywhere[Deal])
    assert_type(hub.all.deals.count(), Answers[int])
    assert_type(hub.only("a").deals.list().answers(), Answers[Sequence[Deal]])
    assert_type(hub.sync("a", "b"), SyncReport)
    for plan in hub.plan("a", "b"):
        assert_type(plan, SyncPlan)


def wrong(hub: blocking.Hub) -> None:
    hub["zoho"].deals.create(Account(name="x"))  # pyright: ignore[reportArgumentType]
    len(hub["zoho"].deals.list())  # pyright: ignore[reportArgumentType]
    hub.store()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    print(hub["zoho"].deels)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    hub["zoho"].deals.get(5)  # pyright: ignore[reportArgumentType]
    hub["zoho"].deals.list(order_by="name")  # pyright: ignore[reportCallIssue]
    hub["zoho"].deals.upsert(Deal(name="x"))  # pyright: ignore[reportCallIssue]
    hub["zoho"].of(int)  # pyright: ignore[reportArgumentType]
