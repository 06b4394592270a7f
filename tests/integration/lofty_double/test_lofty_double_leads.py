"""Leads of the Lofty double: pages, filters, writes, the trash."""

from __future__ import annotations

import httpx
import pytest

from crmhub_rest.simulators.lofty.double import LoftyDouble
from tests.integration.lofty_double.conftest import Make, add_lead, get, refusal

pytestmark = pytest.mark.anyio
LEADS = "/v1.0/leads"
SCROLL = "DXF1ZXJ5QW5kRmV0Y2gBAAAA{:012x}"
JSON = {"Content-Type": "application/json"}


async def scrolled(client: httpx.AsyncClient, **params: object) -> list[int]:
    found: list[int] = []
    page = await get(client, LEADS, **params)
    while page["leads"]:
        found += [lead["leadId"] for lead in page["leads"]]
        page = await get(client, LEADS, scrollId=page["_metadata"]["scrollId"])
    assert "scrollId" not in page["_metadata"]
    return found


async def test_offsets_and_scrolls_give_every_lead_once(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=230)
    truth = {int(str(row["leadId"])) for row in double.truth("Leads")}
    assert min(truth) > 2**53
    first = await get(lofty, LEADS, limit=100)
    assert first["_metadata"]["total"] == 230
    assert {key: first["_metadata"][key] for key in ("limit", "offset", "collection")} == {
        "limit": 100,
        "offset": 0,
        "collection": "lead",
    }
    by_offset = [
        lead["leadId"]
        for offset in (0, 100, 200)
        for lead in (await get(lofty, LEADS, limit=100, offset=offset))["leads"]
    ]
    assert sorted(by_offset) == sorted(truth)
    assert await scrolled(lofty, limit=100) == by_offset
    assert len(await scrolled(lofty, limit=50, sort="LastActivity", desc="false")) == 230
    assert (await get(lofty, LEADS))["_metadata"]["limit"] == 10


async def test_a_new_lead_shifts_offsets_but_no_scroll(make_lofty: Make) -> None:
    _, lofty = make_lofty(rows=4)
    first = await get(lofty, LEADS, limit=2)
    added = await add_lead(lofty)
    shifted = await get(lofty, LEADS, limit=2, offset=2)
    assert shifted["leads"][0]["leadId"] == first["leads"][1]["leadId"]
    rest = await get(lofty, LEADS, scrollId=first["_metadata"]["scrollId"])
    ids = [lead["leadId"] for page in (first, rest) for lead in page["leads"]]
    assert len(set(ids)) == 4
    assert added not in ids


async def test_scrolls_expire_and_limits_are_kept_to(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=4)
    scroll = (await get(lofty, LEADS, limit=2))["_metadata"]["scrollId"]
    double.clock.advance(300)
    assert refusal(await lofty.get(LEADS, params={"scrollId": scroll})) == (400, 20012)
    for limit in ("0", "101"):
        assert refusal(await lofty.get(LEADS, params={"limit": limit})) == (400, "LIMIT_NOT_VALID")


async def test_people_are_found_by_address_number_name_tag_and_stage(make_lofty: Make) -> None:
    _, lofty = make_lofty(rows=50)
    seeded = (await get(lofty, LEADS, limit=1, offset=7))["leads"][0]
    (found,) = (await get(lofty, LEADS, email=seeded["emails"][0].upper()))["leads"]
    assert found["leadId"] == seeded["leadId"]
    added = await add_lead(
        lofty, lastName="Byron", emails=["ada@example.com"], phones=["+1 (415) 555-0101"], tags=["Poet"]
    )

    async def ids(**params: object) -> list[int]:
        return [lead["leadId"] for lead in (await get(lofty, LEADS, **params))["leads"]]

    assert await ids(email="ada@example.com") == [added]
    assert await ids(phone="4155550101") == [added]
    assert await ids(key="a byr") == [added]
    assert await ids(anyTags="poet,none") == [added]
    assert await ids(allTags="Poet,None") == []
    await lofty.put(f"{LEADS}/{added}", json={"emails": ["byron@example.com"], "stage": "past client"})
    assert await ids(email="ada@example.com") == []
    assert added in await ids(stage="Past Client", limit=100)


