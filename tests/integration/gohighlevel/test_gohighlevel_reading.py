"""Reading GoHighLevel: two-key pages, one instant, custom fields that come and go, strange replies."""

from __future__ import annotations

import pytest

from crmhub.connector import Condition, FieldSpec, Missing, ReadRequest, WriteItem
from crmhub.errors import BadRequest, BadResponse, Unavailable, Unsupported
from crmhub.powers import SupportsCount, SupportsSearch
from crmhub.testing.simulator.table import Row
from tests.integration.gohighlevel.conftest import Make, Place

pytestmark = pytest.mark.anyio


async def test_the_deals_of_a_pipeline_come_by_pages_that_need_two_keys(place: Place) -> None:
    (contact,) = await place.insert("contacts", {"firstName": "Ada"})
    first, second = place.location.pipelines
    wanted: set[str] = set()
    for number in range(230):
        pipeline = first if number % 2 else second
        item = {"name": f"Deal {number}", "contactId": contact, "pipelineId": pipeline.id, "status": "open"}
        times = {"lastStatusChangeAt": place.location.now(), "lastStageChangeAt": place.location.now()}
        row: Row = {**item, **times, "pipelineStageId": pipeline.stages[0].id, "customFields": {}}
        id_ = str(place.location.add("opportunities", row)["id"])
        wanted |= {id_} if pipeline is first else set()
    rows, _ = await place.read("opportunities", "name", filter=[Condition("pipelineId", "eq", first.id)])
    assert rows.keys() == wanted
    assert sum("GET /opportunities/search" in call for call in place.org.calls) == 2


async def test_more_changes_of_one_instant_than_a_page_holds_come_whole(make_place: Make) -> None:
    place = make_place({"contacts": 230})
    _, checkpoint = await place.read("contacts", "firstName")
    place.org.clock.advance(3600)
    for row in [*place.location.tables["contacts"].rows()][:210]:
        place.location.change("contacts", str(row["id"]), {"source": "import"})
    request = ReadRequest("contacts", ("source",), since=checkpoint, page_size=50)
    pages = [[*page.upserts] async for page in place.connector.read(request)]
    assert len({str(row["id"]) for page in pages for row in page}) == 210
    assert max(map(len, pages)) == 50


async def test_custom_fields_are_read_and_written_in_each_objects_spelling(place: Place) -> None:
    (contact,) = await place.insert("contacts", {"firstName": "Ada"})
    schema = await place.connector.describe("opportunities")
    (segment,) = [name for name, field in schema.fields.items() if field.custom]
    assert schema.fields[segment].label == "Segment"
    item = WriteItem({"name": "Engine", "contactId": contact, segment: "gold"})
    (made,) = await place.write("opportunities", "create", item)
    rows, checkpoint = await place.read("opportunities", segment)
    assert rows[str(made.id)][segment] == "gold"
    (alone,) = await place.connector.get("opportunities", [str(made.id)], [segment])
    assert not isinstance(alone, Missing)
    assert alone[segment] == "gold"
    place.org.clock.advance(60)
    await place.write("opportunities", "update", WriteItem({segment: None}, id=made.id))
    rows, _ = await place.read("opportunities", segment, since=checkpoint)
    assert rows[str(made.id)][segment] is None


async def test_a_custom_field_that_vanishes_is_told_and_one_that_comes_is_found(place: Place) -> None:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    await place.org.add_field("contacts", FieldSpec("cf_shoeSizeShoeSize0000", "int", "Shoe size"))
    assert "cf_shoeSizeShoeSize0000" in (await place.connector.describe("contacts")).fields
    await place.org.change("contacts", id_, {"cf_shoeSizeShoeSize0000": 38})
    rows, _ = await place.read("contacts", "cf_shoeSizeShoeSize0000")
    assert rows[id_]["cf_shoeSizeShoeSize0000"] == 38
    await place.org.drop_field("contacts", "cf_shoeSizeShoeSize0000")
    place.org.clock.advance(120)
    await place.connector.describe("contacts")
    with pytest.raises(BadRequest, match="cf_shoeSizeShoeSize0000"):
        await place.read("contacts", "cf_shoeSizeShoeSize0000")
    (outcome,) = await place.write("contacts", "update", WriteItem({"cf_shoeSizeShoeSize0000": 39}, id=id_))
    assert outcome.problem is not None
    assert outcome.problem.code == "UNKNOWN_FIELD", "GoHighLevel would take it and say nothing"


async def test_contacts_are_found_by_words_by_conditions_and_counted(place: Place) -> None:
    ids = await place.insert(
        "contacts",
        {"firstName": "Ada", "city": "London", "email": "ada@example.com"},
        {"firstName": "Grace", "city": "New York"},
    )
    assert isinstance(place.connector, SupportsSearch)
    assert isinstance(place.connector, SupportsCount)
    found = [page async for page in place.connector.search("contacts", "ada", ["firstName"], 5)]
    assert [row["firstName"] for page in found for row in page.upserts] == ["Ada"]
    rows, _ = await place.read("contacts", "city", filter=[Condition("city", "eq", "New York")])
    assert [*rows] == [ids[1]]
    with pytest.raises(Unsupported, match="lastName"):
        await place.read("contacts", "city", filter=[Condition("lastName", "eq", "x")])
    assert await place.connector.count("contacts") == 2


@pytest.mark.parametrize("fault", ["loop_token", "duplicate_ids", "truncated", "html"])
async def test_strange_replies_are_errors_and_never_loops(place: Place, fault: str) -> None:
    await place.insert("contacts", *({"firstName": f"Person {number}"} for number in range(12)))
    await place.connector.describe("contacts")
    place.org.fault(f"{fault}@/contacts/search")
    with pytest.raises((BadResponse, Unavailable)) as caught:
        async for _ in place.connector.read(ReadRequest("contacts", ("firstName",), page_size=4)):
            pass
    assert "Person" not in str(caught.value)
