"""A walk through the Lofty double that calls each operation once and keeps the replies."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from tests.integration.lofty_double.conftest import NOW

MS = int(NOW * 1_000)
Reply = tuple[str, str, httpx.Response]


@dataclass
class Walk:
    """Calls by the operation's path pattern; `replies` are (method, pattern, reply)."""

    client: httpx.AsyncClient
    replies: list[tuple[str, str, httpx.Response]] = field(
        default_factory=list[tuple[str, str, httpx.Response]]
    )

    async def call(
        self, method: str, pattern: str, *, json: object = None, query: str = "", **path: object
    ) -> httpx.Response:
        url = pattern.format(**path) + (f"?{query}" if query else "")
        reply = await self.client.request(method, url, json=json)
        assert reply.status_code == 200, f"{method} {url}: {reply.text}"
        self.replies.append((method, pattern, reply))
        return reply


async def walk(client: httpx.AsyncClient) -> Walk:
    one = Walk(client)
    lead = await _leads(one)
    await _transactions(one, lead)
    await _tasks(one, lead)
    await _talks(one, lead)
    await _team(one)
    await one.call("DELETE", "/v1.0/leads/{leadId}", query="reason=done", leadId=lead)
    return one


async def _leads(one: Walk) -> int:
    base = "/v1.0/leads"
    values = {
        "firstName": "Ada",
        "lastName": "Byron",
        "emails": ["ada@example.com"],
        "phones": ["4155550101"],
        "tags": ["Poet"],
        "birthday": "Dec 10, 1985",
        "property": {"city": "Austin", "streetAddress": "1 Main St", "price": 100},
        "inquiry": {"priceMin": 1, "priceMax": 2, "locations": [{"city": "Austin", "stateCode": "TX"}]},
        "customAttributeList": [{"attributeName": "Favorite Color", "attributeType": "text", "value": "x"}],
        "leadFamilyMemberList": [{"firstName": "William"}],
    }
    lead = (await one.call("POST", base, json=values)).json()["leadId"]
    await one.call("GET", base, query="limit=3")
    await one.call("GET", f"{base}/{{leadId}}", leadId=lead)
    await one.call("PUT", f"{base}/{{leadId}}", json={"stage": "Hot"}, leadId=lead)
    body = {"firstName": "Ada", "email": "ada@example.com"}
    await one.call("POST", f"{base}/assignee", json=body)
    await one.call("POST", f"{base}/{{leadId}}/assignment", json=[{"role": "Agent"}], leadId=lead)
    await one.call("POST", f"{base}/{{leadId}}/property", json={"city": "Waco"}, leadId=lead)
    await one.call("POST", f"{base}/{{leadId}}/inquiry", json={"priceMin": 5}, leadId=lead)
    activity = {"type": "Search", "text": "t", "link": "https://a.example", "picture": "p", "created": MS}
    await one.call("POST", f"{base}/{{leadId}}/activity", json=activity, leadId=lead)
    await one.call("GET", f"{base}/{{leadId}}/activities", leadId=lead)
    await one.call("GET", "/v1.0/systemLogs", query=f"leadId={lead}")
    return lead


async def _transactions(one: Walk, lead: int) -> None:
    base = "/v1.0/leads/{leadId}/transaction"
    values = {"transactionName": "1 Main St", "homePrice": 1000.5, "expectedCloseDate": MS}
    made = (await one.call("POST", base, json=values, leadId=lead)).json()
    number = made["transactionId"]
    address = {"transactionId": number, "city": "Austin"}
    await one.call("POST", f"{base}/property/address", json=address, leadId=lead)
    path = f"{base}/{{transactionId}}"
    fields = (await one.call("GET", "/v1.0/transaction/customfields")).json()
    change = {"closeDate": MS, "customFields": [{"id": fields[0]["id"], "value": "x"}]}
    await one.call("PUT", path, json=change, leadId=lead, transactionId=number)
    await one.call("GET", path, leadId=lead, transactionId=number)
    await one.call("GET", f"{path}/property/address", leadId=lead, transactionId=number)
    await one.call("GET", "/v1.0/leads/{leadId}/transactions", leadId=lead)
    await one.call("GET", "/v2.0/transactions", query="transactionType=All&pageSize=3")
    await one.call("GET", "/v2.0/transactions/pipelines")


