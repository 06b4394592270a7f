"""Whatever is sent to the Lofty double, it answers as Lofty would and goes on."""

from __future__ import annotations

import random
import re

import httpx
import pytest

from crmhub_rest.simulators.lofty.endpoints import endpoints
from tests.integration.lofty_double.conftest import Make

pytestmark = pytest.mark.anyio
WHEN = {"startAt": "2099-03-01T15:00:00-08:00", "endAt": "2099-03-01T16:00:00-08:00"}
GOOD: list[dict[str, object]] = [
    {"firstName": "A", "emails": ["a@b.example"], "tags": ["x"], "property": {"city": "A"}, "inquiry": {}},
    {"firstName": "A", "leadFamilyMemberList": [{"firstName": "B"}], "customAttributeList": []},
    {"transactionName": "a", "homePrice": 5, "closeDate": 5, "customFields": []},
    {"type": "Call", "content": "c", "assignedRole": "Agent", "deadline": 5, "taskWay": "Call", **WHEN},
    {"type": "APPOINTMENT", "content": "c", "timeZoneCode": "UTC", "startAtMs": 9**14, "endAtMs": 9**14},
    {"content": "n", "isPin": False, "logType": "logCall", "leadPhoneNumber": "1"},
    {"listId": 2, "callbackUrl": "https://a.example", "limit": 5, "permissionMode": 0},
    {"attributeName": "z", "attributeType": "text", "type": "ALL", "startTime": 0, "endTime": 5},
]
JUNK: list[object] = [
    *(
        None,
        True,
        0,
        -1,
        2**63,
        10**30,
        1.5,
        "",
        "x",
        "\u0000",
        "9" * 400,
        "[1]",
        "null",
        "https://[",
        "2026-01-01",
    ),
    *([], {}, [None], [[]], [{}], ["x"], [{"id": 1}], {"a": {"b": []}}, "2026-13-45T00:00:00Z"),
]
QUERIES = (
    "limit",
    "offset",
    "pageNum",
    "pageSize",
    "currentId",
    "scrollId",
    "startTime",
    "endTime",
    "cursor",
)


async def test_junk_breaks_nothing(make_lofty: Make) -> None:
    double, lofty = make_lofty(rows=6, settings={"rate_limit": "100000"})
    source = random.Random(7)
    ids = [
        row[key]
        for name in double.objects()
        for row in double.truth(name)
        for key in row
        if key.endswith("Id")
    ]
    statuses: set[int] = set()
    for _ in range(700):
        endpoint = source.choice(endpoints())
        path = re.sub(r"\{\w+\}", lambda _: str(source.choice([*ids, "x", -1, "9" * 30])), endpoint.pattern)
        body = {"leadId": source.choice(ids), **source.choice(GOOD)}
        for key in source.sample(sorted(body), source.randrange(3)):
            body[key] = source.choice(JUNK)
        query = {
            "leadId": str(source.choice(ids)),
            source.choice(QUERIES): str(source.choice([*JUNK, 5, 100])),
        }
        sent = body if source.random() < 0.9 else source.choice(JUNK)
        reply = await _call(lofty, endpoint.method, path, query, sent)
        statuses.add(reply.status_code)
        assert reply.status_code < 500, f"{endpoint.method} {path} {query} {sent}: {reply.text}"
    assert {200, 400, 404} <= statuses
    assert all(list(double.truth(name)) for name in double.objects())


async def _call(
    client: httpx.AsyncClient, method: str, path: str, query: dict[str, str], body: object
) -> httpx.Response:
    return await client.request(method, path, params=query, json=body if method in {"POST", "PUT"} else None)
