"""Zoho Projects by the connector: projects, tasks and milestones as objects beside the CRM's modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from crmhub import Hub
from crmhub.config import Config
from crmhub.connector import Condition, Missing, Native, ReadRequest
from crmhub.errors import BadRequest, ConfigError, NotFound, PermissionDenied, RateLimited
from crmhub.http import asgi_transport
from crmhub.models import Milestone, Project, ProjectTask, Ref
from crmhub.testing.simulator.options import Options
from crmhub_zoho import Connector, hosts
from crmhub_zoho.simulator.double import ZohoDouble

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

PROJECTS = "Projects.Projects"
TASKS = "Projects.Tasks"
MILESTONES = "Projects.Milestones"
ROWS = {PROJECTS: 4, TASKS: 50, MILESTONES: 9}
TODAY = "2026-01-01"


def double_of(org: Org) -> ZohoDouble:
    assert isinstance(org.double, ZohoDouble)
    return org.double


async def rows(org: Org, connector: Connector, name: str, *filter: Condition) -> list[Native]:
    """All records that a read gives."""
    pages = await org.pages(connector, name, filter=filter)
    assert pages[-1].checkpoint is not None
    return [row for page in pages for row in page.upserts]


def truth(org: Org, name: str) -> dict[str, dict[str, object]]:
    return {str(row["id"]): row for row in org.double.truth(name)}


def part(row: Mapping[str, object], name: str, key: str) -> object:
    return cast("Mapping[str, object]", row[name])[key]


def is_overdue(row: Mapping[str, object]) -> bool:
    closed = part(row, "status", "is_closed_type")
    return not closed and row["end_date"] is not None and str(row["end_date"]) < TODAY


@pytest.mark.parametrize("shape", ["wrapped", "bare"])
async def test_all_projects_tasks_and_milestones_come_in_either_shape(make_org: World, shape: str) -> None:
    org = make_org(ROWS, settings={"projects_shape": shape})
    connector = org.connect(projects={})
    for name in (PROJECTS, TASKS, MILESTONES):
        found = await rows(org, connector, name)
        assert sorted(str(row["id"]) for row in found) == sorted(truth(org, name)), name
    assert len(org.calls("/portals")) == 1


async def test_a_project_tells_its_status_and_its_counts_plainly(make_org: World) -> None:
    org = make_org(ROWS)
    known = truth(org, PROJECTS)
    for row in await rows(org, org.connect(projects={}), PROJECTS):
        true = known[str(row["id"])]
        assert row["status_name"] == part(true, "status", "name")
        assert row["closed"] is (part(true, "status", "type") == "closed")
        assert (row["open_tasks"], row["closed_tasks"]) == (
            part(true, "tasks", "open_count"),
            part(true, "tasks", "closed_count"),
        )
        assert row["overdue"] is (not row["closed"] and str(true["end_date"]) < TODAY)
        assert row["percent_complete"] == true["percent_complete"]


async def test_more_than_a_page_of_tasks_is_read_on(make_org: World) -> None:
    org = make_org({PROJECTS: 1, TASKS: 450})
    found = await rows(org, org.connect(projects={}), TASKS)
    assert len({str(row["uid"]) for row in found}) == 450
    assert len(org.calls("/tasks")) == 3


async def test_overdue_tasks_of_a_project_cost_one_call(make_org: World) -> None:
    org = make_org(ROWS)
    connector = org.connect(projects={"portal": 60012345678})
    project = next(iter(truth(org, PROJECTS)))
    found = await rows(
        org, connector, TASKS, Condition("project_id", "eq", project), Condition("overdue", "eq", True)
    )
    expected = [
        id_
        for id_, row in truth(org, TASKS).items()
        if part(row, "project", "id") == project and is_overdue(row)
    ]
    assert expected
    assert sorted(str(row["id"]) for row in found) == sorted(expected)
    assert len(org.calls("/api/v3/")) == 1


async def test_projects_without_open_tasks_are_not_looked_into_for_overdue_ones(make_org: World) -> None:
    org = make_org(ROWS)
    double = double_of(org)
    done = next(iter(truth(org, PROJECTS)))
    for id_, row in truth(org, TASKS).items():
        if part(row, "project", "id") == done:
            double.projects.tasks.change(id_, status="Closed", percent=100)
    found = await rows(org, org.connect(projects={}), TASKS, Condition("overdue", "eq", True))
    assert sorted(str(row["id"]) for row in found) == sorted(
        id_ for id_, row in truth(org, TASKS).items() if is_overdue(row)
    )
    assert not org.calls(f"/{done}/tasks")


async def test_a_task_becomes_overdue_by_the_day(make_org: World) -> None:
    org = make_org({PROJECTS: 1, TASKS: 1})
    (id_,) = truth(org, TASKS)
    double_of(org).projects.tasks.change(id_, status="Open", percent=0, end_date="2026-01-05")
    connector = org.connect(projects={})
    assert [row["overdue"] for row in await rows(org, connector, TASKS)] == [False]
    org.clock.advance(5 * 86_400)
    assert [row["overdue"] for row in await rows(org, connector, TASKS)] == [True]


async def test_a_read_may_be_stopped_in_the_middle(make_org: World) -> None:
    org = make_org(ROWS)
    connector = org.connect(projects={})
    for name in (PROJECTS, TASKS):
        async with aclosing(connector.read(ReadRequest(name, ()))) as pages:
            assert (await anext(pages)).upserts
    assert len(org.calls("/tasks")) == 1


async def test_records_come_by_their_ids(make_org: World) -> None:
    org = make_org(ROWS)
    connector = org.connect(projects={})
    task = (await rows(org, connector, TASKS))[3]
    milestone = (await rows(org, connector, MILESTONES))[3]
    project = next(iter(truth(org, PROJECTS)))
    assert await connector.get(TASKS, [str(task["uid"]), f"{project}:1", "1:2", str(task["id"])], []) == [
        task,
        Missing(f"{project}:1"),
        Missing("1:2"),
        Missing(str(task["id"])),
    ]
    assert await connector.get(MILESTONES, [str(milestone["uid"])], []) == [milestone]
    (found,) = await connector.get(PROJECTS, [project], [])
    assert not isinstance(found, Missing)
    assert found["id"] == project
    assert await connector.get(PROJECTS, ["1", "../portals"], []) == [Missing("1"), Missing("../portals")]


async def test_a_hub_tells_the_status_of_projects_and_their_overdue_tasks(make_org: World) -> None:
    org = make_org(ROWS)
    keys = ("client_id", "client_secret", "refresh_token")
    async with Hub(
        Config({}, "sqlite:///:memory:"), clock=org.clock, transports={"zoho": asgi_transport(org.double.app)}
    ) as hub:
        credentials = {key: org.double.credentials[key] for key in keys}
        zoho = hub.add("zoho", "zoho", api_url="http://localhost", projects={}, **credentials)
        projects = await zoho.object(PROJECTS).list(where={"closed": False})
        assert {str(project.custom["status_name"]) for project in projects} <= {"Active", "On Hold"}
        assert projects[0].custom["percent_complete"] is not None
        tasks = await zoho.object(TASKS).list(where={"project_id": projects[0].id, "overdue": True})
        assert sorted(str(task.custom["id"]) for task in tasks) == sorted(
            id_
            for id_, row in truth(org, TASKS).items()
            if part(row, "project", "id") == projects[0].id and is_overdue(row)
        )
        task = await zoho.object(TASKS).get(str(tasks[0].id))
        assert task.custom["name"] == tasks[0].custom["name"]
        milestones = await zoho.object(MILESTONES).list(where={"project_id": projects[0].id})
        assert {str(one.custom["project_name"]) for one in milestones} == {str(projects[0].custom["name"])}


async def test_without_the_setting_the_objects_are_not_there(make_org: World) -> None:
    connector = make_org(ROWS).connect()
    with pytest.raises(NotFound, match=r"set projects: \{\}"):
        await connector.describe(TASKS)
    assert not any(name.startswith("Projects.") for name in (await connector.capabilities()).objects)


async def test_several_portals_need_the_setting(make_org: World) -> None:
    org = make_org(ROWS, settings={"projects_portals": "2"})
    with pytest.raises(ConfigError, match=r"set projects\.portal"):
        await rows(org, org.connect(projects={}), PROJECTS)
    assert len(await rows(org, org.connect(projects={"portal": "60012345678"}), PROJECTS)) == 4
    none = make_org(settings={"projects_portals": "0"})
    with pytest.raises(ConfigError, match="has no Zoho Projects"):
        await rows(none, none.connect(projects={}), PROJECTS)
    with pytest.raises(NotFound):
        await rows(org, org.connect(projects={"portal": "7"}), PROJECTS)


async def test_a_missing_scope_is_named(make_org: World) -> None:
    scopes = "ZohoCRM.modules.ALL,ZohoCRM.users.READ,ZohoProjects.portals.READ,ZohoProjects.projects.READ"
    org = make_org(ROWS, settings={"scopes": scopes})
    connector = org.connect(projects={})
    assert len(await rows(org, connector, PROJECTS)) == 4
    with pytest.raises(PermissionDenied, match=r"ZohoProjects\.tasks\.READ") as caught:
        await rows(org, connector, TASKS)
    assert caught.value.code == "INVALID_OAUTHSCOPE"
    assert len(org.calls("/oauth/")) == 1
    lines = {line.name: line.ok for line in await connector.check()}
    assert lines["read Zoho Projects"]


async def test_a_token_that_ended_is_renewed_once_for_all(make_org: World) -> None:
    org = make_org({**ROWS, "Accounts": 2})
    connector = org.connect(projects={})
    await rows(org, connector, PROJECTS)
    org.double.expire_tokens()
    assert len(await rows(org, connector, PROJECTS)) == 4
    assert sum(len(page.upserts) for page in await org.pages(connector, "Accounts")) == 2
    assert len(org.calls("/oauth/")) == 2


async def test_the_products_ask_for_one_token_together(make_org: World) -> None:
    org = make_org({**ROWS, "Books.Invoices": 3, "Accounts": 2})
    connector = org.connect(books={}, projects={})
    async with anyio.create_task_group() as group:
        for name in (PROJECTS, "Books.Invoices", "Accounts", TASKS):
            group.start_soon(org.pages, connector, name)
    assert len(org.calls("/oauth/")) == 1


async def test_no_more_than_100_calls_are_made_in_any_two_minutes(make_org: World) -> None:
    org = make_org({PROJECTS: 130, TASKS: 130})
    began = org.clock.monotonic()
    assert len(await rows(org, org.connect(projects={}), TASKS)) == 130
    assert 180 <= org.clock.monotonic() - began <= 250
    assert {event.detail.get("status") for event in org.heard if event.name == "http.call"} == {200}


@pytest.mark.parametrize(("status", "least"), [("429", 1_700), ("400", 1_700)])
async def test_a_lock_that_others_caused_is_told_with_its_end_and_not_knocked_at(
    make_org: World, status: str, least: float
) -> None:
    org = make_org(ROWS, settings={"projects_lock": status})
    double = double_of(org)
    for _ in range(101):
        double.projects.throttle.wait()
    connector = org.connect(projects={"portal": "60012345678"})
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            await rows(org, connector, PROJECTS)
        assert least <= (caught.value.retry_after or 0) <= 1_800
    assert len(org.calls("/api/v3/")) == 1
    org.clock.advance(1_801)
    assert len(await rows(org, connector, PROJECTS)) == 4


@pytest.mark.parametrize("fault", ["500", "html", "truncated", "empty", "cut", "lost", "429+5"])
async def test_passing_faults_are_sat_out(make_org: World, fault: str) -> None:
    org = make_org(ROWS, faults=(f"{fault}@/api/v3/portal/:1x",))
    assert len(await rows(org, org.connect(projects={}), PROJECTS)) == 4


async def test_a_condition_on_an_unknown_field_is_refused(make_org: World) -> None:
    org = make_org(ROWS)
    with pytest.raises(BadRequest, match=r"cannot be chosen by colour"):
        await rows(org, org.connect(projects={}), PROJECTS, Condition("colour", "eq", "red"))


async def test_calls_go_to_the_products_own_host_of_the_data_centre(make_org: World) -> None:
    assert hosts.projects_url("us") == "https://projectsapi.zoho.com"
    assert hosts.projects_url("au") == "https://projectsapi.zoho.com.au"
    assert hosts.projects_url("ca") == "https://projectsapi.zohocloud.ca"
    org = make_org()
    double = ZohoDouble(
        Options(
            rows={"Accounts": 2, "Books.Invoices": 2, PROJECTS: 2},
            base_url="https://www.zohoapis.eu",
            now=lambda: org.clock.now().timestamp(),
        )
    )
    called: list[tuple[str, str]] = []

    async def network(scope: Scope, receive: Receive, send: Send) -> None:
        called.append((Headers(scope=scope)["host"], scope["path"].split("/")[1]))
        await double.app(scope, receive, send)

    async with Hub(
        Config({}, "sqlite:///:memory:"), clock=org.clock, transports={"zoho": asgi_transport(network)}
    ) as hub:
        keys = ("client_id", "client_secret", "refresh_token")
        credentials = {key: double.credentials[key] for key in keys}
        zoho = hub.add("zoho", "zoho", region="eu", books={}, projects={}, **credentials)
        for name in (PROJECTS, "Books.Invoices", "Accounts"):
            assert len(await zoho.object(name).list()) == 2
    assert set(called) == {
        ("accounts.zoho.eu", "oauth"),
        ("projectsapi.zoho.eu", "api"),
        ("www.zohoapis.eu", "books"),
        ("www.zohoapis.eu", "crm"),
    }
    assert sum(path == "oauth" for _, path in called) == 1


async def test_projects_milestones_and_tasks_are_records(make_org: World) -> None:
    org = make_org(ROWS)
    async with Hub(
        Config({}, "sqlite:///:memory:"), clock=org.clock, transports={"zoho": asgi_transport(org.double.app)}
    ) as hub:
        keys = ("client_id", "client_secret", "refresh_token")
        credentials = {key: org.double.credentials[key] for key in keys}
        zoho = hub.add("zoho", "zoho", api_url="http://localhost", projects={}, **credentials)
        known = truth(org, PROJECTS)
        for project in await zoho.of(Project).list():
            row = known.pop(str(project.id))
            assert (project.name, str(project.ends_at)) == (row["name"], row["end_date"])
            assert project.completion == Decimal(str(row["percent_complete"])) / 100
            closed = part(row, "status", "type") == "closed"
            assert project.overdue == (not closed and str(row["end_date"]) < TODAY)
            assert project.open_tasks == part(row, "tasks", "open_count")
        assert known == {}
        late = await zoho.of(ProjectTask).list(where={"overdue": True})
        assert {str(one.id).partition(":")[2] for one in late} == {
            id_ for id_, row in truth(org, TASKS).items() if is_overdue(row)
        }
        milestones = await zoho.of(Milestone).list(
            where={"project": Ref(model="project", id=str(late_of(late)))}
        )
        assert milestones
        assert {one.project.id for one in milestones if one.project} == {late_of(late)}


def late_of(tasks: Sequence[ProjectTask]) -> str | None:
    return tasks[0].project.id if tasks[0].project else None