async def test_creating_answers_the_id_alone_and_routes_the_lead(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    reply = await lofty.post(
        LEADS, json={"firstName": "A" * 40, "emails": ["a@example.com"], "tags": ["New"]}
    )
    lead_id = reply.json()["leadId"]
    assert reply.json() == {"leadId": lead_id}
    lead = await get(lofty, f"{LEADS}/{lead_id}")
    assert lead["firstName"] == "A" * 30
    assert lead["stage"] == "New Lead"
    assert lead["assignedUserId"] in {one.id for one in double.team.members}
    assert [tag["tagName"] for tag in lead["tags"]] == ["New"]
    assert lead["createTime"] == lead["lastUpdateTime"] == "2026-01-01T09:00:00Z"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 20012),
        ({"firstName": " "}, 20012),
        ({"firstName": "A", "emails": "a@example.com"}, 20012),
        ({"firstName": "A", "emails": ["nothing"]}, 20012),
        ({"firstName": "A", "phones": ["1" * 21]}, 20012),
        ({"firstName": "A", "stage": "Nowhere"}, 20012),
        ({"firstName": "A", "leadTypes": [3]}, 20012),
        ({"firstName": "A", "birthday": "2001-06-05"}, 20012),
        ({"firstName": "A", "assignedUserId": 1}, 20012),
        ({"firstName": "A", "preQual": "Maybe"}, 20012),
        ({"firstName": "A", "leadFamilyMemberList": [{"firstName": "B"}] * 5}, 20012),
        ({"firstName": "A", "customAttributeList": [{"attributeName": "No", "value": "x"}]}, 20012),
        ({"firstName": "A", "property": {"city": " "}}, 200057),
    ],
)
async def test_a_wrong_lead_is_refused_and_not_kept(
    body: dict[str, object], code: int, double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    assert refusal(await lofty.post(LEADS, json=body)) == (400, code)
    assert list(double.truth("Leads")) == []
    assert (await lofty.post(LEADS, content=b"{", headers=JSON)).status_code == 400


async def test_a_new_lead_can_be_written_before_it_can_be_read(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"persist_seconds": "2"})
    lead = await add_lead(lofty)
    assert refusal(await lofty.get(f"{LEADS}/{lead}")) == (404, 20006)
    assert (await get(lofty, LEADS))["_metadata"]["total"] == 0
    assert (await lofty.put(f"{LEADS}/{lead}", json={"lastName": "Byron"})).json() == {"leadId": lead}
    double.clock.advance(2)
    assert (await get(lofty, f"{LEADS}/{lead}"))["lastName"] == "Byron"
    assert (await get(lofty, LEADS))["_metadata"]["total"] == 1


async def test_a_change_writes_what_it_names_and_tags_by_their_own_rules(lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty, tags=["A", "B"], segments=["S"], referredBy="Eve")
    path = f"{LEADS}/{lead}"

    async def tags(**values: object) -> set[str]:
        await lofty.put(path, json=values)
        return {tag["tagName"] for tag in (await get(lofty, path))["tags"]}

    assert await tags(tagsAdd=["C"]) == {"A", "B", "C"}
    assert await tags(tagsRemove=["B", "Z"]) == {"A", "C"}
    assert await tags(tags=["D"], tagsAdd=["E"], tagsRemove=["E"]) == {"D", "E"}
    assert await tags(lastName="Byron") == {"D", "E"}
    assert await tags(clearAllTags=True, tagsAdd=["F"]) == set()
    after = await get(lofty, path)
    assert (after["lastName"], after["segments"], after["referredBy"]) == ("Byron", ["S"], "Eve")
    await lofty.put(path, json={"segments": [], "referredBy": "", "lastName": None})
    after = await get(lofty, path)
    assert (after["lastName"], after["segments"], after["referredBy"]) == ("Byron", [], "")


