"""What the preset of Pipedrive does beyond the kit: whole lists, archives, deletions, refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

import pytest

from crmhub.connector import Native, Outcome, Page, ReadRequest, Value, WriteItem, WriteRequest
from crmhub.errors import QuotaExceeded
from crmhub.mapping.check import check_mapping
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub_rest.conformance.pipedrive import PipedriveOrg
from crmhub_rest.connector import RestConnector

pytestmark = pytest.mark.anyio


@pytest.fixture
async def org(anyio_backend: str) -> AsyncIterator[PipedriveOrg]:
    """A company without records."""
    made = PipedriveOrg()
    yield made
    await made.aclose()


def _connected(org: PipedriveOrg) -> RestConnector:
    connector = org.connect()
    assert isinstance(connector, RestConnector)
    return connector


async def _written(
    org: PipedriveOrg, object: str, fields: Mapping[str, Value], id: str | None = None
) -> Outcome:
    operation = "create" if id is None else "update"
    request = WriteRequest(object, operation, [WriteItem({**fields}, id=id)])
    return (await _connected(org).write(request))[0]


async def _held(org: PipedriveOrg, object: str, id: str | None) -> Native:
    return next(row for row in await org.truth(object) if str(row["id"]) == id)


async def _changes(org: PipedriveOrg, object: str, since: Page | None = None) -> list[Page]:
    checkpoint = since.checkpoint if since is not None else None
    request = ReadRequest(object, ("add_time",), since=checkpoint)
    return [page async for page in _connected(org).read(request)]


async def test_one_e_mail_is_written_and_the_others_stay(org: PipedriveOrg) -> None:
    ada: Native = {"name": "Ada", "email": "a@example.com", "emails": {"home": "h@example.com"}}
    made = await _written(org, "persons", ada)
    changed = await _written(org, "persons", {"email": "new@example.com"}, made.id)
    assert (made.status, changed.status) == ("created", "updated")
    assert (await _held(org, "persons", made.id))["emails"] == [
        {"value": "new@example.com", "primary": True, "label": "work"},
        {"value": "h@example.com", "primary": False, "label": "home"},
    ]


async def test_a_last_name_is_written_with_the_first_name_that_stands(org: PipedriveOrg) -> None:
    made = await _written(org, "persons", {"first_name": "Ada", "last_name": "Byron"})
    assert (await _written(org, "persons", {"last_name": "Lovelace"}, made.id)).status == "updated"
    held = await _held(org, "persons", made.id)
    assert [held[name] for name in ("first_name", "last_name", "name")] == ["Ada", "Lovelace", "Ada Lovelace"]


async def test_the_person_of_an_activity_is_its_first_participant_and_the_others_stay(
    org: PipedriveOrg,
) -> None:
    first, second, third = await org.insert("persons", [{"name": name} for name in ("A", "B", "C")])
    made = await _written(org, "activities", {"subject": "Call", "type": "call", "person_id": first})
    both: Value = [{"person_id": int(first), "primary": True}, {"person_id": int(second), "primary": False}]
    await org.change("activities", str(made.id), {"participants": both})
    assert (await _written(org, "activities", {"person_id": third}, made.id)).ok
    assert (await _held(org, "activities", made.id))["participants"] == [
        {"person_id": int(third), "primary": True},
        {"person_id": int(second), "primary": False},
    ]


async def test_a_part_of_an_address_leaves_the_rest(org: PipedriveOrg) -> None:
    made = await _written(org, "organizations", {"name": "Acme", "address": {"locality": "Bonn"}})
    assert (await _written(org, "organizations", {"address": {"value": "1 Road"}}, made.id)).ok
    address = (await _held(org, "organizations", made.id))["address"]
    assert isinstance(address, dict)
    assert (address["value"], address["locality"]) == ("1 Road", "Bonn")


async def test_whole_numbers_are_written_as_such_and_others_are_refused_by_name(org: PipedriveOrg) -> None:
    made = await _written(org, "organizations", {"name": "Acme", "annual_revenue": Decimal("120.00")})
    assert (await _held(org, "organizations", made.id))["annual_revenue"] == 120
    refused = await _written(org, "organizations", {"name": "B", "annual_revenue": Decimal("0.5")})
    assert refused.problem is not None
    assert (refused.status, refused.problem.field) == ("rejected", "annual_revenue")


@pytest.mark.parametrize("object", ["organizations", "persons", "activities"])
async def test_what_version_two_does_not_tell_as_deleted_is_told(org: PipedriveOrg, object: str) -> None:
    row: Native = {"subject": "Call"} if object == "activities" else {"name": "Acme"}
    stays, goes = await org.insert(object, [row, row])
    before = await _changes(org, object)
    org.clock.advance(60)
    await org.remove(object, goes)
    await org.change(object, stays, row)
    org.clock.advance(5)
    after = await _changes(org, object, before[-1])
    assert [(gone.id, gone.life) for page in after for gone in page.deletes] == [(goes, "deleted")]
    assert {str(one["id"]) for page in after for one in page.upserts} == {stays}


async def test_an_archived_deal_is_told_as_archived(org: PipedriveOrg) -> None:
    archived, deleted = await org.insert("deals", [{"title": "A"}, {"title": "B"}])
    before = await _changes(org, "deals")
    org.clock.advance(60)
    await org.change("deals", archived, {"is_archived": True})
    await org.remove("deals", deleted)
    org.clock.advance(5)
    after = await _changes(org, "deals", before[-1])
    told = {gone.id: gone.life for page in after for gone in page.deletes}
    assert told == {archived: "archived", deleted: "deleted"}


async def test_the_plan_s_number_of_deals_is_a_quota(org: PipedriveOrg) -> None:
    org.played.change_settings({"open_deals": "1"})
    await org.insert("deals", [{"title": "The one"}])
    with pytest.raises(QuotaExceeded, match="Open deals limit"):
        await _written(org, "deals", {"title": "One too many"})


async def test_choices_are_told_and_written_by_their_labels(org: PipedriveOrg) -> None:
    segment, channels = org.code("deals", "Segment"), org.code("deals", "Channels")
    made = await _written(org, "deals", {"title": "A", segment: "Medium", channels: ["Web", "Fair"]})
    held = await _held(org, "deals", made.id)
    assert (held[segment], held[channels]) == ("Medium", ["Web", "Fair"])
    (read,) = await _connected(org).get("deals", [str(made.id)], [segment, channels])
    assert isinstance(read, dict)
    assert (read[segment], read[channels]) == ("Medium", ["Web", "Fair"])
    wrong = await _written(org, "deals", {segment: "Gigantic"}, made.id)
    assert wrong.problem is not None
    assert (wrong.status, wrong.problem.field) == ("rejected", segment)
    assert "no such choice; it has: " in wrong.problem.message
    assert "Medium" in wrong.problem.message


async def test_the_mapping_fits_the_company_s_own_fields(org: PipedriveOrg) -> None:
    spec = load_mapping(shipped_mappings()["pipedrive"])
    connector = _connected(org)
    schemas = {entry.object: await connector.describe(entry.object) for entry in spec.maps}
    assert check_mapping(spec, schemas) == []
