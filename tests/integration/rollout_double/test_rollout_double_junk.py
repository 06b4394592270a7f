"""Whatever is sent to the Rollout double, it answers as Rollout would and goes on."""

from __future__ import annotations

import random

import pytest

from crmhub_rollout.simulator.crm import KINDS
from tests.integration.rollout_double.conftest import Make

pytestmark = pytest.mark.anyio
GOOD: list[dict[str, object]] = [
    {"firstName": "A", "emails": [{"value": "a@b.example"}], "tags": ["x"], "stage": "Lead"},
    {"body": "b", "name": "t", "message": "m", "dueDateTime": "2026-01-05T09:00:00+00:00", "stageId": "101"},
    {"title": "a", "start": "2026-01-05T09:00:00+00:00", "end": "2026-01-05T09:00:00+00:00", "invitees": []},
    {"type": "x", "person": {"firstName": "A"}, "url": "https://a.example", "event": "peopleUpdated"},
]
JUNK: list[object] = [
    *(None, True, 0, -1, 2**63, 10**30, 1.5, "", "x", "\u0000", "9" * 400, "https://[", "2026-01-01"),
    *([], {}, [None], [[]], [{}], ["x"], [{"value": 1}], {"a": {"b": []}}),
]
QUERIES = ("limit", "next", "offset", "ids", "email", "phone", "tags")


async def test_junk_breaks_nothing(make_rollout: Make) -> None:
    double, rollout = make_rollout(rows=6, settings={"rate_limit": "100000"})
    source = random.Random(7)
    ids = [row["id"] for name in KINDS for row in double.truth(name)]
    people = [row["id"] for row in double.truth("people")]
    statuses: set[int] = set()
    for _ in range(700):
        method = source.choice(["GET", "POST", "POST", "PUT", "PUT"])
        path = f"/api/{source.choice([*KINDS, 'webhooks', 'credentials', 'x'])}"
        if method == "PUT" or source.random() < 0.3:
            path += f"/{source.choice([*ids, 'x'])}"
        body = {"personId": source.choice(people), **source.choice(GOOD)}
        for key in source.sample(sorted(body), source.randrange(3)):
            body[key] = source.choice(JUNK)
        query = {source.choice(QUERIES): str(source.choice([*JUNK, *ids]))}
        sent = body if source.random() < 0.9 else source.choice(JUNK)
        json = sent if method != "GET" else None
        reply = await rollout.request(method, path, params=query, json=json)
        statuses.add(reply.status_code)
        assert reply.status_code < 500, f"{method} {path} {query} {sent}: {reply.text}"
    assert {200, 201, 400, 404} <= statuses
    assert all(list(double.truth(name)) for name in KINDS)
