"""Writes that are planned before they are done: what they would change, and whether that still holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.errors import InvalidRecord, NotFound, UsageError
from crmhub.models import Contact, Deal, Email, Money, Ref, UserRef
from crmhub.plan import Plan
from tests.agents import hub_of_two

pytestmark = pytest.mark.anyio


async def test_an_update_is_planned_field_by_field_and_done_as_it_was_planned(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        north = hub["north"]
        changes = Contact(first_name="Ada", last_name="North1", birthday=date(1990, 1, 2))
        write = await north.contacts.plan_update("p1", changes)
        assert write.changes == {"first_name": ("First1", "Ada"), "birthday": ("1991-02-03", "1990-01-02")}
        assert write.fields == {"first": "Ada", "born": "1990-01-02"}, "what is there already is not sent"
        assert (write.id, write.object, write.operation) == ("p1", "people", "update")
        assert (await north.contacts.get("p1")).first_name == "First1", "nothing is written yet"

        stored = Plan.decode(Plan([write]).json())
        (outcome,) = await north.apply(stored)
        assert (outcome.status, outcome.id) == ("updated", "p1")
        assert (await north.contacts.get("p1")).first_name == "Ada"
        (again,) = await north.apply(stored)
        assert (again.status, again.problem and again.problem.code) == ("conflict", "moved")


async def test_a_new_record_is_planned_with_all_that_it_will_have(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        deals = hub["north"].of(Deal)
        owner = UserRef(email="bob@seller.example")
        deal = Deal(
            name="Roof",
            amount=Money(amount=Decimal(5), currency=None),
            account=Ref(model="account", id="c1"),
            owner=owner,
        )
        write = await deals.plan_create(deal)
        assert write.changes == {
            "name": (None, "Roof"),
            "amount": (None, "5 "),
            "account": (None, "c1"),
            "owner": (None, "u2"),
        }
        (outcome,) = await hub["north"].apply(Plan([write]))
        assert outcome.status == "created"
        assert (await deals.get(str(outcome.id))).name == "Roof"


async def test_a_record_that_has_moved_is_left_alone_and_the_others_are_written(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        contacts = hub["north"].contacts
        writes = [
            await contacts.plan_update(id_, Contact(first_name="Ada")) for id_ in ("p1", "p2", "p3", "p4")
        ]
        cast("ManualClock", hub.clock).advance(1)
        await contacts.update("p2", Contact(description="somebody was faster"))
        await contacts.delete("p3")
        outcomes = await hub["north"].apply(Plan(writes))
        assert [outcome.status for outcome in outcomes] == ["updated", "conflict", "conflict", "updated"]
        assert [each.problem.message for each in outcomes if each.problem] == [
            "it was changed since",
            "it is gone",
        ]
        assert (await contacts.get("p2")).first_name == "First2"


async def test_a_plan_says_what_is_wrong_before_anything_is_written(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        contacts = hub["north"].contacts
        with pytest.raises(NotFound):
            await contacts.plan_update("nobody", Contact(first_name="Ada"))
        with pytest.raises(InvalidRecord, match="given by the CRM"):
            await contacts.plan_create(Contact(id="p9", first_name="Ada"))
        with pytest.raises(InvalidRecord, match="no such user"):
            await contacts.plan_update("p1", Contact(owner=UserRef(email="nobody@x.example")))
        with pytest.raises(InvalidRecord, match="has no place"):
            await contacts.plan_update("p1", Contact(emails=[Email(value="a@x.example", role="other")]))
        same = await contacts.plan_update("p1", Contact(first_name="First1"))
        assert (same.fields, same.changes) == ({}, {})
        (outcome,) = await hub["north"].apply(Plan([same]))
        assert outcome.status == "unchanged"
        with pytest.raises(UsageError, match="it writes to connection 'north'"):
            await hub["south"].apply(Plan([same]))


async def test_a_record_without_a_version_is_compared_by_its_values(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        contacts = hub["north"].contacts
        first = replace(await contacts.plan_update("p1", Contact(first_name="Ada")), expected=None)
        await contacts.update("p1", Contact(description="another field"))
        (outcome,) = await hub["north"].apply(Plan([first]))
        assert outcome.status == "updated"
        (outcome,) = await hub["north"].apply(Plan([first]))
        assert outcome.problem is not None
        assert outcome.problem.message == "its values are others by now"
