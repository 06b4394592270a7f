"""Limits, faults, options, and serving."""

from __future__ import annotations

import httpx
import pytest

from crmhub.http import asgi_transport
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio


async def test_a_hundred_calls_in_ten_seconds(make_ghl: Make) -> None:
    double, ghl = make_ghl()
    own = {"locationId": double.credentials["location_id"]}
    replies = [await ghl.get("/users/", params=own) for _ in range(100)]
    assert {one.status_code for one in replies} == {200}
    assert [one.headers["x-ratelimit-remaining"] for one in (replies[0], replies[-1])] == ["99", "0"]
    assert replies[0].headers["x-ratelimit-max"] == "100"
    assert replies[0].headers["x-ratelimit-interval-milliseconds"] == "10000"
    assert replies[0].headers["x-ratelimit-limit-daily"] == "200000"
    refused = await ghl.get("/users/", params=own)
    assert (refused.status_code, refused.json()["message"]) == (429, "Too Many Requests")
    assert refused.headers["x-ratelimit-daily-remaining"] == "199900"
    assert "retry-after" not in refused.headers
    double.clock.advance(10)
    assert (await ghl.get("/users/", params=own)).headers["x-ratelimit-remaining"] == "99"


async def test_limits_are_each_apps_and_each_locations(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"burst": "1"})
    known = double.credentials
    own = {"locationId": known["location_id"]}
    for token in (known["private_integration_token"], known["access_token"]):
        header = {"Authorization": f"Bearer {token}"}
        assert (await ghl.get("/users/", params=own, headers=header)).status_code == 200
        assert (await ghl.get("/users/", params=own, headers=header)).status_code == 429


async def test_the_day_has_a_limit_too(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"daily": "2"})
    own = {"locationId": double.credentials["location_id"]}
    replies = [await ghl.get("/users/", params=own) for _ in range(3)]
    assert [one.status_code for one in replies] == [200, 200, 429]
    assert replies[2].headers["x-ratelimit-daily-remaining"] == "0"
    assert int(replies[2].headers["x-ratelimit-daily-reset"]) == 86_400_000
    double.clock.advance(86_400)
    assert (await ghl.get("/users/", params=own)).status_code == 200


async def test_calls_without_a_token_cost_nothing(make_ghl: Make) -> None:
    double, ghl = make_ghl(settings={"daily": "1"})
    for _ in range(3):
        await ghl.get("/users/", headers={"Authorization": "Bearer nobody"})
    own = {"locationId": double.credentials["location_id"]}
    assert (await ghl.get("/users/", params=own)).status_code == 200


async def test_faults_strike_as_told(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=30)
    own = {"locationId": double.credentials["location_id"]}

    async def struck(rule: str) -> httpx.Response:
        double.faults.replace([rule])
        return await ghl.get("/contacts/", params={**own, "limit": 10})

    assert (await struck("429+7:1x")).headers["retry-after"] == "7"
    assert (await struck("503:1x")).json()["message"] == "Internal Server Error"
    assert (await struck("html:1x")).text.startswith("<html>")
    assert (await struck("401:1x")).json()["message"] == "Invalid token: access token is invalid"
    page = (await struck("duplicate_ids")).json()["contacts"]
    assert page[0] == page[1]
    assert "dateUpdated" not in (await struck("no_cursor_field")).json()["contacts"][0]
    meta = (await struck("loop_token")).json()["meta"]
    following = {key: meta[key] for key in ("startAfter", "startAfterId")}
    second = (await ghl.get("/contacts/", params={**own, **following})).json()["meta"]
    assert {key: second[key] for key in following} == following
    double.faults.replace(["expire:1x"])
    token = {"Authorization": f"Bearer {double.credentials['access_token']}"}
    assert (await ghl.get("/contacts/", params=own, headers=token)).status_code == 401


async def test_truth_shows_all_locations_without_limits(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=4, settings={"daily": "1"})
    for name in double.objects():
        rows = (await ghl.get(f"/_truth/{name}")).json()
        assert len(rows) == {"notes": 2, "users": 5}.get(name, 4)


async def test_unknown_addresses_are_a_404(ghl: httpx.AsyncClient) -> None:
    reply = await ghl.patch("/contacts/x", json={})
    assert (reply.status_code, reply.json()["message"]) == (404, "Cannot PATCH /contacts/x")


def test_wrong_settings_are_refused() -> None:
    for settings in ({"shoe": "1"}, {"burst": "0"}, {"match": "name"}, {"duplicates": "maybe"}):
        with pytest.raises(SimulatorError):
            GoHighLevelDouble(Options(settings=settings))


async def test_it_is_found_by_its_name() -> None:
    double = make_double("gohighlevel", Options(rows=2))
    own = {"locationId": double.credentials["location_id"]}
    token = double.credentials["private_integration_token"]
    headers = {"Authorization": f"Bearer {token}", "Version": "2021-07-28"}
    async with httpx.AsyncClient(transport=asgi_transport(double.app), base_url="http://ghl.test") as client:
        reply = await client.get("/contacts/", params=own, headers=headers)
    assert reply.json()["meta"]["total"] == 2


async def test_the_same_seed_gives_the_same_rows() -> None:
    first, second, other = (GoHighLevelDouble(Options(rows=20, seed=seed)) for seed in (1, 1, 2))
    for name in first.objects():
        assert list(first.truth(name)) == list(second.truth(name))
    assert list(first.truth("contacts")) != list(other.truth("contacts"))
