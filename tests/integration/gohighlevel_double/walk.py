"""A walk through all operations of the double: the replies, with the paths of the OpenAPI files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble

REDIRECT = "https://app.example.com/callback"


@dataclass
class Walk:
    """Calls with the location's token (or the agency's), and their replies: (file, method, path, reply)."""

    double: GoHighLevelDouble
    ghl: httpx.AsyncClient
    replies: list[tuple[str, str, str, httpx.Response]] = field(default_factory=list[Any])

    async def call(
        self, file: str, method: str, path: str, *ids: str, agency: bool = False, **more: Any
    ) -> dict[str, Any]:
        """Make a call; the names in braces stand for `ids`."""
        rest = iter(ids)
        url = re.sub(r"\{\w+\}", lambda _: next(rest), path)
        headers: dict[str, str] = {}
        if agency:
            headers["Authorization"] = f"Bearer {self.double.credentials['agency_access_token']}"
        reply = await self.ghl.request(method, url, headers=headers, **more)
        assert reply.is_success, f"{method} {url}: {reply.text}"
        self.replies.append((file, method, path, reply))
        return reply.json()


async def walk(double: GoHighLevelDouble, ghl: httpx.AsyncClient) -> Walk:
    """Go through everything, each operation once or more."""
    made = Walk(double, ghl)
    own = {"locationId": double.credentials["location_id"]}
    contact = await _contacts(made, own)
    await _parts(made, own, contact)
    await _opportunities(made, own, contact)
    await _objects(made, own)
    await _associations(made, own, contact)
    await _metadata(made, own)
    await _calendars(made, own, contact)
    await made.call("contacts", "DELETE", "/contacts/{contactId}", contact)
    await _agency(made)
    return made


async def _contacts(made: Walk, own: dict[str, str]) -> str:
    call, file, one = made.call, "contacts", "/contacts/{contactId}"
    field = next(item for item in made.double.agency.main.fields.values() if item.type == "SINGLE_OPTIONS")
    body = {
        **own,
        "firstName": "Ada",
        "lastName": "Okafor",
        "email": "ada@example.com",
        "phone": "+16175550101",
        "tags": ["vip"],
        "dateOfBirth": "1990-09-25",
        "customFields": [{"id": field.id, "field_value": "English"}],
        "source": "web",
        "companyName": "Acme",
        "gender": "female",
        "assignedTo": made.double.agency.users[0].id,
        "dndSettings": {"Email": {"status": "active"}},
    }
    contact = (await call(file, "POST", "/contacts/", json=body))["contact"]["id"]
    await call(file, "GET", one, contact)
    await call(file, "PUT", one, contact, json={"city": "Leeds"})
    await call(file, "POST", "/contacts/upsert", json={**own, "email": "ada@example.com", "state": "MA"})
    await call(file, "GET", "/contacts/", params={**own, "limit": 2})
    await call(file, "POST", "/contacts/search", json={**own, "pageLimit": 2})
    await call(file, "GET", "/contacts/search/duplicate", params={**own, "email": "ada@example.com"})
    business = await call("businesses", "POST", "/businesses/", json={**own, "name": "Acme", "phone": "1"})
    business_id = business["buiseness"]["id"]
    await call("businesses", "GET", "/businesses/{businessId}", business_id)
    await call("businesses", "PUT", "/businesses/{businessId}", business_id, json={"city": "Leeds"})
    await call("businesses", "GET", "/businesses/", params=own)
    ids = {**own, "ids": [contact], "businessId": business_id}
    await call(file, "POST", "/contacts/bulk/business", json=ids)
    await call(file, "GET", "/contacts/business/{businessId}", business_id, params=own)
    await call("businesses", "DELETE", "/businesses/{businessId}", business_id)
    tags = {**own, "contacts": [contact, "nobody"], "tags": ["new"]}
    await call(file, "POST", "/contacts/bulk/tags/update/{type}", "add", json=tags)
    return contact


async def _parts(made: Walk, own: dict[str, str], contact: str) -> None:
    call, file, one = made.call, "contacts", "/contacts/{contactId}"
    users = {"followers": [made.double.agency.users[0].id]}
    await call(file, "POST", f"{one}/tags", contact, json={"tags": ["hot"]})
    await call(file, "DELETE", f"{one}/tags", contact, json={"tags": ["hot"]})
    await call(file, "POST", f"{one}/followers", contact, json=users)
    await call(file, "DELETE", f"{one}/followers", contact, json=users)
    for path in (f"{one}/campaigns/{{campaignId}}", f"{one}/workflow/{{workflowId}}"):
        await call(file, "POST", path, contact, "x", json={})
        await call(file, "DELETE", path, contact, "x")
    task = {"title": "t", "body": "b", "dueDate": "2026-02-01T00:00:00Z", "completed": False}
    task_id = (await call(file, "POST", f"{one}/tasks", contact, json=task))["task"]["id"]
    await call(file, "GET", f"{one}/tasks", contact)
    await call(file, "GET", f"{one}/tasks/{{taskId}}", contact, task_id)
    await call(file, "PUT", f"{one}/tasks/{{taskId}}", contact, task_id, json={"title": "u"})
    done = {"completed": True}
    await call(file, "PUT", f"{one}/tasks/{{taskId}}/completed", contact, task_id, json=done)
    at = "/locations/{locationId}"
    await call("locations", "POST", f"{at}/tasks/search", own["locationId"], json={"query": "nothing"})
    await call(file, "DELETE", f"{one}/tasks/{{taskId}}", contact, task_id)
    note = {"body": "n", "title": "t", "pinned": True, "userId": made.double.agency.users[0].id}
    note_id = (await call(file, "POST", f"{one}/notes", contact, json=note))["note"]["id"]
    await call(file, "GET", f"{one}/notes", contact)
    await call(file, "GET", f"{one}/notes/{{id}}", contact, note_id)
    await call(file, "PUT", f"{one}/notes/{{id}}", contact, note_id, json={"body": "m"})
    await call(file, "DELETE", f"{one}/notes/{{id}}", contact, note_id)


async def _opportunities(made: Walk, own: dict[str, str], contact: str) -> None:
    call, file, one = made.call, "opportunities", "/opportunities/{id}"
    pipelines = await call(file, "GET", "/opportunities/pipelines", params=own)
    await call(file, "GET", "/opportunities/lost-reason", params=own)
    field = next(item for item in made.double.agency.main.fields.values() if item.model == "opportunity")
    body = {
        **own,
        "pipelineId": pipelines["pipelines"][0]["id"],
        "name": "D",
        "status": "open",
        "contactId": contact,
        "monetaryValue": 5,
        "customFields": [{"id": field.id, "field_value": "Large"}],
        "assignedTo": made.double.agency.users[0].id,
    }
    deal = (await call(file, "POST", "/opportunities/", json=body))["opportunity"]["id"]
    await call(file, "GET", one, deal)
    await call(file, "PUT", one, deal, json={"name": "E"})
    await call(file, "PUT", f"{one}/status", deal, json={"status": "won"})
    again = {key: body[key] for key in ("locationId", "pipelineId", "contactId")}
    await call(file, "POST", "/opportunities/upsert", json=again)
    users = {"followers": [made.double.agency.users[0].id]}
    await call(file, "POST", f"{one}/followers", deal, json=users)
    await call(file, "DELETE", f"{one}/followers", deal, json=users)
    await call(file, "GET", "/opportunities/search", params={"location_id": own["locationId"], "limit": 1})
    await call(file, "POST", "/opportunities/search", json={**own, "limit": 1})
    await call(file, "DELETE", one, deal)


async def _objects(made: Walk, own: dict[str, str]) -> None:
    call, at = made.call, "/objects/{schemaKey}/records"
    await call("objects", "GET", "/objects/", params=own)
    await call("objects", "GET", "/objects/{key}", "business", params=own)
    body = {**own, "properties": {"name": "Acme", "phone": "1"}}
    record = (await call("objects", "POST", at, "business", json=body))["record"]["id"]
    await call("objects", "GET", f"{at}/{{id}}", "business", record)
    changes = {"properties": {"city": "Leeds"}}
    await call("objects", "PUT", f"{at}/{{id}}", "business", record, params=own, json=changes)
    page = {**own, "page": 1, "pageLimit": 10}
    await call("objects", "POST", f"{at}/search", "business", json=page)
    await call("objects", "DELETE", f"{at}/{{id}}", "business", record)


async def _associations(made: Walk, own: dict[str, str], contact: str) -> None:
    call, file, one = made.call, "associations", "/associations/{associationId}"
    labels = {"firstObjectLabel": "parent", "secondObjectLabel": "child"}
    ends = {"firstObjectKey": "contact", "secondObjectKey": "contact"}
    body = {**own, "key": "parent_child", **ends, **labels}
    made_id = (await call(file, "POST", "/associations/", json=body))["id"]
    page = {**own, "skip": 0, "limit": 10}
    await call(file, "GET", "/associations/", params=page)
    await call(file, "GET", one, made_id)
    await call(file, "GET", "/associations/key/{key_name}", "parent_child", params=own)
    await call(file, "GET", "/associations/objectKey/{objectKey}", "contact", params=own)
    await call(file, "PUT", one, made_id, json=labels)
    other = (await call("contacts", "POST", "/contacts/", json={**own, "firstName": "B"}))["contact"]["id"]
    pair = {"associationId": made_id, "firstRecordId": contact, "secondRecordId": other}
    relation = (await call(file, "POST", "/associations/relations", json={**own, **pair}))["id"]
    await call(file, "GET", "/associations/relations/{recordId}", other, params=page)
    await call(file, "DELETE", "/associations/relations/{relationId}", relation, params=own)
    await call(file, "DELETE", one, made_id)


async def _metadata(made: Walk, own: dict[str, str]) -> None:
    call, file, at, here = made.call, "locations", "/locations/{locationId}", own["locationId"]
    await call(file, "GET", at, here)
    field = {"name": "Tier", "dataType": "SINGLE_OPTIONS", "textBoxListOptions": ["A"]}
    made_field = await call(file, "POST", f"{at}/customFields", here, json=field)
    field_id = made_field["customField"]["id"]
    await call(file, "GET", f"{at}/customFields", here)
    await call(file, "GET", f"{at}/customFields/{{id}}", here, field_id)
    await call(file, "PUT", f"{at}/customFields/{{id}}", here, field_id, json={"name": "Level"})
    await call(file, "DELETE", f"{at}/customFields/{{id}}", here, field_id)
    await call("custom-fields", "GET", "/custom-fields/object-key/{objectKey}", "contact", params=own)
    value = {"name": "Name", "value": "Acme"}
    value_id = (await call(file, "POST", f"{at}/customValues", here, json=value))["customValue"]["id"]
    await call(file, "GET", f"{at}/customValues", here)
    await call(file, "GET", f"{at}/customValues/{{id}}", here, value_id)
    await call(file, "PUT", f"{at}/customValues/{{id}}", here, value_id, json=value)
    await call(file, "DELETE", f"{at}/customValues/{{id}}", here, value_id)
    tag = (await call(file, "POST", f"{at}/tags", here, json={"name": "cold"}))["tag"]["id"]
    await call(file, "GET", f"{at}/tags/{{tagId}}", here, tag)
    await call(file, "PUT", f"{at}/tags/{{tagId}}", here, tag, json={"name": "warm"})
    await call(file, "GET", f"{at}/tags", here)
    await call(file, "DELETE", f"{at}/tags/{{tagId}}", here, tag)
    await call("users", "GET", "/users/", params=own)
    await call("users", "GET", "/users/{userId}", made.double.agency.users[0].id)


async def _calendars(made: Walk, own: dict[str, str], contact: str) -> None:
    call, file, one = made.call, "calendars", "/calendars/events/appointments/{eventId}"
    calendars = (await call(file, "GET", "/calendars/", params=own))["calendars"]
    calendar = calendars[0]["id"]
    await call(file, "GET", "/calendars/{calendarId}", calendar)
    body = {**own, "calendarId": calendar, "contactId": contact, "startTime": "2026-02-01T10:00:00Z"}
    booked = await call(file, "POST", "/calendars/events/appointments", json={**body, "title": "Visit"})
    await call(file, "GET", one, booked["id"])
    await call(file, "PUT", one, booked["id"], json={"title": "Call"})
    times = {"calendarId": calendar, "startTime": "0", "endTime": "2000000000000"}
    await call(file, "GET", "/calendars/events", params={**own, **times})
    await call(file, "GET", "/calendars/blocked-slots", params={**own, **times})
    await call(file, "GET", "/calendars/groups", params=own)
    await call("contacts", "GET", "/contacts/{contactId}/appointments", contact)
    await call(file, "DELETE", "/calendars/events/{eventId}", booked["id"])


async def _agency(made: Walk) -> None:
    known, call = made.double.credentials, made.call
    company = {"companyId": known["company_id"]}
    await call("users", "GET", "/users/search", agency=True, params=company)
    ada = {"firstName": "Ada", "lastName": "New", "email": "ada.new@example.com", "password": "x"}
    place = {"type": "account", "role": "user", "locationIds": [known["location_id"]]}
    user = (await call("users", "POST", "/users/", agency=True, json={**company, **ada, **place}))["id"]
    await call("users", "PUT", "/users/{userId}", user, agency=True, json={"lastName": "Newer"})
    wanted = {**company, "emails": "ada.new@example.com"}
    await call("users", "POST", "/users/search/filter-by-email", agency=True, json=wanted)
    await call("users", "DELETE", "/users/{userId}", user, agency=True)
    await call("locations", "GET", "/locations/search", agency=True, params=company)
    await call("companies", "GET", "/companies/{companyId}", known["company_id"], agency=True)
    app = {"appId": known["client_id"].split("-")[0]}
    await call("oauth", "GET", "/oauth/installedLocations", agency=True, params={**company, **app})
    location = {**company, "locationId": known["location_id"]}
    await call("oauth", "POST", "/oauth/locationToken", agency=True, data=location)
    secret = {key: known[key] for key in ("client_id", "client_secret")}
    for name in ("refresh_token", "agency_refresh_token"):
        refresh = {**secret, "grant_type": "refresh_token", "refresh_token": known[name]}
        await call("oauth", "POST", "/oauth/token", data=refresh)
