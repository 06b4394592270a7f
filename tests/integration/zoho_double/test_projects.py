"""The Zoho double's projects, by an independent client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.conftest import Make

pytestmark = pytest.mark.anyio

PORTAL = "/api/v3/portal/60012345678/projects"
ROWS = {"Projects.Projects": 3, "Projects.Tasks": 31, "Projects.Milestones": 7}


async def got(client: httpx.AsyncClient, path: str, **params: str) -> Any:
    """The body of a reply."""
    reply = await client.get(path, params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def refused(client: httpx.AsyncClient, path: str, **params: str) -> tuple[int, str]:
    """Status and title of a refusal."""
    reply = await client.get(path, params=params)
    return reply.status_code, reply.json()["error"]["title"]


async def test_portals_projects_tasks_and_milestones_hang_together(make_zoho: Make) -> None:
    _, client = make_zoho(rows=ROWS)
    assert [one["id"] for one in (await got(client, "/api/v3/portals"))["portals"]] == ["60012345678"]
    body = await got(client, PORTAL)
    assert body["page_info"] == {"page": 1, "per_page": 200, "page_count": 3, "has_next_page": False}
    seen = 0
    for project in body["projects"]:
        assert await got(client, f"{PORTAL}/{project['id']}") == project
        assert project["status"]["type"] in {"open", "closed"}
        tasks = (await got(client, f"{PORTAL}/{project['id']}/tasks"))["tasks"]
        phases = (await got(client, f"{PORTAL}/{project['id']}/phases"))["phases"]
        closed = sum(task["status"]["is_closed_type"] for task in tasks)
        assert project["tasks"] == {"open_count": len(tasks) - closed, "closed_count": closed}
        assert project["percent_complete"] == closed * 100 // len(tasks)
        own = {phase["id"] for phase in phases}
        assert all(task["project"]["id"] == project["id"] for task in tasks)
        assert all(task["milestone"]["id"] in own for task in tasks)
        assert {task["completion_percentage"] for task in tasks if task["is_completed"]} <= {100}
        assert await got(client, f"{PORTAL}/{project['id']}/tasks/{tasks[0]['id']}") == tasks[0]
        assert await got(client, f"{PORTAL}/{project['id']}/phases/{phases[0]['id']}") == phases[0]
        seen += len(tasks)
    assert seen == 31


async def test_lists_come_in_pages_and_an_empty_page_has_no_body(make_zoho: Make) -> None:
    _, client = make_zoho(rows=ROWS)
    first = await got(client, PORTAL, per_page="2")
    assert (len(first["projects"]), first["page_info"]["has_next_page"]) == (2, True)
    second = await got(client, PORTAL, per_page="2", page="2")
    assert (len(second["projects"]), second["page_info"]["has_next_page"]) == (1, False)
    reply = await client.get(PORTAL, params={"page": "9"})
    assert (reply.status_code, reply.content) == (204, b"")


async def test_lists_may_come_bare(make_zoho: Make) -> None:
    _, client = make_zoho(rows=ROWS, settings={"projects_shape": "bare"})
    assert [one["id"] for one in await got(client, "/api/v3/portals")] == ["60012345678"]
    assert len(await got(client, PORTAL)) == 3


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/api/v3/portal/7/projects", {}, (404, "RESOURCE_NOT_FOUND")),
        (f"{PORTAL}/7", {}, (404, "RESOURCE_NOT_FOUND")),
        (f"{PORTAL}/7/tasks", {}, (404, "RESOURCE_NOT_FOUND")),
        (PORTAL, {"per_page": "201"}, (400, "INVALID_PARAMETER_VALUE")),
        (PORTAL, {"sort": "name"}, (400, "EXTRA_PARAM_FOUND")),
        ("/api/v3/portal/60012345678/bugs", {}, (404, "URL_RULE_NOT_CONFIGURED")),
    ],
)
async def test_what_projects_refuses(
    make_zoho: Make, path: str, params: dict[str, str], expected: tuple[int, str]
) -> None:
    assert await refused(make_zoho(rows=ROWS)[1], path, **params) == expected


async def test_a_task_of_another_project_is_not_found(make_zoho: Make) -> None:
    double, client = make_zoho(rows=ROWS)
    tasks = list(double.truth("Projects.Tasks"))
    other = next(task for task in tasks if task["project"] != tasks[0]["project"])
    project = dict(tasks[0])["project"]
    assert isinstance(project, dict)
    assert (await refused(client, f"{PORTAL}/{project['id']}/tasks/{other['id']}"))[0] == 404


async def test_scopes_and_dead_tokens_are_told_apart(make_zoho: Make) -> None:
    _, client = make_zoho(rows=ROWS, settings={"scopes": "ZohoProjects.portals.READ"})
    assert await refused(client, PORTAL) == (401, "INVALID_OAUTHSCOPE")
    dead = await client.get("/api/v3/portals", headers={"Authorization": "Zoho-oauthtoken 1000.dead"})
    assert (dead.status_code, dead.json()["error"]["title"]) == (401, "INVALID_OAUTHTOKEN")


@pytest.mark.parametrize("lock", [429, 400])
async def test_too_many_calls_lock_everybody_out_for_half_an_hour(make_zoho: Make, lock: int) -> None:
    double, client = make_zoho(settings={"projects_lock": str(lock)})
    for _ in range(100):
        assert (await client.get("/api/v3/portals")).status_code == 200
    assert await refused(client, "/api/v3/portals") == (lock, "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED")
    double.clock.advance(1_790)
    assert (await refused(client, "/api/v3/portals"))[0] == lock
    double.clock.advance(20)
    assert (await client.get("/api/v3/portals")).status_code == 200


async def test_tasks_that_change_change_their_project(make_zoho: Make) -> None:
    double, client = make_zoho(rows=ROWS)
    before = (await got(client, PORTAL))["projects"][0]
    open_task = next(
        task
        for task in (await got(client, f"{PORTAL}/{before['id']}/tasks"))["tasks"]
        if not task["is_completed"]
    )
    double.projects.tasks.change(open_task["id"], status="Closed", percent=100)
    after = await got(client, f"{PORTAL}/{before['id']}")
    assert after["tasks"]["closed_count"] == before["tasks"]["closed_count"] + 1
    double.projects.tasks.remove(open_task["id"])
    gone = await got(client, f"{PORTAL}/{before['id']}")
    assert gone["tasks"]["open_count"] == after["tasks"]["open_count"]
    assert gone["tasks"]["closed_count"] == before["tasks"]["closed_count"]


async def test_faults_strike_and_the_switches_are_checked(
    empty: tuple[ZohoDouble, httpx.AsyncClient],
) -> None:
    double, client = empty
    double.faults.replace(["503@/api/v3/portals:1x"])
    assert (await client.get("/api/v3/portals")).status_code == 503
    assert (await client.get("/api/v3/portals")).status_code == 200
