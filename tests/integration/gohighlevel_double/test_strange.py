"""Strange calls: whatever is sent to whichever address, the answer is one of GoHighLevel's."""

from __future__ import annotations

import json
import random
import re

import pytest

from crmhub_rest.simulators.gohighlevel.call import Endpoint
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
CALLS = 1_500
NOTHING: dict[str, object] = {}
VALUES: tuple[object, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "é" * 100, "2026-01-01", "9999-12-31T23:59:59Z", "NaN"),
    *([], ["x"], [None], [NOTHING], NOTHING, {"a": 1}, ["\x00"], [{"key": "lead_score", "field_value": [1]}]),
    [{"field": "city", "operator": "eq", "value": NOTHING}],
    [{"field": "dateUpdated", "operator": "range", "value": {"gte": 10**30}}],
    [{"field": "tags", "operator": "contains", "value": 5}],
    [{"group": "OR", "filters": [NOTHING]}],
    [{"field": "dateAdded", "direction": "asc"}, {"field": "email", "direction": "desc"}],
)
GOOD: dict[str, object] = {"string": "2026-05-05", "number": 1, "boolean": True, "object": {}, "array": []}


async def test_strange_calls_are_refused_and_nothing_breaks(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=30, settings={"burst": "100000"})
    source, known = random.Random(7), double.credentials
    ids = [str(row["id"]) for name in double.objects() for row in double.truth(name)]

    def value(name: str, part: str) -> object:
        if name in {"locationId", "location_id"}:
            return known["location_id"]
        kind = part.rstrip("!")
        return source.choice((source.choice(VALUES), source.choice(ids), GOOD.get(kind, kind.split("|")[0])))

    def path_of(endpoint: Endpoint) -> str:
        fixed = {"locationId": known["location_id"], "schemaKey": "business"}
        return re.sub(r"\{(\w+)\}", lambda found: fixed.get(found[1]) or source.choice(ids), endpoint.pattern)

    def some(shape: dict[str, str]) -> dict[str, object]:
        wanted = (name for name, part in shape.items() if part.endswith("!") or source.random() < 0.4)
        return {name: value(name, shape[name]) for name in wanted}

    statuses: set[int] = set()
    for _ in range(CALLS):
        endpoint, version = source.choice(double.endpoints), source.choice(("2021-07-28", "v3"))
        token = "agency_access_token" if endpoint.audience == "agency" else "access_token"
        reply = await ghl.request(
            endpoint.method,
            path_of(endpoint),
            params={name: str(one) for name, one in some(dict(endpoint.query_shape(version))).items()},
            content=b"" if endpoint.body is None else json.dumps(some(dict(endpoint.body))).encode(),
            headers={
                "Authorization": f"Bearer {known[token]}",
                "Version": version,
                "Content-Type": "application/json",
            },
        )
        statuses.add(reply.status_code)
        if reply.is_error:
            assert reply.json()["statusCode"] == reply.status_code
    assert statuses == {200, 201, 400, 403, 422}
