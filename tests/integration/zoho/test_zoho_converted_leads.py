"""A lead that is converted is gone from Leads, for every way of reading, and where it went is told."""

from __future__ import annotations

import pytest

from crmhub.connector import Condition, Missing, WriteItem, WriteRequest
from crmhub_zoho import Connector
from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio


async def leads(connector: Connector, count: int) -> list[str]:
    items = [WriteItem({"Last_Name": f"Lead {n}", "Company": "Zylker"}) for n in range(count)]
    return [str(one.id) for one in await connector.write(WriteRequest("Leads", "create", items))]


async def convert(connector: Connector, lead: str) -> str:
    """The contact that the lead becomes."""
    made = await connector.extras.leads.convert(
        lead,
        deal=None,
        account=None,
        contact=None,
        owner=None,
        overwrite=False,
        notify_lead_owner=False,
        notify_new_owner=False,
    )
    return made.contact


async def first(org: Org, connector: Connector) -> list[str]:
    pages = await org.pages(connector, "Leads", "Last_Name")
    return [str(row["id"]) for page in pages for row in page.upserts]


async def test_a_converted_lead_is_told_as_gone_into_its_contact(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await leads(connector, 3)
    mirror = org.mirror("Last_Name")
    await mirror.follow(connector, "Leads")
    assert list(mirror.rows) == ids
    org.clock.advance(600)
    contact = await convert(connector, ids[1])
    org.clock.advance(600)
    await mirror.follow(connector, "Leads")
    assert list(mirror.rows) == [ids[0], ids[2]]
    (gone,) = [one for page in mirror.pages for one in page.deletes]
    assert (gone.id, gone.life, gone.into) == (ids[1], "converted", contact)
    assert gone.at is not None


async def test_a_full_read_leaves_out_converted_leads(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await leads(connector, 3)
    await convert(connector, ids[0])
    assert await first(org, connector) == ids[1:]
    assert await connector.count("Leads") == 2
    assert await connector.count("Leads", [Condition("Last_Name", "eq", "Lead 0")]) == 0
    for fields in (["Last_Name"], ["Last_Name", "Tag"]):
        found = await connector.get("Leads", ids[:2], fields)
        assert [isinstance(one, Missing) for one in found] == [True, False]


async def test_more_conversions_than_a_page_are_all_told(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await leads(connector, 201)
    mirror = org.mirror("Last_Name")
    await mirror.follow(connector, "Leads")
    org.clock.advance(600)
    for lead in ids:
        await convert(connector, lead)
    await mirror.follow(connector, "Leads")
    assert mirror.rows == {}
    assert [one.id for page in mirror.pages for one in page.deletes] == sorted(ids)


async def test_a_converted_lead_that_is_deleted_is_deleted(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    ids = await leads(connector, 1)
    mirror = org.mirror("Last_Name")
    await mirror.follow(connector, "Leads")
    org.clock.advance(600)
    await convert(connector, ids[0])
    await org.remove("Leads", ids)
    org.clock.advance(600)
    await mirror.follow(connector, "Leads")
    assert [(one.id, one.life) for one in mirror.pages[-1].deletes] == [(ids[0], "deleted")]


async def test_a_converted_lead_is_not_changed(make_org: World) -> None:
    connector = make_org().connect()
    ids = await leads(connector, 2)
    await convert(connector, ids[0])
    items = [WriteItem({"Company": "Other"}, id=one) for one in ids]
    first, second = await connector.write(WriteRequest("Leads", "update", items))
    assert (first.status, second.status) == ("rejected", "updated")
    assert first.problem is not None
    assert first.problem.code == "CONVERTED_RECORD"
    assert "what it has become" in first.problem.message
