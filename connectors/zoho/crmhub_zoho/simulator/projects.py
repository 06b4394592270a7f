"""Zoho Projects, as far as projects, tasks and milestones are read.

Source: Zoho Projects API v3, "Portals", "Projects", "Tasks", "Phases" (as milestones are called there) and
"API Limits": 100 calls in two minutes, beyond which everything is refused for half an hour. Lists come in an
object with `page_info`, or alone; an empty one is a 204. Stricter than Zoho, which passes over parameters
that it does not know.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator import projects_seed
from crmhub_zoho.simulator.ids import IdBlock
from crmhub_zoho.simulator.oauth import Accounts
from crmhub_zoho.simulator.org import Org
from crmhub_zoho.simulator.suite import (
    MOST_PER_PAGE,
    Asked,
    Refusal,
    Service,
    Shelf,
    Switches,
    Throttle,
    seed_world,
)
from crmhub_zoho.simulator.suite_rows import MILESTONES, PROJECTS, TASKS, suite_counts

FIRST_PORTAL: Final = 60_012_345_678
IN_TWO_MINUTES: Final = 100
LOCK: Final = 1_800.0
_PROJECT_BLOCK, _TASK_BLOCK, _MILESTONE_BLOCK, _STATUS_BLOCK = 910, 911, 912, 913
_CLOSED: Final = frozenset({"Closed", "Completed"})
_STATUSES: Final = ("Active", "On Hold", "Completed", "Open", "In Progress", "Closed")


class Projects(Service):
    """The first portal; those beyond it are empty."""

    prefix = "/api/v3"

    def __init__(self, org: Org, accounts: Accounts, options: Options, switches: Switches) -> None:
        super().__init__(org, accounts)
        counts = suite_counts(options)
        world = seed_world(options, org)
        count, several = counts[PROJECTS], counts[MILESTONES]
        self.projects = Shelf(org.clock, _PROJECT_BLOCK, "id", projects_seed.projects(world, count))

        def project(place: int) -> str | None:
            return self.projects.ids.id_of(place % count) if count else None

        milestones = projects_seed.milestones(world, several, project)
        self.milestones = Shelf(org.clock, _MILESTONE_BLOCK, "id", milestones)

        def milestone(place: int) -> str | None:
            own = range(place % count, several, count) if count else range(0)
            return self.milestones.ids.id_of(own[place // count % len(own)]) if own else None

        tasks = projects_seed.tasks(world, counts[TASKS], project, milestone)
        self.tasks = Shelf(org.clock, _TASK_BLOCK, "id", tasks)
        self.portals = [str(FIRST_PORTAL + place) for place in range(switches.portals)]
        self.shape = switches.shape
        self.lock = switches.lock
        self.throttle = Throttle(org.clock, IN_TWO_MINUTES, 120.0, LOCK)
        self._status_ids = IdBlock(_STATUS_BLOCK)
        portal = "/portal/{portal}/projects"
        for pattern, scope, handle in (
            ("/portals", "portals", self._list_portals),
            (portal, "projects", self._list_projects),
            (portal + "/{project}", "projects", self._get_project),
            (portal + "/{project}/tasks", "tasks", self._list_tasks),
            (portal + "/{project}/tasks/{id}", "tasks", self._get_task),
            (portal + "/{project}/phases", "milestones", self._list_milestones),
            (portal + "/{project}/phases/{id}", "milestones", self._get_milestone),
        ):
            self._routes.add("GET", self.prefix + pattern, (f"ZohoProjects.{scope}.READ", handle))

    @property
    def shelves(self) -> Mapping[str, Callable[[], Iterator[Row]]]:
        """Projects, and the tasks and milestones of all of them."""
        return {
            PROJECTS: self._all_projects,
            TASKS: lambda: (self._task(row) for row in self.tasks.rows()),
            MILESTONES: lambda: (self._milestone(row) for row in self.milestones.rows()),
        }

    # ── handlers ─────────────────────────────────────────────────────────────────────────────────

    def _list_portals(self, asked: Asked) -> Response:
        found: list[Row] = [
            {"id": one, "portal_name": f"example{place or ''}", "role": {"name": "Admin"}}
            for place, one in enumerate(self.portals)
        ]
        return self._listed(asked, "portals", found)

    def _list_projects(self, asked: Asked) -> Response:
        return self._listed(asked, "projects", list(self._all_projects()) if self._portal(asked) else [])

    def _get_project(self, asked: Asked) -> Response:
        return self._one(asked, self._project(self._of_path(asked), self._counts()))

    def _list_tasks(self, asked: Asked) -> Response:
        project = self._of_path(asked)["id"]
        rows = [self._task(row) for row in self.tasks.rows() if row["project"] == project]
        return self._listed(asked, "tasks", rows)

    def _get_task(self, asked: Asked) -> Response:
        return self._one(asked, self._task(self._within(asked, self.tasks)))

    def _list_milestones(self, asked: Asked) -> Response:
        project = self._of_path(asked)["id"]
        rows = [self._milestone(row) for row in self.milestones.rows() if row["project"] == project]
        return self._listed(asked, "phases", rows)

    def _get_milestone(self, asked: Asked) -> Response:
        return self._one(asked, self._milestone(self._within(asked, self.milestones)))

    def _listed(self, asked: Asked, key: str, rows: Sequence[Row]) -> Response:
        _only(asked, "page", "per_page")
        page = _number(asked, "page", 1, None)
        per_page = _number(asked, "per_page", MOST_PER_PAGE, MOST_PER_PAGE)
        start = (page - 1) * per_page
        shown = list(rows[start : start + per_page])
        if not shown:
            return Response(status_code=204)
        if self.shape == "bare":
            return json_response(shown)
        info = {
            "page": page,
            "per_page": per_page,
            "page_count": len(shown),
            "has_next_page": len(rows) > start + per_page,
        }
        return json_response({key: shown, "page_info": info})

    def _one(self, asked: Asked, row: Row) -> Response:
        _only(asked)
        return json_response(row)

    def _portal(self, asked: Asked) -> bool:
        """Whether the portal holds anything; raises Refusal if there is none such."""
        if asked.path["portal"] not in self.portals:
            raise _refusal(404, "RESOURCE_NOT_FOUND", "No such portal.")
        return asked.path["portal"] == self.portals[0]

    def _of_path(self, asked: Asked) -> Row:
        row = self.projects.get(asked.path["project"]) if self._portal(asked) else None
        if row is None:
            raise _refusal(404, "RESOURCE_NOT_FOUND", "No such project.")
        return row

    def _within(self, asked: Asked, shelf: Shelf) -> Row:
        project = self._of_path(asked)["id"]
        row = shelf.get(asked.path["id"])
        if row is None or row["project"] != project:
            raise _refusal(404, "RESOURCE_NOT_FOUND", "The project holds no such record.")
        return row

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def _all_projects(self) -> Iterator[Row]:
        counts = self._counts()
        return (self._project(row, counts) for row in self.projects.rows())

    def _counts(self) -> Mapping[tuple[str, str, bool], int]:
        """How many open and closed tasks and milestones each project has."""
        counts: dict[tuple[str, str, bool], int] = {}
        for kind, shelf in (("tasks", self.tasks), ("milestones", self.milestones)):
            for row in shelf.rows():
                key = (kind, str(row["project"]), row["status"] in _CLOSED)
                counts[key] = counts.get(key, 0) + 1
        return counts

    def _project(self, row: Row, counts: Mapping[tuple[str, str, bool], int]) -> Row:
        id_ = str(row["id"])

        def counted(kind: str) -> dict[str, int]:
            return {
                "open_count": counts.get((kind, id_, False), 0),
                "closed_count": counts.get((kind, id_, True), 0),
            }

        tasks = counted("tasks")
        total = tasks["open_count"] + tasks["closed_count"]
        status = str(row["status"])
        return {
            "id": id_,
            "key": f"PR-{int(id_) % 1_000}",
            "name": row["name"],
            "description": row["description"],
            "status": self._status(status) | {"type": "closed" if status in _CLOSED else "open"},
            "owner": self._owner(row),
            "project_group": {"id": self._status_ids.id_of(900), "name": "Ungrouped Projects"},
            "start_date": row["start_date"],
            "end_date": row["end_date"],
            "percent_complete": tasks["closed_count"] * 100 // total if total else 0,
            "tasks": tasks,
            "milestones": counted("milestones"),
            "issues": {"open_count": 0, "closed_count": 0},
            **self._times(row, "modified_time"),
        }

    def _task(self, row: Row) -> Row:
        status = str(row["status"])
        milestone = self.milestones.get(str(row["milestone"])) if row["milestone"] else None
        owner = self._owner(row)
        return {
            "id": row["id"],
            "prefix": f"T-{int(str(row['id'])) % 100_000}",
            "name": row["name"],
            "project": self._reference(self.projects.get(str(row["project"]))),
            "milestone": self._reference(milestone),
            "status": self._status(status) | {"is_closed_type": status in _CLOSED},
            "is_completed": status in _CLOSED,
            "completion_percentage": row["percent"],
            "priority": row["priority"],
            "owners_and_work": {"owners": [owner], "total_work": "08:00"},
            "start_date": row["start_date"],
            "end_date": row["end_date"],
            "created_by": owner,
            **self._times(row, "last_modified_time"),
        }

    def _milestone(self, row: Row) -> Row:
        status = str(row["status"])
        return {
            "id": row["id"],
            "name": row["name"],
            "project": self._reference(self.projects.get(str(row["project"]))),
            "status": self._status(status) | {"is_closed_type": status in _CLOSED},
            "owner": self._owner(row),
            "start_date": row["start_date"],
            "end_date": row["end_date"],
            **self._times(row, "last_modified_time"),
        }

    def _status(self, name: str) -> Row:
        return {"id": self._status_ids.id_of(_STATUSES.index(name)), "name": name, "color": "#74cb80"}

    def _owner(self, row: Row) -> Row:
        user = self.org.users[str(row["owner"])]
        return {"id": user.id[-9:], "zpuid": user.id, "name": user.full_name, "email": user.email}

    def _times(self, row: Row, changed: str) -> Row:
        return {
            "created_time": self.org.stamp(float(str(row["created"]))),
            changed: self.org.stamp(float(str(row["modified"]))),
        }

    def _reference(self, row: Row | None) -> Row | None:
        return {"id": row["id"], "name": row["name"]} if row else None

    # ── who may call, and how often ──────────────────────────────────────────────────────────────

    def count(self, asked: Asked) -> None:
        """100 calls in two minutes; then none for half an hour."""
        del asked
        wait = self.throttle.wait()
        if wait:
            raise _refusal(
                self.lock,
                "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED",
                f"Cannot execute more than {IN_TWO_MINUTES} requests per API in 2 minutes."
                f" Try again after {int(wait // 60) or 1} minutes.",
            )

    def unauthenticated(self, *, readable: bool) -> Refusal:
        """See :class:`Service`."""
        del readable
        return _refusal(401, "INVALID_OAUTHTOKEN", "The access token is not valid.")

    def out_of_scope(self) -> Refusal:
        """See :class:`Service`."""
        return _refusal(401, "INVALID_OAUTHSCOPE", "The access token has not the scope for this call.")

    def no_such_call(self, method: str, *, known: bool) -> Refusal:
        """See :class:`Service`."""
        if known:
            return _refusal(405, "INVALID_METHOD", f"{method} is not supported here.")
        return _refusal(404, "URL_RULE_NOT_CONFIGURED", "There is no such URL.")

    def refused(self, refusal: Refusal) -> Response:
        """See :class:`Service`."""
        return json_response(refusal.body, refusal.status)


def _refusal(status: int, title: str, message: str) -> Refusal:
    error = {"status_code": str(status), "title": title, "details": {"message": message}}
    return Refusal(status, {"error": error})


def _only(asked: Asked, *known: str) -> None:
    for name in asked.params:
        if name not in known:
            raise _refusal(400, "EXTRA_PARAM_FOUND", f"The parameter {name} is not known.")


def _number(asked: Asked, name: str, default: int, most: int | None) -> int:
    text = asked.params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < 1 or (most is not None and int(text) > most):
        raise _refusal(400, "INVALID_PARAMETER_VALUE", f"The value of {name} is not valid.")
    return int(text)
