"""Records of the Rollout double: pages, filters, writes."""

from __future__ import annotations

import httpx
import pytest

from crmhub_rollout.simulator.double import RolloutDouble
from tests.integration.rollout_double.conftest import Make, add, get

pytestmark = pytest.mark.anyio
PEOPLE = "/api/people"


async def test_the_next_pointers_lead_through_every_collection_once(make_rollout: Make) -> None:
    double, rollout = make_rollout(rows=230, settings={"rate_limit": "1000"})
    for name in ("people", "appointments", "textMessages", "deals", "users"):
        page = await get(rollout, f"/api/{name}", limit=100)
        found = [one["id"] for one in page[name]]
        while page["_metadata"]["nextLink"]:
            page = await get(rollout, page["_metadata"]["nextLink"])
            found += [one["id"] for one in page[name]]
        truth = [row["id"] for row in double.truth(name)]
        assert found == truth
        assert page["_metadata"]["collection"] == name
        assert page["_metadata"]["total"] == len(truth)
        assert page["_metadata"]["next"] is None
    assert len((await get(rollout, PEOPLE, limit=500))["people"]) == 100
    assert len((await get(rollout, PEOPLE))["people"]) == 10
    assert (await get(rollout, PEOPLE, offset=225))["_metadata"]["next"] is None


async def test_a_record_made_or_deleted_meanwhile_shifts_no_page(make_rollout: Make) -> None:
    _, rollout = make_rollout(rows=4)
    first = await get(rollout, PEOPLE, limit=2)
    added = await add(rollout, "people", firstName="New")
    await rollout.delete(f"{PEOPLE}/{first['people'][0]['id']}")
    rest = await get(rollout, PEOPLE, limit=10, next=first["_metadata"]["next"])
    ids = [one["id"] for page in (first, rest) for one in page["people"]]
    assert len(ids) == len(set(ids)) == 5
    assert ids[-1] == added["id"]
    assert (await rollout.get(PEOPLE, params={"next": "nothing"})).status_code == 400
    assert (await rollout.get("/api/notes", params={"next": first["_metadata"]["next"]})).status_code == 400


async def test_people_are_found_by_id_address_number_and_tag(make_rollout: Make) -> None:
    _, rollout = make_rollout(rows=40)
    seeded = (await get(rollout, PEOPLE, offset=7, limit=1))["people"][0]
    address = seeded["emails"][0]["value"]
    added = await add(
        rollout,
        "people",
        firstName="Ada",
        emails=[{"value": "Ada@example.com"}],
        phones=[{"value": "+1 (415) 555-0101"}],
        tags=["Poet", "Hot"],
    )

    async def ids(**params: object) -> list[str]:
        return [one["id"] for one in (await get(rollout, PEOPLE, **params))["people"]]

    assert await ids(ids=f"{seeded['id']},{added['id']},none") == [seeded["id"], added["id"]]
    assert await ids(email=address) == [seeded["id"]]
    assert await ids(email="Ada@example.com", tags="Poet") == [added["id"]]
    assert await ids(email="ada@example.com") == []
    assert await ids(phone="4155550101") == [added["id"]]
    assert await ids(tags="poet") == []
    await rollout.put(f"{PEOPLE}/{added['id']}", json={"emails": [{"value": "b@example.com"}]})
    assert await ids(email="Ada@example.com") == []
    assert await ids(email="b@example.com") == [added["id"]]
    ignored = await get(rollout, "/api/notes", personId=added["id"])
    assert ignored["_metadata"]["total"] == 20


async def test_a_person_is_made_changed_in_part_and_deleted(
    double: RolloutDouble, rollout: httpx.AsyncClient
) -> None:
    person = await add(rollout, "people", firstName="Ada", lastName="Byron", stage="Nurture", companyName="C")
    assert (person["name"], person["stage"]) == ("Ada Byron", "Nurture")
    assert person["original"]["lastName"] == "Byron"
    assert person["originalIds"]
    double.clock.advance(1.5)
    reply = await rollout.put(f"{PEOPLE}/{person['id']}", json={"lastName": "King", "companyName": None})
    after = reply.json()
    assert (after["name"], after["companyName"], after["stage"]) == ("Ada King", None, "Nurture")
    assert after["created"] == person["created"]
    assert after["rolloutUpdated"] == "2026-01-01T09:00:01.500Z"
    assert await get(rollout, f"{PEOPLE}/{person['id']}") == after
    assert (await rollout.delete(f"{PEOPLE}/{person['id']}")).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        reply = await rollout.request(method, f"{PEOPLE}/{person['id']}", json={})
        assert reply.status_code == 404
    assert [row["id"] for row in double.truth("people", deleted=True)] == [person["id"]]


@pytest.mark.parametrize(
    ("collection", "values"),
    [
        ("people", {}),
        ("people", {"firstName": " "}),
        ("people", {"firstName": 5}),
        ("people", {"firstName": "A", "emails": ["a@example.com"]}),
        ("people", {"firstName": "A", "emails": [{"value": "nothing"}]}),
        ("people", {"firstName": "A", "stage": "Nowhere"}),
        ("people", {"firstName": "A", "assignedUserId": "nobody"}),
        ("notes", {"body": "x"}),
        ("notes", {"personId": "nobody", "body": "x"}),
        ("tasks", {"type": "Call"}),
        ("tasks", {"name": "x", "dueDateTime": "tomorrow"}),
        ("appointments", {"title": "x", "start": "2026-01-02T09:00:00Z"}),
        ("appointments", {"title": "x", "start": "2026-01-02T09:00:00Z", "end": "2026-01-02T08:00:00Z"}),
        ("deals", {"name": "x"}),
        ("deals", {"name": "x", "stageId": "999"}),
        ("events", {"type": "Inquiry"}),
    ],
)
async def test_a_wrong_record_is_refused_and_not_kept(
    collection: str, values: dict[str, object], double: RolloutDouble, rollout: httpx.AsyncClient
) -> None:
    reply = await rollout.post(f"/api/{collection}", json=values)
    assert reply.status_code == 400, reply.text
    assert reply.json()["errorMessage"]
    assert list(double.truth(collection)) == []