async def test_custom_attributes_go_by_name_and_read_under_another_key(lofty: httpx.AsyncClient) -> None:
    items = [
        {"attributeName": "Favorite Color", "attributeType": "text", "value": "green"},
        {"attributeName": "Interests", "attributeType": "multi_select", "value": '["Pool","Garden"]'},
    ]
    lead = await add_lead(lofty, customAttributeList=items)
    assert (await get(lofty, f"{LEADS}/{lead}"))["customAttributes"] == items
    wrong = {"customAttributeList": [{**items[1], "value": '["Moat"]'}]}
    assert refusal(await lofty.put(f"{LEADS}/{lead}", json=wrong)) == (400, 20012)
    added = {"attributeName": "Pets", "attributeType": "single_select", "params": '{"option":["Cat","Dog"]}'}
    assert (await lofty.post("/v1.0/teamFeatures/custom-field", json=added)).status_code == 200
    names = [one["attributeName"] for one in await get(lofty, "/v1.0/teamFeatures/listCustomField")]
    assert names[-1] == "Pets"
    pets = {
        "customAttributeList": [{"attributeName": "Pets", "attributeType": "single_select", "value": "Cat"}]
    }
    assert (await lofty.put(f"{LEADS}/{lead}", json=pets)).status_code == 200


async def test_properties_merge_by_address(lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty, property={"city": "Austin", "streetAddress": "1 Main St"})
    path = f"{LEADS}/{lead}"
    await lofty.post(f"{path}/property", json={"city": "Austin", "streetAddress": "1 Main St", "bedrooms": 3})
    (held,) = (await get(lofty, path))["leadPropertyList"]
    assert held["bedrooms"] == 3
    assert (await get(lofty, path))["city"] == "Austin"
    stranger = {"id": held["id"] + 1, "city": "Austin"}
    assert refusal(await lofty.post(f"{path}/property", json=stranger)) == (404, 200108)
    assert refusal(await lofty.post(f"{path}/property", json={"bedrooms": 1})) == (400, 200057)


