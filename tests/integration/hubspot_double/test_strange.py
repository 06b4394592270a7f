"""Whatever is sent, the reply is one of HubSpot's, and the portal stays whole."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.integration.hubspot_double.conftest import Make

pytestmark = pytest.mark.anyio
CALLS = 1_500
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "5", "10000000001", "email", "2026-01-01", "é\u0000", [], {}),
    *("EQ", "IN", "BETWEEN", "0.5", "default", "closedwon", 279, "HUBSPOT_DEFINED", "contacts"),
]
KEYS = (
    *(
        "inputs",
        "properties",
        "id",
        "idProperty",
        "associations",
        "to",
        "from",
        "types",
        "associationCategory",
    ),
    *(
        "associationTypeId",
        "name",
        "label",
        "type",
        "fieldType",
        "groupName",
        "options",
        "stages",
        "metadata",
    ),
    *(
        "displayOrder",
        "primaryObjectId",
        "objectIdToMerge",
        "objectId",
        "targetUrl",
        "throttling",
        "eventType",
    ),
    *("active", "objectTypeId", "email", "dealstage", "pipeline", "objectWriteTraceId", "hubspot_owner_id"),
)
OPERATORS = ("EQ", "IN", "GT", "BETWEEN", "LTE", "CONTAINS_TOKEN", "HAS_PROPERTY", "NOT_IN")
PARAMETERS = (
    "limit",
    "after",
    "properties",
    "archived",
    "idProperty",
    "associations",
    "propertiesWithHistory",
)
SEGMENTS: dict[str, tuple[str, ...]] = {
    "type": ("contacts", "deals", "companies", "tickets", "notes", "x"),
    "id": ("10000000001", "12000000003", "default", "x", "5"),
    "to": ("companies", "contacts", "deals", "x"),
    "to_id": ("11000000001", "x"),
    "kind": ("279", "x"),
    "version": ("2026-03", "2026-09"),
    "name": ("email", "x"),
    "stage": ("closedwon", "x"),
    "label": ("20001", "x"),
    "link": ("20001", "x"),
    "user": ("9000001", "x"),
}


class Chance:
    """Strange things, the same in every run."""

    def __init__(self) -> None:
        self.random = random.Random(7)

    def value(self, depth: int = 0) -> Any:
        share = self.random.random()
        if depth > 4 or share < 0.4:
            return self.random.choice(VALUES)
        if share < 0.6:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
        return {self.random.choice(KEYS): self.value(depth + 1) for _ in range(self.random.randint(0, 5))}

    def body(self, path: str) -> Any:
        if path.endswith("/search"):
            name = self.random.choice(
                ["email", "lastmodifieddate", "hs_object_id", "annualrevenue", self.value(4)]
            )
            one = {
                "propertyName": name,
                "operator": self.random.choice(OPERATORS),
                "highValue": self.value(4),
            }
            one[self.random.choice(["value", "values"])] = self.value(3)
            return {"filterGroups": [{"filters": [one]}], "sorts": self.value(3), "limit": self.value(5)}
        if "/batch/" in path:
            return {"inputs": [self.value(1), self.value(1)], "properties": self.value(3)}
        return self.value()


async def test_strange_calls_are_refused_in_hubspots_words(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(rows=5)
    chance = Chance()
    app = {"app": (double.credentials["app_id"],)}
    for _ in range(CALLS):
        one = chance.random.choice(double.endpoints)
        path = one.pattern.format(
            **{name: chance.random.choice(words) for name, words in {**SEGMENTS, **app}.items()}
        )
        params = {
            chance.random.choice(PARAMETERS): str(chance.value(9)) for _ in range(chance.random.randint(0, 2))
        }
        if one.keyed:
            params["hapikey"] = double.credentials["developer_api_key"]
        body = None if one.method == "GET" else json.dumps(chance.body(path))
        headers = {"Content-Type": "application/json"}
        reply = await hubspot.request(one.method, path, params=params, content=body, headers=headers)
        assert reply.status_code < 500
        if reply.status_code >= 400:
            assert {"status", "message", "category", "correlationId"} <= set(reply.json())
    for name in double.objects():
        assert all(row["id"] for row in double.truth(name))