async def test_notes_tasks_calls_and_messages_belong_to_people(rollout: httpx.AsyncClient) -> None:
    person = (await add(rollout, "people", firstName="Ada"))["id"]
    note = await add(rollout, "notes", personId=person, body="Hello", subject="S")
    assert (note["isHtml"], note["subject"]) == (False, "S")
    task = await add(rollout, "tasks", personId=person, name="Call", dueDateTime="2026-01-05T09:00:00-06:00")
    assert (task["dueDate"], task["isCompleted"]) == ("2026-01-05", False)
    done = await rollout.put(f"/api/tasks/{task['id']}", json={"isCompleted": True})
    assert done.json()["isCompleted"] is True
    call = await add(rollout, "calls", personId=person, duration=30, outcome="Interested")
    assert call["isIncoming"] is False
    text = await add(rollout, "textMessages", personId=person, message="Hi", isIncoming=True)
    assert (await get(rollout, f"/api/textMessages/{text['id']}"))["message"] == "Hi"


@pytest.mark.parametrize("names", [("start", "end", "allDay"), ("startsAt", "endsAt", "isAllDay")])
async def test_appointments_have_their_times_under_both_names(
    names: tuple[str, str, str], rollout: httpx.AsyncClient
) -> None:
    person = (await add(rollout, "people", firstName="Ada"))["id"]
    times = ("2026-02-01T09:00:00+00:00", "2026-02-01T10:00:00+00:00", False)
    values = dict(zip(names, times, strict=True))
    made = await add(rollout, "appointments", title="Showing", invitees=[{"personId": person}], **values)
    for start, end, whole in (("start", "end", "allDay"), ("startsAt", "endsAt", "isAllDay")):
        assert (made[start], made[end], made[whole]) == times
    assert made["invitees"] == [{"personId": person}]


async def test_appointments_can_have_one_kind_of_names(make_rollout: Make) -> None:
    for kind, there, missing in (("reference", "startsAt", "start"), ("boss", "start", "startsAt")):
        _, rollout = make_rollout(rows=2, settings={"appointment_fields": kind})
        (appointment,) = (await get(rollout, "/api/appointments"))["appointments"]
        assert there in appointment
        assert missing not in appointment


async def test_a_deal_moves_through_its_pipeline(rollout: httpx.AsyncClient) -> None:
    person = await add(rollout, "people", firstName="Ada", lastName="Byron")
    pipelines = (await get(rollout, "/api/pipelines"))["pipelines"]
    deal = await add(
        rollout, "deals", name="1 Main St", pipelineId=pipelines[0]["id"], peopleIds=[person["id"]], price=5
    )
    assert deal["stageName"] == pipelines[0]["stages"][0]["name"]
    assert deal["people"] == [{"id": person["id"], "name": "Ada Byron"}]
    stage = pipelines[0]["stages"][1]
    moved = (await rollout.put(f"/api/deals/{deal['id']}", json={"stageId": stage["id"]})).json()
    assert (moved["stageName"], moved["people"], moved["price"]) == (stage["name"], deal["people"], 5)
    wrong = {"stageId": stage["id"], "pipelineId": pipelines[1]["id"]}
    assert (await rollout.put(f"/api/deals/{deal['id']}", json=wrong)).status_code == 400


async def test_an_event_finds_its_person_or_makes_one(rollout: httpx.AsyncClient) -> None:
    person = {"firstName": "Ada", "emails": [{"value": "ada@example.com"}]}
    first = await add(rollout, "events", type="Inquiry", source="Website", person=person)
    second = await add(rollout, "events", type="Visit", person={**person, "lastName": "Byron"})
    assert first["personId"] == second["personId"]
    (held,) = (await get(rollout, PEOPLE))["people"]
    assert (held["name"], held["source"]) == ("Ada Byron", "Website")


async def test_what_only_is_read_cannot_be_written(rollout: httpx.AsyncClient) -> None:
    for name in ("users", "stages", "pipelines"):
        assert (await rollout.post(f"/api/{name}", json={"name": "x"})).status_code == 405
    assert (await rollout.get("/api/companies")).status_code == 404
    assert (await rollout.post(PEOPLE, content=b"{")).status_code == 400


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("people", {"firstName": "Ada"}),
        ("notes", {"body": "x"}),
        ("tasks", {"name": "x"}),
        ("appointments", {"title": "x", "start": "2026-01-01T09:00:00Z", "end": "2026-01-01T10:00:00Z"}),
        ("calls", {}),
        ("textMessages", {"message": "x"}),
        ("deals", {"name": "x", "stageId": "101"}),
    ],
)
async def test_a_new_record_has_all_fields_null_where_nothing_was_given(
    make_rollout: Make, name: str, values: dict[str, object]
) -> None:
    _, rollout = make_rollout(rows=2)
    seeded = (await get(rollout, f"/api/{name}", limit=1))[name][0]
    person = (
        {} if name in {"people", "deals"} else {"personId": (await get(rollout, PEOPLE))["people"][0]["id"]}
    )
    assert set(await add(rollout, name, **values, **person)) >= set(seeded)
