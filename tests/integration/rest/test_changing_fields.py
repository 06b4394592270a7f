"""Fields and choices that people add and drop while a connection lives: gone is not taken for empty."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from crmhub.connector import Connector, FieldSpec, Native, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import BadRequest
from crmhub_rest.conformance.hubspot import HubSpotOrg
from crmhub_rest.conformance.pipedrive import PipedriveOrg

pytestmark = pytest.mark.anyio
TIER = f"cf_{'a1' * 20}"


@pytest.fixture
async def hubspot(anyio_backend: str) -> AsyncGenerator[HubSpotOrg]:
    org = HubSpotOrg()
    yield org
    await org.aclose()


@pytest.fixture
async def pipedrive(anyio_backend: str) -> AsyncGenerator[PipedriveOrg]:
    org = PipedriveOrg()
    yield org
    await org.aclose()


async def rows(connector: Connector, object: str, *fields: str) -> list[Native]:
    pages = [page async for page in connector.read(ReadRequest(object, fields))]
    return [row for page in pages for row in page.upserts]


async def test_the_values_of_a_property_that_was_just_dropped_are_not_read_as_empty(
    hubspot: HubSpotOrg,
) -> None:
    connector = hubspot.connect()
    (id_,) = await hubspot.insert("companies", [{"name": "Acme", "region_code": "EU"}])
    assert [row["region_code"] for row in await rows(connector, "companies", "region_code")] == ["EU"]
    await hubspot.drop_field("companies", "region_code")
    with pytest.raises(BadRequest, match="companies has no field 'region_code'"):
        await rows(connector, "companies", "region_code")
    with pytest.raises(BadRequest, match="companies has no field 'region_code'"):
        await connector.get("companies", [id_], ("region_code",))
    assert [row["name"] for row in await rows(connector, "companies", "name")] == ["Acme"]


async def test_a_custom_field_that_was_just_dropped_is_named_where_the_crm_gives_all_fields(
    pipedrive: PipedriveOrg,
) -> None:
    connector = pipedrive.connect()
    await pipedrive.add_field("organizations", FieldSpec(TIER, "text", "Tier", custom=True))
    await pipedrive.insert("organizations", [{"name": "Acme", TIER: "gold"}])
    assert [row[TIER] for row in await rows(connector, "organizations", TIER)] == ["gold"]
    await pipedrive.drop_field("organizations", TIER)
    with pytest.raises(BadRequest, match=f"organizations has no field '{TIER}'"):
        await rows(connector, "organizations", TIER)


async def test_a_field_that_nobody_has_filled_is_empty(hubspot: HubSpotOrg) -> None:
    await hubspot.insert("companies", [{"name": "Acme"}])
    connector = hubspot.connect()
    assert [row["region_code"] for row in await rows(connector, "companies", "region_code")] == [None]


async def test_a_choice_that_was_added_since_is_told_by_its_label_and_can_be_written(
    pipedrive: PipedriveOrg,
) -> None:
    connector = pipedrive.connect()
    book = pipedrive.played.company.fields["organization"]
    field = book.add("Tier", "enum", ["Gold"], code=TIER.removeprefix("cf_"))
    await pipedrive.insert("organizations", [{"name": "Acme", TIER: "Gold"}])
    assert [row[TIER] for row in await rows(connector, "organizations", TIER)] == ["Gold"]
    field.options += book.make_options(["Silver"])
    await pipedrive.insert("organizations", [{"name": "Busy", TIER: "Silver"}])
    assert [row[TIER] for row in await rows(connector, "organizations", TIER)] == ["Gold", "Silver"]
    field.options += book.make_options(["Bronze"])
    pipedrive.clock.advance(61)
    made = WriteRequest("organizations", "create", [WriteItem({"name": "Cold", TIER: "Bronze"})])
    assert [outcome.status for outcome in await connector.write(made)] == ["created"]
    assert [row[TIER] for row in await rows(connector, "organizations", TIER)][-1] == "Bronze"


async def test_a_field_that_was_added_since_can_be_read_and_written(pipedrive: PipedriveOrg) -> None:
    connector = pipedrive.connect()
    assert await rows(connector, "organizations", "name") == []
    await pipedrive.add_field("organizations", FieldSpec(TIER, "text", "Tier", custom=True))
    pipedrive.clock.advance(61)
    made = WriteRequest("organizations", "create", [WriteItem({"name": "Acme", TIER: "gold"})])
    assert [outcome.status for outcome in await connector.write(made)] == ["created"]
    assert [row[TIER] for row in await rows(connector, "organizations", TIER)] == ["gold"]
