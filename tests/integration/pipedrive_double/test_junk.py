"""Whatever is sent to the Pipedrive double, it answers as Pipedrive would and goes on."""

from __future__ import annotations

import json
import random
import re

import pytest

from crmhub_rest.simulators.pipedrive.endpoints import endpoints
from tests.integration.pipedrive_double.conftest import Make

pytestmark = pytest.mark.anyio
GOOD: list[dict[str, object]] = [
    {"title": "t", "person_id": 1, "value": 5, "currency": "EUR", "status": "won", "stage_id": 2},
    {"name": "n", "emails": [{"value": "a@x.io"}], "phones": [], "org_id": 1, "address": {"value": "a"}},
    {
        "subject": "s",
        "type": "call",
        "due_date": "2026-01-31",
        "due_time": "10:00",
        "participants": [{"person_id": 1}],
    },
    {"content": "c", "deal_id": 1, "pinned_to_deal_flag": 1},
    {"field_name": "f", "field_type": "enum", "options": [{"label": "a"}], "icon_key": "car", "color": "red"},
    {
        "subscription_url": "https://a.example",
        "event_action": "*",
        "event_object": "*",
        "name": "n",
        "user_id": 1,
    },
    {"merge_with_id": 2, "is_deleted": False, "custom_fields": {}, "value": {"amount": 1, "currency": "USD"}},
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
        "2026-13-45",
    ),
    *(
        [],
        {},
        [None],
        [[]],
        [{}],
        ["x"],
        [{"id": 1}],
        {"a": {"b": []}},
        {"value": 1},
        [{"label": "x"}],
        "1,2",
    ),
]
QUERIES = (
    *(
        "limit",
        "start",
        "cursor",
        "sort",
        "sort_by",
        "status",
        "ids",
        "owner_id",
        "deal_id",
        "lead_id",
        "done",
    ),
    *(
        "updated_since",
        "updated_until",
        "include_fields",
        "custom_fields",
        "term",
        "fields",
        "item_types",
        "field",
    ),
    *("entity_type", "match", "items", "since_timestamp", "start_date", "filter_id"),
)
CURSORS = ({"field": "id", "fieldValue": "x", "sortDirection": "asc", "id": 7}, [1], "x", None)


async def test_junk_breaks_nothing(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(rows=6, settings={"daily_tokens": "100000000"})
    source = random.Random(7)
    hashes = [field.code for book in double.company.fields.values() for field in book.custom]
    ids = [
        *(row["id"] for name in double.objects() for row in double.truth(name)),
        *hashes,
        "x",
        -1,
        "9" * 30,
    ]
    statuses: set[int] = set()
    for _ in range(900):
        endpoint = source.choice(endpoints(double.company, double.webhooks))
        path = re.sub(r"\{\w+\}", lambda _: str(source.choice(ids)), endpoint.pattern)
        body: dict[str, object] = {**source.choice(GOOD), source.choice(hashes): source.choice(JUNK)}
        if source.random() < 0.5:
            body = dict(source.choice(GOOD))
        for key in source.sample(sorted(body), source.randrange(3)):
            body[key] = source.choice(JUNK)
        query = {source.choice(QUERIES): str(source.choice([*JUNK, *CURSORS, 5, "ab"])) for _ in range(2)}
        sent = json.dumps(body if source.random() < 0.9 else source.choice(JUNK))
        url = f"{'/api' if endpoint.version == 'v2' else ''}/{endpoint.version}{path}"
        reply = await client.request(endpoint.method, url, params=query, content=sent)
        told = reply.json()
        assert told["success"] is (reply.status_code < 300), reply.text
        statuses.add(reply.status_code)
    assert statuses >= {200, 400, 404}
    assert 500 not in statuses
    assert len(list(double.truth("users"))) == 6
