"""The double's limits: tokens of a day, bursts, searches, and the wall that hammering runs into; faults."""

from __future__ import annotations

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Make

pytestmark = pytest.mark.anyio
DEALS = f"{V2}/deals"


async def statuses(client: httpx.AsyncClient, path: str, times: int) -> list[int]:
    """The statuses of so many calls."""
    return [(await client.get(path)).status_code for _ in range(times)]


async def test_the_days_tokens_are_the_companys_and_come_back_at_midnight(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(settings={"daily_tokens": "35"})
    assert await statuses(client, DEALS, 4) == [200, 200, 200, 429]
    assert await statuses(client, f"{V2}/pipelines/1", 6) == [200] * 5 + [429]
    assert double.limits.used == 35
    double.clock.advance(14 * 3600)
    assert await statuses(client, DEALS, 1) == [429]
    double.clock.advance(3600)
    assert await statuses(client, DEALS, 1) == [200]
    assert (await client.get("/_stats")).json()["spent"] == 45


async def test_what_a_day_holds_depends_on_plan_and_seats(make_pipedrive: Make) -> None:
    assert make_pipedrive(settings={"plan": "lite", "seats": "3"})[0].limits.daily_tokens == 90_000
    assert make_pipedrive(settings={"plan": "ultimate", "seats": "2"})[0].limits.daily_tokens == 420_000


async def test_bursts_are_counted_over_two_rolling_seconds(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(settings={"burst": "3"})
    assert await statuses(client, DEALS, 2) == [200, 200]
    double.clock.advance(1)
    last = await client.get(DEALS)
    assert last.headers["x-ratelimit-limit"] == "3"
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert last.headers["x-ratelimit-reset"] == "1"
    refused = await client.get(DEALS)
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.json()["error"] == "Request over limit"
    double.clock.advance(1)
    assert await statuses(client, DEALS, 3) == [200, 200, 429]


async def test_an_apps_bursts_are_larger_and_its_own(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(settings={"plan": "lite"}, lifted=False)
    assert await statuses(client, DEALS, 21) == [200] * 20 + [429]
    del client.headers["x-api-token"]
    client.headers["authorization"] = f"Bearer {double.credentials['access_token']}"
    assert await statuses(client, DEALS, 81) == [200] * 80 + [429]


async def test_ten_searches_in_two_seconds_are_all(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(settings={"burst": "100"})
    found = await statuses(client, f"{V2}/persons/search?term=ada", 11)
    assert found == [200] * 10 + [429]
    assert await statuses(client, DEALS, 1) == [200]


async def test_who_hammers_meets_a_page_with_403_until_a_minute_has_passed(make_pipedrive: Make) -> None:
    double, client = make_pipedrive(settings={"burst": "1", "hammering": "3"})
    assert await statuses(client, DEALS, 5) == [200, 429, 429, 429, 403]
    double.clock.advance(30)
    page = await client.get(DEALS)
    assert page.headers["content-type"].startswith("text/html")
    double.clock.advance(31)
    assert await statuses(client, DEALS, 1) == [200]


async def test_writers_with_an_api_token_are_told_of_their_day(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(settings={"burst": "100"})
    wrote = await client.post(DEALS, json={"title": "d"})
    assert wrote.headers["x-daily-requests-left"] == "9999"
    assert "x-daily-requests-left" not in (await client.get(DEALS)).headers


async def test_v1_costs_twice_as_much(make_pipedrive: Make) -> None:
    double, client = make_pipedrive()
    for path, cost in (
        (DEALS, 10),
        (f"{V2}/stages", 5),
        (f"{V2}/stages/1", 1),
        (f"{V1}/notes", 20),
        (f"{V1}/users/me", 2),
        (f"{V2}/deals/search?term=ab", 20),
    ):
        before = double.limits.used
        assert (await client.get(path)).status_code == 200
        assert double.limits.used - before == cost, path


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("429+7", 429, "application/json"),
        ("503", 503, "application/json"),
        ("403", 403, "text/html"),
        ("html", 502, "text/html"),
        ("expire", 200, "application/json"),
    ],
)
async def test_faults_speak_pipedrives_words(
    make_pipedrive: Make, fault: str, status: int, kind: str
) -> None:
    _, client = make_pipedrive(faults=(f"{fault}:1x",))
    reply = await client.get(DEALS)
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith(kind)
    assert (await client.get(DEALS)).status_code == 200


async def test_pages_can_lead_back_and_hold_records_twice(make_pipedrive: Make) -> None:
    faults = ("duplicate_ids:1x", "loop_token:1x", "no_cursor_field:1x")
    _, client = make_pipedrive(rows=5, faults=faults)
    first = (await client.get(DEALS, params={"limit": 2})).json()
    assert [row["id"] for row in first["data"]] == [1, 1, 2]
    assert "update_time" not in first["data"][0]
    cursor = first["additional_data"]["next_cursor"]
    again = (await client.get(DEALS, params={"limit": 2, "cursor": cursor})).json()
    assert [row["id"] for row in again["data"]] == [1, 2]


@pytest.mark.parametrize(
    "settings",
    [{"plan": "gold"}, {"seats": "0"}, {"colour": "red"}, {"scopes": "all"}, {"contact_sync": "1"}],
)
def test_settings_that_there_are_not_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(SimulatorError):
        PipedriveDouble(Options(settings=settings))


async def test_a_plan_may_allow_so_many_open_deals(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(settings={"open_deals": "1"})
    assert (await client.post(DEALS, json={"title": "a"})).status_code == 200
    refused = await client.post(DEALS, json={"title": "b"})
    assert (refused.status_code, refused.json()["code"]) == (403, "feature_capping_deals_limit")
    assert (await client.post(DEALS, json={"title": "b", "status": "lost"})).status_code == 200
    await client.delete(f"{DEALS}/1")
    assert (await client.post(DEALS, json={"title": "b"})).status_code == 200
