"""Transactions, tasks, calendar, notes, calls, members and webhooks of the Lofty double."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.lofty.double import LoftyDouble
from tests.integration.lofty_double.conftest import NOW, Make, add_lead, get, refusal

pytestmark = pytest.mark.anyio
MS = int(NOW * 1_000)
WHEN = {"startAt": "2026-03-01T15:00:00-08:00", "endAt": "2026-03-01T16:00:00-08:00"}


def bodies(double: LoftyDouble) -> list[Any]:
    """What was sent to webhooks, which is forgotten."""
    return [json.loads(str(message["body"])) for message in double.outbox(clear=True)]


async def test_transactions_come_by_type_in_pages_from_zero(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=230)
    truth = list(double.truth("Transactions"))
    path = "/v2.0/transactions"
    everything = [
        one["transactionId"]
        for number in range(4)
        for one in (await get(lofty, path, transactionType="all", pageSize=100, pageNum=number))["pageData"]
    ]
    assert sorted(everything) == [row["transactionId"] for row in truth]
    first = await get(lofty, path)
    purchases = [row for row in truth if row["transactionType"] == "Purchase"]
    assert (first["pageNum"], first["pageSize"], first["totalCount"]) == (0, 20, len(purchases))
    row = truth[5]
    found = await get(lofty, path, transactionType="All", leadId=row["leadId"])
    assert row["transactionId"] in [one["transactionId"] for one in found["pageData"]]
    found = await get(lofty, path, transactionType="All", queryKey=str(row["transactionName"]).upper())
    assert row["transactionId"] in [one["transactionId"] for one in found["pageData"]]
    assert refusal(await lofty.get(path, params={"pageSize": "101"})) == (400, 20042)
    assert refusal(await lofty.get(path, params={"pageNum": "-1"})) == (400, 20012)
    assert refusal(await lofty.get(path, params={"transactionType": "Gift"})) == (400, 20012)


async def test_an_unknown_stage_or_type_falls_back_on_create_and_is_refused_on_change(
    lofty: httpx.AsyncClient,
) -> None:
    lead = await add_lead(lofty)
    path = f"/v1.0/leads/{lead}/transaction"
    values = {"transactionName": "1 Main St", "transactionType": "listing", "transactionStatus": "Nowhere"}
    made = (await lofty.post(path, json=values)).json()
    assert (made["transactionType"], made["transactionStatus"]) == ("Purchase", "Pre-contract")
    assert made["created"] == made["updated"] == MS
    one = f"{path}/{made['transactionId']}"
    assert refusal(await lofty.put(one, json={"transactionStatus": "Nowhere"})) == (400, 200125)
    moved = (await lofty.put(one, json={"transactionStatus": "under contract", "closeDate": MS})).json()
    assert (moved["transactionStatus"], moved["closeDate"]) == ("Under Contract", MS)
    assert moved["transactionName"] == "1 Main St"


async def test_a_transaction_belongs_to_its_lead_and_cannot_be_deleted(lofty: httpx.AsyncClient) -> None:
    lead, other = await add_lead(lofty), await add_lead(lofty)
    path = f"/v1.0/leads/{lead}/transaction"
    number = (await lofty.post(path, json={"transactionName": "A"})).json()["transactionId"]
    stranger = f"/v1.0/leads/{other}/transaction/{number}"
    assert refusal(await lofty.get(stranger)) == (404, 200060)
    assert refusal(await lofty.get(f"/v1.0/leads/5/transaction/{number}")) == (404, 20006)
    assert (await lofty.delete(f"{path}/{number}")).status_code == 405
    for name in (" ", "<b>", None):
        assert refusal(await lofty.post(path, json={"transactionName": name})) == (400, 200062)
    for wrong in ({"closeDate": "2026-01-01"}, {"homePrice": "5"}, {"customFields": [{"id": 5}]}):
        assert refusal(await lofty.put(f"{path}/{number}", json=wrong)) == (400, 20012)


async def test_a_write_replaces_all_custom_fields_of_a_transaction(lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty)
    path = f"/v1.0/leads/{lead}/transaction"
    first, second = (field["id"] for field in await get(lofty, "/v1.0/transaction/customfields"))
    both = [{"id": first, "value": "x"}, {"id": second, "value": "None"}]
    made = (await lofty.post(path, json={"transactionName": "A", "customFields": both})).json()
    assert made["customFields"] == both
    one = f"{path}/{made['transactionId']}"
    assert (await lofty.put(one, json={"customFields": both[1:]})).json()["customFields"] == both[1:]
    assert (await lofty.put(one, json={"homePrice": 5})).json()["customFields"] == both[1:]


async def test_tasks_and_appointments_share_their_ids(double: LoftyDouble, lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty)
    task = {"type": "Call", "content": "c", "assignedRole": "Agent", "leadId": lead, **WHEN}
    number = (await lofty.post("/v2.0/tasks", json=task)).json()["taskId"]
    shown = {**task, "type": "Appointment", "timeZoneCode": "UTC"}
    appointment = (await lofty.post("/v2.0/tasks", json=shown)).json()["taskId"]
    held = (await get(lofty, f"/v2.0/tasks/{number}"))["task"]
    assert (held["startAt"], held["finishFlag"]) == (WHEN["startAt"], False)
    other = (await get(lofty, f"/v2.0/tasks/{appointment}"))["task"]
    assert (other["type"], other["startAt"]) == ("Appointment", "2026-03-01T23:00:00GMT")
    tasks = (await get(lofty, "/v2.0/tasks", leadId=lead))["tasks"]
    assert {one["id"] for one in tasks} == {number, appointment}
    assert [one["id"] for one in (await get(lofty, "/v1.0/tasks", leadId=lead))["taskList"]] == [number]
    assert [one["id"] for one in await get(lofty, "/v1.0/appts", leadId=lead)] == [appointment]
    assert refusal(await lofty.get(f"/v1.0/tasks/{appointment}")) == (404, "TASK_NOT_EXIST")
    assert refusal(await lofty.put(f"/v2.0/tasks/{number}", json={})) == (400, "MISSING_PARAMETER")
    await lofty.post(f"/v2.0/tasks/{number}/finish")
    old = (await get(lofty, f"/v1.0/tasks/{number}"))["task"]
    assert (old["finishFlag"], old["deadline"]) == (True, "2026-03-02 00:00:00")
    assert old["finishTime"] == "2026-01-01 09:00:00"
    await lofty.delete(f"/v2.0/tasks/{appointment}")
    assert [row["id"] for row in double.truth("Tasks")] == [number]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "Party"}, 20012),
        ({"content": None}, 20012),
        ({"assignedRole": "King"}, 20012),
        ({"endAt": "2026-03-01 16:00:00"}, 20012),
        ({"startAt": "2026-03-02T15:00:00-08:00"}, 20012),
        ({"timeZoneCode": "Mars/Olympus"}, 20012),
        ({"leadId": 5}, 20017),
    ],
)
async def test_a_wrong_task_is_refused(
    change: dict[str, object], code: int, lofty: httpx.AsyncClient
) -> None:
    lead = await add_lead(lofty)
    task = {"type": "Call", "content": "c", "assignedRole": "Agent", "leadId": lead, **WHEN, **change}
    assert refusal(await lofty.post("/v2.0/tasks", json=task)) == (400, code)


async def test_ones_own_tasks_are_paged_by_the_last_id(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=60)
    mine = {row["id"] for row in double.truth("Tasks") if row["assignedUserId"] == double.team.caller.id}
    found: list[int] = []
    path, last = "/v2.0/tasks/my-tasks", 0
    while page := (await get(lofty, path, limit=4, currentId=last))["tasks"]:
        found += [one["id"] for one in page]
        last = found[-1]
    assert len(found) == len(mine) == len(set(found))
    assert set(found) == mine
    assert refusal(await lofty.get(path, params={"limit": "101"})) == (400, "LIMIT_NOT_VALID")


async def test_the_calendar_needs_a_window_and_has_ids_with_kinds(lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty)
    path = "/v2.0/calendar"
    assert refusal(await lofty.get(path)) == (400, 20012)
    event = {"type": "TASK", "content": "c", "leadId": lead, "timeZoneCode": "America/Chicago", **WHEN}
    assert refusal(await lofty.post(path, json=event)) == (400, 20012)
    made = (await lofty.post(path, json={**event, "taskWay": "Call"})).json()["data"]
    assert made["id"].endswith("-task")
    days = [f"2026-03-0{day}T00:00:00-06:00" for day in (5, 6)]
    whole = {**event, "type": "APPOINTMENT", "startAt": days[0], "endAt": days[1]}
    entry = (await lofty.post(path, json=whole)).json()["data"]["id"]
    assert (await get(lofty, f"/v2.0/tasks/{entry.partition('-')[0]}"))["task"]["allDay"] is True
    listed = (await get(lofty, path, startTimeMs=MS, desc="false"))["data"]
    assert (listed["total"], [one["id"] for one in listed["items"]]) == (2, [made["id"], entry])
    assert listed["items"][0]["startAt"] == "2026-03-01T17:00:00-06:00"
    window = await lofty.get(
        f"{path}?startTime=2026-03-04T00:00:00-06:00&endTime=2026-03-09T00:00:00%2B00:00"
    )
    assert [one["id"] for one in window.json()["data"]["items"]] == [entry]
    await lofty.post(f"{path}/{made['id']}/finish")
    assert (await get(lofty, path, startTimeMs=MS))["data"]["total"] == 1
    assert (await get(lofty, path, startTimeMs=MS, includeFinished="true"))["data"]["total"] == 2
    past = {**event, "taskWay": "Call", "startAt": "2025-03-01T15:00:00-08:00"}
    assert refusal(await lofty.post(path, json=past)) == (400, 20012)
    wrong = made["id"].replace("task", "appointment")
    assert refusal(await lofty.delete(f"{path}/{wrong}")) == (400, 20012)
    assert (await lofty.delete(f"{path}/{made['id']}")).json() == {"message": "success"}


async def test_notes_are_cut_and_naive_and_late(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"persist_seconds": "1"})
    lead = await add_lead(lofty)
    double.clock.advance(1)
    note = {"leadId": lead, "content": "n" * 2_001, "isPin": False}
    made = (await lofty.post("/v1.0/notes", json=note)).json()
    path = f"/v1.0/notes/{made['noteId']}"
    change = {"content": "m", "isPin": True, "leadId": lead}
    assert refusal(await lofty.get(path)) == (404, 20007)
    assert refusal(await lofty.put(path, json=change)) == (404, 20007)
    double.clock.advance(1)
    held = (await get(lofty, path))["note"]
    assert (len(held["content"]), held["createTime"]) == (2_000, "2026-01-01 09:00:01")
    assert held["id"] != held["noteId"]
    assert (await lofty.put(path, json=change)).content == b""
    assert (await get(lofty, "/v1.0/notes", leadId=lead))["notes"][0]["content"] == "m"
    wrong = await lofty.put(path, json={**change, "leadId": 5})
    assert refusal(wrong) == (400, "INVALID_UPDATE_OPERATION_LEADID")
    for values in (
        {**note, "content": " "},
        {"leadId": lead, "content": "n"},
        {"content": "n", "isPin": True},
    ):
        assert refusal(await lofty.post("/v1.0/notes", json=values)) == (400, 20012)
    fresh = (await lofty.post("/v1.0/notes", json=note)).json()
    assert (await lofty.delete(f"/v1.0/notes/{fresh['noteId']}")).status_code == 200


async def test_system_notes_come_when_asked_for(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=200)
    row = next(row for row in double.truth("Notes") if row["systemNote"])
    plain = await get(lofty, "/v1.0/notes", leadId=row["leadId"])
    every = await get(lofty, "/v1.0/notes", leadId=row["leadId"], includeSystemNote="true")
    assert row["noteId"] not in [one["noteId"] for one in plain["notes"]]
    assert row["noteId"] in [one["noteId"] for one in every["notes"]]


async def test_manual_logs_are_paged_by_offset_or_last_id(lofty: httpx.AsyncClient) -> None:
    lead = await add_lead(lofty)
    path = "/v1.0/logType"
    log = {
        "leadId": lead,
        "logType": "logCall",
        "content": "c",
        "leadPhoneNumber": "415",
        "callingOutcome": "Odd",
    }
    ids = [(await lofty.post(path, json=log)).json()["logType"]["id"] for _ in range(5)]
    listed = (await get(lofty, path, leadId=lead, logType="logCall", limit=2, offset=1))["logType"]
    assert [one["id"] for one in listed] == ids[1:3]
    assert listed[0]["callingOutcome"] == "Talked"
    listed = (await get(lofty, path, leadId=lead, logType="logCall", currentId=ids[3]))["logType"]
    assert [one["id"] for one in listed] == ids[4:]
    deep = await lofty.get(path, params={"leadId": lead, "logType": "logCall", "offset": 20_000})
    assert refusal(deep) == (400, 200104)
    assert refusal(await lofty.get(path, params={"leadId": lead, "logType": "logcall"})) == (400, 20012)
    wrong: list[tuple[dict[str, object], int]] = [
        ({"leadPhoneNumber": None}, 20012),
        ({"leadPhoneNumber": "4" * 21}, 20043),
        ({"outboundOrInbound": "Outbound"}, 20012),
    ]
    for change, code in wrong:
        assert refusal(await lofty.post(path, json={**log, **change})) == (400, code)
    calls = await get(lofty, "/v1.0/calls", leadId=lead, limit=2, offset=4)
    assert (calls["_metadata"]["total"], [one["id"] for one in calls["calls"]]) == (5, ids[4:])
    history = (await get(lofty, "/v1.0/communication/call", leadId=lead, currentId=ids[2]))["calls"]
    assert [one["id"] for one in history] == ids[3:]
    assert (await lofty.delete(f"{path}/{ids[0]}")).content == b""
    assert refusal(await lofty.get(f"{path}/{ids[0]}")) == (404, 20007)


async def test_an_agents_communications_are_paged_by_a_cursor(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=60)
    start = 1_672_646_400_000
    window = {"startTime": start, "endTime": start + 90 * 86_400_000, "teamView": "true", "limit": 2}
    path = "/v2.0/communication/agent"
    page = await get(lofty, path, **window)
    found = list(page["data"])
    while page.get("nextCursor"):
        page = await get(lofty, path, **window, cursor=page["nextCursor"])
        found += page["data"]
    truth = [row["id"] for row in double.truth("Communications")]
    assert [one["id"] for one in found] == truth[: len(found)]
    assert len(found) > 4
    assert page["hasMore"] is False
    wider = {**window, "endTime": start + 91 * 86_400_000}
    assert refusal(await lofty.get(path, params={key: str(value) for key, value in wider.items()})) == (
        400,
        20012,
    )
    assert refusal(await lofty.get(path, params={"startTime": "1", "endTime": "2", "cursor": "x"})) == (
        400,
        20012,
    )


async def test_members_are_read_by_page_account_and_id(double: LoftyDouble, lofty: httpx.AsyncClient) -> None:
    page = await get(lofty, "/v1.0/members", limit=2, offset=1)
    assert (page["_metadata"]["total"], len(page["members"])) == (len(double.team.members), 2)
    member = page["members"][0]
    assert await get(lofty, f"/v1.0/members/{member['email']}") == member
    assert await get(lofty, f"/v1.0/users/{member['memberUserId']}") == member
    assert refusal(await lofty.get("/v1.0/members/nobody@example.com")) == (404, 20003)
    assert refusal(await lofty.get("/v1.0/members?limit=5000")) == (400, "LIMIT_PARAM_OVERSIZE")
    stages = await get(lofty, "/v1.0/teamFeatures/lead-pipelines", currPage=1, pageSize=5)
    assert [one["name"] for one in stages["pipelines"]] == [one.name for one in double.team.stages[5:10]]


async def test_events_are_gathered_into_unsigned_batches(make_lofty: Make) -> None:
    double, lofty = make_lofty(settings={"webhook_seconds": "60"})

    async def subscribe(list_id: int, **more: object) -> httpx.Response:
        hook = {"listId": list_id, "callbackUrl": "https://app.example.com/hook?key=s", **more}
        return await lofty.post("/v1.0/webhook", json=hook)

    kept = (await subscribe(2, limit=2)).json()
    assert kept["subscribeId"]
    assert (await subscribe(12)).status_code == 200
    leads = [await add_lead(lofty) for _ in range(3)]
    await lofty.put(f"/v1.0/leads/{leads[0]}", json={"stage": "Hot"})
    await lofty.delete(f"/v1.0/leads/{leads[1]}", params={"reason": "r"})
    assert bodies(double) == []
    double.clock.advance(60)
    sent = bodies(double)
    assert all(body["teamId"] == kept["teamId"] for body in sent)
    lists = [{key: value for key, value in body.items() if key != "teamId"} for body in sent]
    ids = [{"leadId": lead} for lead in leads]
    assert lists[:3] == [
        {"listId": 2, "createdLead": ids[:2]},
        {"listId": 2, "createdLead": ids[2:], "updatedLead": ids[:1]},
        {"listId": 2, "deletedLead": ids[1:2]},
    ]
    change = {**ids[0], "fromStageName": "New Lead", "toStageName": "Hot"}
    assert lists[3:] == [{"listId": 12, "updatedPipeline": [change]}]
    assert refusal(await subscribe(13)) == (400, "WEBHOOK_TYPE_ERROR")
    plain = await subscribe(2, callbackUrl="http://app.example.com/hook")
    assert refusal(plain) == (400, "WEBHOOK_CALLBACK_URL_INVALID")
    assert refusal(await subscribe(2, limit=5_001)) == (400, 20012)
    assert [one["listId"] for one in await get(lofty, "/v1.0/webhooks")] == [2, 12]
    path = f"/v1.0/webhook/{kept['subscribeId']}"
    assert (await lofty.delete(path)).content == b""
    assert refusal(await lofty.delete(path)) == (400, "WEBHOOK_DELETE_NOT_EXIST")


@pytest.mark.parametrize(
    ("list_id", "names"),
    [
        (5, ["createdTransaction"]),
        (8, ["createdText"]),
        (9, ["createdNote"]),
        (10, ["createdTask", "finishedTask"]),
        (11, ["createdAppointment"]),
    ],
)
async def test_each_kind_of_record_has_its_events(
    list_id: int, names: list[str], double: LoftyDouble, lofty: httpx.AsyncClient
) -> None:
    lead = await add_lead(lofty)
    await lofty.post("/v1.0/webhook", json={"listId": list_id, "callbackUrl": "https://app.example.com"})
    await lofty.post(f"/v1.0/leads/{lead}/transaction", json={"transactionName": "A"})
    await lofty.post("/v1.0/logType", json={"leadId": lead, "logType": "logText", "content": "c"})
    await lofty.post("/v1.0/notes", json={"leadId": lead, "content": "n", "isPin": False})
    task = {"type": "Call", "content": "c", "assignedRole": "Agent", "leadId": lead, **WHEN}
    number = (await lofty.post("/v2.0/tasks", json=task)).json()["taskId"]
    await lofty.post(f"/v2.0/tasks/{number}/finish")
    await lofty.post("/v2.0/tasks", json={**task, "type": "Appointment"})
    (body,) = bodies(double)
    assert [key for key in body if key not in {"teamId", "listId"}] == names
    assert all(item["leadId"] == lead for name in names for item in body[name])


async def test_other_addresses_and_methods_are_told(lofty: httpx.AsyncClient) -> None:
    assert (await lofty.get("/v1.0/companies")).status_code == 404
    assert (await lofty.patch("/v1.0/leads/5", json={})).status_code == 405
