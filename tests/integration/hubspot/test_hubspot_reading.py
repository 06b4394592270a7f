"""Reading HubSpot: changes past the cap of its searches, typed values, merges, archives, many properties."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmhub.connector import Condition, Native, ReadRequest
from crmhub.errors import BadRequest, Unsupported
from crmhub.schema import Choice, FieldSpec
from tests.integration.hubspot.conftest import Make, Portals

pytestmark = pytest.mark.anyio
SINCE = {"object": "contacts", "seen": "2023-01-01T00:00:00+00:00"}


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


async def test_any_of_several_values_can_be_asked_for(portal: Portals) -> None:
    ids = await portal.insert(
        "companies",
        *(
            {"name": f"Firm {n}", "numberofemployees": n, "type": kind}
            for n, kind in enumerate(("PROSPECT", "PARTNER", "VENDOR"))
        ),
    )
    for field, values in (
        ("name", ["Firm 0", "Firm 2"]),
        ("numberofemployees", [0, 2]),
        ("type", ["PROSPECT", "VENDOR"]),
    ):
        found = await portal.read("companies", "name", filter=[Condition(field, "in", [*values])])
        assert [*found.rows] == [ids[0], ids[2]], field


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


async def test_more_changes_than_a_search_reaches_come_whole_though_all_are_of_one_instant(
    make_portal: Make,
) -> None:
    portal = make_portal({"contacts": 10_450}, bulk="10200")
    before = await portal.read("companies", "name")
    assert before.checkpoint is not None
    rows: list[Native] = []
    request = ReadRequest("contacts", ("email",), since={**before.checkpoint, **SINCE})
    async for page in portal.connector.read(request):
        rows += page.upserts
    assert len({str(row["id"]) for row in rows}) == 10_450
    assert len(rows) < 10_450 * 1.1


async def test_more_properties_than_a_url_holds_are_read_by_several_calls(portal: Portals) -> None:
    names = [f"{'long_' * 10}{number:03}" for number in range(300)]
    for name in names:
        await portal.org.add_field("companies", FieldSpec(name, "text", custom=True))
    ids = await portal.insert("companies", *({name: f"{n}-{name[-3:]}" for name in names} for n in range(3)))
    found = (await portal.read("companies", *names)).rows
    assert [*found] == ids
    for number, id_ in enumerate(ids):
        assert [found[id_][name] for name in names] == [f"{number}-{name[-3:]}" for name in names]


async def test_a_record_that_goes_between_the_calls_for_its_properties_is_not_half_read(
    portal: Portals,
) -> None:
    names = [f"{'long_' * 10}{number:03}" for number in range(300)]
    for name in names:
        await portal.org.add_field("companies", FieldSpec(name, "text", custom=True))
    ids = await portal.insert("companies", *({names[0]: "a", names[-1]: "z"} for _ in range(3)))
    await portal.connector.describe("companies")
    first = len(portal.org.calls) + 1

    async def gone(number: int) -> None:
        if number == first + 1:
            await portal.org.remove("companies", ids[1])

    portal.org.on_call = gone
    found = (await portal.read("companies", *names)).rows
    assert [*found] == [ids[0], ids[2]]
    assert {str(row[names[-1]]) for row in found.values()} == {"z"}


async def test_what_the_index_learns_late_comes_with_a_later_read(make_portal: Make) -> None:
    portal = make_portal(index_lag="20")
    before = await portal.read("companies", "name")
    portal.org.clock.advance(5)
    (made,) = await portal.insert("companies", {"name": "Fresh"})
    portal.org.clock.advance(2)
    soon = await portal.read("companies", "name", since=before.checkpoint)
    assert [*soon.rows] == []
    portal.org.clock.advance(20)
    later = await portal.read("companies", "name", since=soon.checkpoint)
    assert [*later.rows] == [made]


async def test_archived_records_are_told_and_restored_ones_come_back(portal: Portals) -> None:
    one, two = await portal.insert("deals", {"dealname": "A"}, {"dealname": "B"})
    portal.org.clock.advance(60)
    before = await portal.read("deals", "dealname")
    await portal.org.remove("deals", one)
    portal.org.clock.advance(60)
    gone = await portal.read("deals", "dealname", since=before.checkpoint)
    assert [(each.id, each.life) for each in gone.gone] == [(one, "archived")]
    await portal.org.restore("deals", one)
    portal.org.clock.advance(60)
    back = await portal.read("deals", "dealname", since=gone.checkpoint)
    assert [*back.rows] == [one]
    assert back.gone == []
    assert two not in back.rows


async def test_a_property_that_has_gone_is_named(portal: Portals) -> None:
    await portal.org.add_field("companies", FieldSpec("size_class", "text", custom=True))
    await portal.insert("companies", {"name": "A", "size_class": "XL"})
    assert [row["size_class"] for row in (await portal.read("companies", "size_class")).rows.values()] == [
        "XL"
    ]
    await portal.org.drop_field("companies", "size_class")
    portal.org.clock.advance(120)
    await portal.connector.describe("companies")
    with pytest.raises(BadRequest) as caught:
        await portal.read("companies", "size_class")
    assert caught.value.where.field == "size_class"