async def test_deleting_needs_a_reason_and_moves_to_the_trash(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    lead = await add_lead(lofty)
    path = f"{LEADS}/{lead}"
    assert refusal(await lofty.delete(path)) == (400, 20012)
    gone = await lofty.delete(path, params={"reason": "duplicate"})
    assert (gone.status_code, gone.content) == (200, b"")
    assert refusal(await lofty.get(path)) == (404, 20006)
    assert (await get(lofty, path, withTrash="true"))["leadId"] == lead
    assert refusal(await lofty.put(path, json={"lastName": "x"})) == (404, 20006)
    assert refusal(await lofty.delete(path, params={"reason": "again"})) == (404, 20006)
    assert refusal(await lofty.get("/v1.0/notes", params={"leadId": lead})) == (404, 20006)
    assert [row["leadId"] for row in double.truth("Leads", deleted=True)] == [lead]


async def test_one_lead_comes_bare_and_wrapped_and_paging_under_either_name(make_lofty: Make) -> None:
    _, lofty = make_lofty(rows=1)
    page = await get(lofty, LEADS)
    path = f"{LEADS}/{page['leads'][0]['leadId']}"
    both = await get(lofty, path)
    assert {**both["lead"], "lead": both["lead"]} == both
    await lofty.put("/_settings", json={"lead_reply": "wrapped", "metadata": "get_metadata"})
    assert await get(lofty, path) == {"lead": both["lead"]}
    assert (await get(lofty, LEADS))["get_metadata"] == {**page["_metadata"], "scrollId": SCROLL.format(2)}
    await lofty.put("/_settings", json={"lead_reply": "bare"})
    assert await get(lofty, path) == both["lead"]


async def test_refusals_can_have_words_for_codes(make_lofty: Make) -> None:
    _, lofty = make_lofty(settings={"codes": "words"})
    assert refusal(await lofty.get(f"{LEADS}/5")) == (404, "LEAD_NOT_EXIST")
    assert refusal(await lofty.post(LEADS, json={})) == (400, "INVALID_PARAMETER")
    key = lofty.headers["Authorization"].replace("token", "Bearer")
    assert refusal(await lofty.get("/v1.0/me", headers={"Authorization": key})) == (400, 200058)


async def test_permission_problems_are_400_as_well_as_404(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=1)
    lead = str(next(double.truth("Leads"))["leadId"])
    _, other = make_lofty(rows=1, settings={"forbidden": lead})
    del lofty
    assert refusal(await other.get(f"{LEADS}/{lead}")) == (404, 20006)
    assert refusal(await other.get("/v2.0/tasks", params={"leadId": lead})) == (400, 20017)
    assert refusal(await other.get("/v1.0/systemLogs", params={"leadId": lead})) == (403, 20017)


async def test_a_lead_is_assigned_by_account_and_its_stages_are_logged(
    double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    lead = await add_lead(lofty)
    member = double.team.members[2]
    body = [{"role": "Agent", "assignee": member.user.email}]
    assert (await lofty.post(f"{LEADS}/{lead}/assignment", json=body)).json() == {"leadId": lead}
    assert (await get(lofty, f"{LEADS}/{lead}"))["assignedUserId"] == member.id
    for stage in ("Contacted", "Closed"):
        await lofty.put(f"{LEADS}/{lead}", json={"stage": stage})
    first = await get(lofty, "/v1.0/systemLogs", leadId=lead, pageSize=1)
    second = await get(lofty, "/v1.0/systemLogs", leadId=lead, pageSize=1, pageNumber=1)
    assert (first["hasMore"], second["hasMore"]) == (1, 0)
    assert first["timeLines"][0]["content"] == {"fromStageName": "Contacted", "toStageName": "Closed"}


@pytest.mark.parametrize("fault", ["duplicate_ids", "no_cursor_field", "loop_token"])
async def test_data_faults_strike_the_list(fault: str, make_lofty: Make) -> None:
    _, lofty = make_lofty(rows=3, faults=(fault,))
    page = await get(lofty, LEADS, limit=2)
    match fault:
        case "duplicate_ids":
            assert page["leads"][2]["leadId"] == page["leads"][0]["leadId"]
        case "no_cursor_field":
            assert all("lastUpdateTime" not in lead for lead in page["leads"])
        case _:
            scroll = page["_metadata"]["scrollId"]
            following = await get(lofty, LEADS, scrollId=scroll)
            assert following["_metadata"]["scrollId"] == scroll


async def test_people_restore_leads_and_rename_stages(make_lofty: Make) -> None:
    double, lofty = make_lofty()
    lead = await add_lead(lofty, emails=["a@example.com"], stage="Hot")
    await lofty.delete(f"{LEADS}/{lead}", params={"reason": "r"})
    double.clock.advance(60)
    assert (await lofty.post("/_act/restore", json={"lead": str(lead)})).status_code == 200
    assert (await lofty.post("/_act/rename_stage", json={"from": "Hot", "to": "Very hot"})).status_code == 200
    (held,) = (await get(lofty, LEADS, email="a@example.com"))["leads"]
    assert (held["leadId"], held["stage"]) == (lead, "Very hot")
    assert held["lastUpdateTime"] == "2026-01-01T09:01:00Z"
    assert refusal(await lofty.put(f"{LEADS}/{lead}", json={"stage": "Hot"})) == (400, 20012)
    for name, values in (("restore", {"lead": "5"}), ("rename_stage", {"from": "No", "to": "x"}), ("no", {})):
        assert (await lofty.post(f"/_act/{name}", json=values)).status_code == 400


async def test_a_list_can_be_asked_for_some_fields(make_lofty: Make) -> None:
    _, lofty = make_lofty(rows=3)
    reply = await lofty.get("/v1.0/leads", params={"limit": 2, "returnFields": "firstName, emails"})
    assert [set(one) for one in reply.json()["leads"]] == [{"leadId", "firstName", "emails"}] * 2
