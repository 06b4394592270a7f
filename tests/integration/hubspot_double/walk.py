"""A walk through all operations of the double, in the numbered versions of paths: the replies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS

STAMP = "2026-01-02T03:04:05Z"
TYPES: dict[str, dict[str, object]] = {
    "contacts": {"email": "ada@example.com"},
    "companies": {"name": "Acme"},
    "deals": {"dealname": "D", "dealstage": "closedwon"},
    "tickets": {"subject": "T", "hs_pipeline_stage": "1"},
    "leads": {"hs_lead_name": "L"},
    **{
        name: {"hs_timestamp": STAMP}
        for name in ("notes", "tasks", "calls", "meetings", "emails", "communications")
    },
}
ASSOCIATIONS = "/crm/v4/associations/contacts/companies"


@dataclass
class Walk:
    """Calls with the private app's token, or the developer's key, and their replies."""

    double: HubSpotDouble
    hubspot: httpx.AsyncClient
    replies: list[httpx.Response] = field(default_factory=list[httpx.Response])

    async def call(self, method: str, path: str, json: object = None, **params: str) -> dict[str, Any]:
        """Make a call and keep the reply."""
        headers = {"Authorization": ""} if "hapikey" in params else None
        reply = await self.hubspot.request(method, path, json=json, params=params or None, headers=headers)
        assert reply.is_success, f"{method} {path}: {reply.text}"
        self.replies.append(reply)
        return reply.json() if reply.content else {}


async def walk(double: HubSpotDouble, hubspot: httpx.AsyncClient) -> Walk:
    """Go through everything, each operation once or more."""
    made = Walk(double, hubspot)
    company = (await made.call("POST", f"{OBJECTS}/companies", {"properties": {"name": "Parent"}}))["id"]
    contact = (await made.call("POST", f"{OBJECTS}/contacts", {"properties": {"firstname": "B"}}))["id"]
    await _associations(made, contact, company)
    for name, values in TYPES.items():
        await _records(made, name, values)
    await _merges(made)
    await _properties(made)
    await _pipelines(made)
    owner = (await made.call("GET", "/crm/v3/owners/"))["results"][0]["id"]
    await made.call("GET", f"/crm/v3/owners/{owner}")
    await made.call("GET", "/account-info/v3/details")
    await made.call("GET", "/account-info/v3/api-usage/daily/private-apps")
    await _schemas(made)
    await _webhooks(made)
    token = double.credentials["access_token"]
    await made.call("GET", f"/oauth/v1/access-tokens/{token}")
    await made.call("GET", f"/oauth/v1/refresh-tokens/{double.credentials['refresh_token']}")
    return made


async def _records(made: Walk, name: str, values: dict[str, object]) -> None:
    call, path = made.call, f"{OBJECTS}/{name}"
    one = (await call("POST", path, {"properties": values}))["id"]
    await call("GET", path, limit="1", propertiesWithHistory="hs_object_id", associations="contacts")
    await call("GET", f"{path}/{one}", associations="companies")
    await call("PATCH", f"{path}/{one}", {"properties": {"hubspot_owner_id": ""}})
    await call("POST", f"{path}/search", {"limit": 1})
    many = [
        {**values, "email": f"{number}@x.example"} if name == "contacts" else values for number in range(2)
    ]
    inputs = [{"properties": each, "objectWriteTraceId": "t"} for each in many]
    ids = [each["id"] for each in (await call("POST", f"{path}/batch/create", {"inputs": inputs}))["results"]]
    wrong = {"properties": {"no_such": "1"}, "objectWriteTraceId": "w"}
    await call("POST", f"{path}/batch/create", {"inputs": [wrong]})
    same: dict[str, Any] = {"inputs": [{"id": ids[0], "properties": {}}]}
    await call("POST", f"{path}/batch/update", same)
    await call("POST", f"{path}/batch/upsert", same)
    asked = {"inputs": [{"id": ids[0]}, {"id": "5"}], "properties": [], "propertiesWithHistory": []}
    await call("POST", f"{path}/batch/read", asked)
    await call("POST", f"{path}/batch/read", {**asked, "inputs": [{"id": ids[0]}]})
    await call("POST", f"{path}/batch/archive", {"inputs": [{"id": ids[0]}]})
    await call("DELETE", f"{path}/{one}")
    await call("GET", path, archived="true")


async def _merges(made: Walk) -> None:
    for name in ("contacts", "companies", "deals", "tickets"):
        values = {"hs_pipeline_stage": "1"} if name == "tickets" else {}
        ids = [(await made.call("POST", f"{OBJECTS}/{name}", {"properties": values}))["id"] for _ in range(2)]
        body = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
        merged = (await made.call("POST", f"{OBJECTS}/{name}/merge", body))["id"]
        if name == "contacts":
            await made.call("POST", f"{OBJECTS}/contacts/gdpr-delete", {"objectId": merged})


async def _associations(made: Walk, contact: str, company: str) -> None:
    call, pair = made.call, {"from": {"id": contact}, "to": {"id": company}}
    one = f"/crm/v4/objects/contacts/{contact}/associations"
    plain = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}
    await call("PUT", f"{one}/default/companies/{company}")
    await call("PUT", f"{one}/companies/{company}", [plain])
    await call("GET", f"{one}/companies")
    await call("POST", f"{ASSOCIATIONS}/batch/read", {"inputs": [{"id": contact}]})
    await call("POST", f"{ASSOCIATIONS}/batch/read", {"inputs": [{"id": contact}, {"id": "5"}]})
    await call("POST", f"{ASSOCIATIONS}/batch/create", {"inputs": [{**pair, "types": [plain]}]})
    await call("POST", f"{ASSOCIATIONS}/batch/associate/default", {"inputs": [pair]})
    label = {"name": "boss", "label": "Boss"}
    number = (await call("POST", f"{ASSOCIATIONS}/labels", label))["results"][0]["typeId"]
    await call("GET", f"{ASSOCIATIONS}/labels")
    own = {"associationCategory": "USER_DEFINED", "associationTypeId": number}
    await call("POST", f"{ASSOCIATIONS}/batch/labels/archive", {"inputs": [{**pair, "types": [own]}]})
    await call("PUT", f"{ASSOCIATIONS}/labels", {"associationTypeId": number, "label": "Chief"})
    await call("DELETE", f"{ASSOCIATIONS}/labels/{number}")
    limits = "/crm/v4/associations/definitions/configurations"
    limit = {"typeId": 279, "category": "HUBSPOT_DEFINED", "maxToObjectIds": 5}
    await call("POST", f"{limits}/contacts/companies/batch/create", {"inputs": [limit]})
    await call("POST", f"{limits}/contacts/companies/batch/update", {"inputs": [limit]})
    await call("GET", f"{limits}/contacts/companies")
    await call("GET", f"{limits}/all")
    await call("POST", f"{limits}/contacts/companies/batch/purge", {"inputs": [plain]})
    user = next(iter(made.double.portal.owners.values())).user_id
    await call("POST", f"/crm/v4/associations/usage/high-usage-report/{user}")
    older = f"{OBJECTS}/contacts/{contact}/associations/companies"
    await call("PUT", f"{older}/{company}/contact_to_company")
    await call("GET", older)
    await call("DELETE", f"{older}/{company}/279")
    old = "/crm/v3/associations/contacts/companies/batch"
    await call("POST", f"{old}/create", {"inputs": [{**pair, "type": "contact_to_company"}]})
    await call("POST", f"{old}/read", {"inputs": [{"id": contact}]})
    gone = {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]}
    await call("POST", f"{old}/archive", {"inputs": [pair]})
    await call("POST", f"{ASSOCIATIONS}/batch/archive", gone)
    await call("DELETE", f"{one}/companies/{company}")


async def _properties(made: Walk) -> None:
    call, path = made.call, "/crm/v3/properties/deals"
    await call("POST", f"{path}/groups", {"name": "erp", "label": "ERP"})
    await call("GET", f"{path}/groups")
    await call("GET", f"{path}/groups/erp")
    await call("PATCH", f"{path}/groups/erp", {"label": "E"})
    await call("DELETE", f"{path}/groups/erp")
    group = "dealinformation"
    body = {"name": "x", "label": "X", "type": "bool", "fieldType": "booleancheckbox", "groupName": group}
    await call("POST", path, body)
    await call("GET", path)
    await call("GET", f"{path}/x")
    await call("PATCH", f"{path}/x", {"label": "Y"})
    await call("DELETE", f"{path}/x")
    await call("POST", f"{path}/batch/create", {"inputs": [{**body, "name": "y"}]})
    await call("POST", f"{path}/batch/read", {"archived": False, "inputs": [{"name": "y"}]})
    await call("POST", f"{path}/batch/read", {"archived": False, "inputs": [{"name": "y"}, {"name": "z"}]})
    await call("POST", f"{path}/batch/archive", {"inputs": [{"name": "y"}]})


async def _pipelines(made: Walk) -> None:
    call, path = made.call, "/crm/v3/pipelines/deals"
    stage = {"label": "One", "displayOrder": 0, "metadata": {"probability": "0.1"}}
    body: dict[str, Any] = {"label": "New", "displayOrder": 3, "stages": [stage]}
    one = f"{path}/{(await call('POST', path, body))['id']}"
    await call("GET", path)
    await call("GET", one)
    await call("PATCH", one, {"label": "Newer"})
    await call("PUT", one, body)
    await call("GET", f"{one}/audit")
    added = (await call("POST", f"{one}/stages", {**stage, "label": "Two"}))["id"]
    await call("GET", f"{one}/stages")
    await call("GET", f"{one}/stages/{added}")
    await call("GET", f"{one}/stages/{added}/audit")
    await call("PATCH", f"{one}/stages/{added}", {"displayOrder": 5})
    await call("PUT", f"{one}/stages/{added}", {**stage, "label": "Three"})
    await call("DELETE", f"{one}/stages/{added}")
    await call("DELETE", one)


async def _schemas(made: Walk) -> None:
    one = {"name": "street", "label": "Street", "type": "string", "fieldType": "text"}
    for path in ("/crm-object-schemas/v3/schemas", "/crm/v3/schemas"):
        body: dict[str, Any] = {
            "name": "house",
            "labels": {},
            "properties": [one],
            "requiredProperties": [],
            "associatedObjects": [],
        }
        number = (await made.call("POST", path, body))["objectTypeId"]
        await made.call("GET", path)
        await made.call("GET", f"{path}/house")
        await made.call("PATCH", f"{path}/house", {"labels": {"plural": "Houses"}})
        ends = {"fromObjectTypeId": number, "toObjectTypeId": "0-1"}
        link = (await made.call("POST", f"{path}/house/associations", ends))["id"]
        await made.call("DELETE", f"{path}/house/associations/{link}")
        await made.call("DELETE", f"{path}/house")


async def _webhooks(made: Walk) -> None:
    known = made.double.credentials
    path, key = f"/webhooks/v3/{known['app_id']}", known["developer_api_key"]
    target = {"targetUrl": "https://x.example.com", "throttling": {"maxConcurrentRequests": 10}}
    await made.call("PUT", f"{path}/settings", target, hapikey=key)
    await made.call("GET", f"{path}/settings", hapikey=key)
    event = {"eventType": "contact.propertyChange", "propertyName": "email", "active": True}
    one = (await made.call("POST", f"{path}/subscriptions", event, hapikey=key))["id"]
    await made.call("GET", f"{path}/subscriptions", hapikey=key)
    await made.call("GET", f"{path}/subscriptions/{one}", hapikey=key)
    await made.call("PATCH", f"{path}/subscriptions/{one}", {"active": False}, hapikey=key)
    batch = {"inputs": [{"id": int(one), "active": True}]}
    await made.call("POST", f"{path}/subscriptions/batch/update", batch, hapikey=key)
    await made.call("DELETE", f"{path}/subscriptions/{one}", hapikey=key)
    await made.call("DELETE", f"{path}/settings", hapikey=key)