async def _tasks(one: Walk, lead: int) -> None:
    when = {"startAt": "2026-03-01T15:00:00-08:00", "endAt": "2026-03-01T16:00:00-08:00"}
    task = {"type": "Call", "content": "c", "assignedRole": "Agent", "leadId": lead, **when}
    number = (await one.call("POST", "/v2.0/tasks", json=task)).json()["taskId"]
    shown = {**task, "type": "Appointment", "address": "1 Main St"}
    await one.call("POST", "/v2.0/tasks", json=shown)
    path = "/v2.0/tasks/{taskId}"
    await one.call("GET", path, taskId=number)
    await one.call("PUT", path, json={"content": "d"}, taskId=number)
    await one.call("POST", f"{path}/finish", taskId=number)
    await one.call("GET", "/v2.0/tasks", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/appts", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/tasks", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/tasks/{taskId}", taskId=number)
    await one.call("POST", f"{path}/unfinish", taskId=number)
    await one.call("GET", "/v2.0/tasks/my-tasks", query="limit=2")
    await one.call("DELETE", path, taskId=number)
    old = {"type": "Text", "content": "c", "assignedRole": "Agent", "leadId": lead, "deadline": MS}
    number = (await one.call("POST", "/v1.0/tasks", json=old)).json()["taskId"]
    await one.call("PUT", "/v1.0/tasks/{taskId}", json={"finishFlag": True}, taskId=number)
    await one.call("DELETE", "/v1.0/tasks/{taskId}", taskId=number)
    event = {"type": "appointment", "content": "c", "leadId": lead, "timeZoneCode": "America/Chicago", **when}
    entry = (await one.call("POST", "/v2.0/calendar", json=event)).json()["data"]["id"]
    path = "/v2.0/calendar/{calendarId}"
    await one.call("PUT", path, json={"content": "d"}, calendarId=entry)
    await one.call("GET", "/v2.0/calendar", query=f"startTimeMs={MS}")
    await one.call("POST", f"{path}/finish", calendarId=entry)
    await one.call("POST", f"{path}/unfinish", calendarId=entry)
    await one.call("DELETE", path, calendarId=entry)


async def _talks(one: Walk, lead: int) -> None:
    note = {"leadId": lead, "content": "n", "isPin": False}
    number = (await one.call("POST", "/v1.0/notes", json=note)).json()["noteId"]
    await one.call("GET", "/v1.0/notes", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/notes/{noteId}", noteId=number)
    await one.call("PUT", "/v1.0/notes/{noteId}", json={**note, "content": "m"}, noteId=number)
    await one.call("DELETE", "/v1.0/notes/{noteId}", noteId=number)
    log = {"leadId": lead, "content": "c", "leadPhoneNumber": "4155550101", "emailSubject": "s"}
    ids: dict[str, int] = {}
    for channel in ("Call", "Text", "Email"):
        made = await one.call("POST", "/v1.0/logType", json={**log, "logType": f"log{channel}"})
        ids[channel] = made.json()["logType"]["id"]
        await one.call("GET", "/v1.0/logType", query=f"leadId={lead}&logType=log{channel}")
        lower = channel.lower()
        await one.call("GET", f"/v1.0/communication/{lower}", query=f"leadId={lead}")
        path = f"/v2.0/communication/{lower}/{{communicationId}}"
        await one.call("GET", path, communicationId=ids[channel])
    await one.call("GET", "/v1.0/communication/call/v2", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/calls", query=f"leadId={lead}")
    await one.call("GET", "/v1.0/calls/{callId}", callId=ids["Call"])
    await one.call("GET", "/v2.0/leads/{leadId}/activities", leadId=lead)
    window = {"startTime": MS - 1_000, "endTime": MS + 1_000}
    query = "&".join(f"{key}={value}" for key, value in window.items())
    await one.call("GET", "/v2.0/communication/agent", query=query)
    await one.call("POST", "/v1.0/agent/communication", json={"type": "ALL", **window})
    await one.call("GET", "/v1.0/logType/{logTypeId}", logTypeId=ids["Email"])
    await one.call("DELETE", "/v1.0/logType/{logTypeId}", logTypeId=ids["Email"])


async def _team(one: Walk) -> None:
    me = (await one.call("GET", "/v1.0/me")).json()
    await one.call("GET", "/v1.0/members", query="limit=2")
    await one.call("GET", "/v1.0/members/{account}", account=me["email"])
    await one.call("GET", "/v1.0/users/{userId}", userId=me["memberUserId"])
    await one.call("GET", "/v1.0/teamFeatures/lead-pipelines", query="pageSize=2")
    await one.call("GET", "/v1.0/teamFeatures/listCustomField")
    field = {"attributeName": "Pets", "attributeType": "text"}
    await one.call("POST", "/v1.0/teamFeatures/custom-field", json=field)
    await one.call("GET", "/v1.0/teamFeatures/listTag")
    ponds = (await one.call("GET", "/v1.0/team-features/lead-ponds")).json()
    await one.call("GET", "/v1.0/team-features/lead-pond/{id}", id=ponds[0]["id"])
    await one.call("GET", "/v1.0/org")
    await one.call("GET", "/v1.0/org/permission/profiles")
    await one.call("GET", "/v1.0/vendor/list")
    hook = {"listId": 2, "callbackUrl": "https://app.example.com/hook"}
    made = (await one.call("POST", "/v1.0/webhook", json=hook)).json()
    await one.call("GET", "/v1.0/webhooks")
    await one.call("DELETE", "/v1.0/webhook/{subscribeId}", subscribeId=made["subscribeId"])
