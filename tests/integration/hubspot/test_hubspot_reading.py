"""Reading HubSpot: changes past the cap of its searches, typed values, merges, archives, many properties."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmhub.connector import Condition
from crmhub.errors import Unsupported
from crmhub.schema import Choice, FieldSpec
from tests.integration.hubspot.conftest import Make, Portals

pytestmark = pytest.mark.anyio
SINCE = {"seen": "2023-01-01T00:00:00Z"}


async def test_values_are_what_their_properties_say(portal: Portals) -> None:
    choices = (Choice("a", "A"), Choice("b", "B"), Choice("c", "C"))
    await portal.org.add_field("companies", FieldSpec("areas", "multi_enum", custom=True, choices=choices))
    row = {"name": "12", "numberofemployees": 7, "annualrevenue": "10.50", "is_public": True, "areas": "a;c"}
    (company,) = await portal.insert("companies", {**row})
    fields = ("name", "numberofemployees", "annualrevenue", "is_public", "areas", "description")
    found = (await portal.read("companies", *fields)).rows[company]
    assert {name: found[name] for name in fields} == {
        "name": "12",
        "numberofemployees": Decimal(7),
        "annualrevenue": Decimal("10.5"),
        "is_public": True,
        "areas": ["a", "c"],
        "description": None,
    }
    kinds = (await portal.connector.describe("companies")).fields
    assert [kinds[name].type for name in ("areas", "industry", "hubspot_owner_id")] == [
        "multi_enum",
        "enum",
        "ref",
    ]


async def test_a_field_that_holds_nothing_can_be_asked_for(portal: Portals) -> None:
    bare, _full = await portal.insert("companies", {"name": "A"}, {"name": "B", "numberofemployees": 3})
    found = await portal.read("companies", "name", filter=[Condition("numberofemployees", "eq", None)])
    assert [*found.rows] == [bare]
    with pytest.raises(Unsupported):
        await portal.read("companies", "name", filter=[Condition("numberofemployees", "ge", None)])


@pytest.mark.parametrize("kept", ["new", "keep"])
async def test_merged_records_are_told_with_the_one_that_is_both(make_portal: Make, kept: str) -> None:
    portal = make_portal(merge=kept)
    one, two, _other = await portal.insert("companies", {"name": "A"}, {"name": "B"}, {"name": "C"})
    portal.org.clock.advance(60)
    before = await portal.read("companies", "name")
    both = await portal.org.merge("companies", one, two)
    assert (both == one) is (kept == "keep")
    changed = await portal.read("companies", "name", since=before.checkpoint)
    assert {gone.id: (gone.life, gone.into) for gone in changed.gone} == {
        id_: ("merged", both) for id_ in (one, two) if id_ != both
    }
    assert [*changed.rows] == [both]
