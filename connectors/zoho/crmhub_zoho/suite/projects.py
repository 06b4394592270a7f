"""Projects, tasks and milestones of Zoho Projects as objects that are read.

Tasks and milestones are listed a project at a time, so that ``project_id`` saves calls; other conditions are
compared here, since Zoho's lists are not asked by them. Zoho nests what a status or a count is: beside that
each record gets plain fields (``status_name``, ``closed``, ``overdue``, ``project_id``, ``open_tasks``, …).
The ``uid`` of a task or a milestone is its project's id, a colon and its own, by which it can be found again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from crmhub.clock import Clock
from crmhub.connector import (
    Checkpoint,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Page,
    ReadRequest,
    Value,
)
from crmhub_zoho.records import is_record_id
from crmhub_zoho.suite.projects_calls import PAGE, ProjectsCalls
from crmhub_zoho.suite.shaping import Fields, check_fields, described, holds, keyed, plain
from crmhub_zoho.together import together

__all__ = ["MILESTONES", "PROJECTS", "TASKS", "Projects"]

PROJECTS = "Projects.Projects"
TASKS = "Projects.Tasks"
MILESTONES = "Projects.Milestones"
_UID = "uid"
_ID = "id"
_KINDS = {TASKS: "tasks", MILESTONES: "phases"}
_LABELS = {PROJECTS: "Projects", TASKS: "Tasks", MILESTONES: "Milestones"}
_OF_A_PROJECT: Fields = {"uid": "text", "id": "text", "project_id": "ref", "project_name": "text"}
_TIMED: Fields = {
    "start_date": "date", "end_date": "date", "overdue": "bool", "closed": "bool", "status_name": "text",
    "owner_name": "text", "created_time": "datetime",
}  # fmt: skip
_FIELDS: Mapping[str, Fields] = {
    PROJECTS: {
        "id": "text", "key": "text", "name": "text", "description": "html", "percent_complete": "percent",
        "open_tasks": "int", "closed_tasks": "int", "open_milestones": "int", "closed_milestones": "int",
        **_TIMED, "modified_time": "datetime",
    },
    TASKS: {
        **_OF_A_PROJECT, "prefix": "text", "name": "text", "milestone_id": "text", "milestone_name": "text",
        "completion_percentage": "percent", "priority": "text", **_TIMED, "last_modified_time": "datetime",
    },
    MILESTONES: {**_OF_A_PROJECT, "name": "text", **_TIMED, "last_modified_time": "datetime"},
}  # fmt: skip


class Projects:
    """Reads projects, tasks and milestones."""

    def __init__(self, calls: ProjectsCalls, parallel: int, clock: Clock) -> None:
        self._calls = calls
        self._parallel = parallel
        self._clock = clock

    def has(self, name: str) -> bool:
        """Whether the object is one of these."""
        return name in _FIELDS

    def capabilities(self) -> dict[str, ObjectCapabilities]:
        """They can be read in whole, and chosen by any of their fields."""
        return {
            name: ObjectCapabilities(
                key=_ID if name == PROJECTS else _UID,
                name="name",
                created="created_time",
                page_size=PAGE,
                get_batch=1,
                filters=frozenset(fields),
            )
            for name, fields in _FIELDS.items()
        }

    def describe(self, name: str) -> ObjectSchema:
        """The plain fields."""
        key = _ID if name == PROJECTS else _UID
        refers = {} if name == PROJECTS else {"project_id": PROJECTS}
        return described(name, _LABELS[name], _FIELDS[name], key=key, choices={}, refers_to=refers)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Pages of what meets the conditions, whatever ``since`` is."""
        fields = _FIELDS[request.object]
        check_fields(request.filter, fields, request.object)
        pages = self._projects() if request.object == PROJECTS else self._within(request)
        async with aclosing(pages):
            async for rows in pages:
                yield Page([row for row in rows if holds(row, request.filter, fields)])
        done: Checkpoint = {"v": 1, "object": request.object, "mode": "list"}
        yield Page((), (), done)

    async def get(self, name: str, ids: Sequence[str]) -> list[Native | Missing]:
        """The records of the ids, in order: a call for each."""
        asked = list(dict.fromkeys(ids))
        found = await together(partial(self._one, name), asked, self._parallel)
        by_id = dict(zip(asked, found, strict=True))
        return [by_id[one] for one in ids]

    async def _one(self, name: str, id: str) -> Native | Missing:
        project, colon, own = id.partition(":")
        if (
            not is_record_id(project)
            or (name == PROJECTS) == bool(colon)
            or (colon and not is_record_id(own))
        ):
            return Missing(id)
        row = await self._calls.one(*((project, _KINDS[name], own) if colon else (project,)))
        if row is None:
            return Missing(id)
        return self._shaped([row], name, project)[0]

    async def _projects(self) -> AsyncGenerator[list[Native]]:
        async with aclosing(self._calls.projects()) as pages:
            async for page in pages:
                yield self._shaped(page, PROJECTS)

    async def _within(self, request: ReadRequest) -> AsyncGenerator[list[Native]]:
        for project in await self._of(request):
            async with aclosing(self._calls.within(project, _KINDS[request.object])) as pages:
                async for page in pages:
                    yield self._shaped(page, request.object, project)

    async def _of(self, request: ReadRequest) -> list[str]:
        """The projects to look into: those that are named, or those that can hold what is asked for."""
        for one in request.filter:
            if one.field == "project_id" and one.op in {"eq", "in"}:
                several = one.value if isinstance(one.value, list) else [one.value]
                return [str(value) for value in several if is_record_id(str(value))]
        only_open = any(
            (one.field, one.op, one.value) in {("overdue", "eq", True), ("closed", "eq", False)}
            for one in request.filter
            if isinstance(one.value, bool)
        )
        kind = "tasks" if request.object == TASKS else "milestones"
        async with aclosing(self._projects()) as pages:
            return [
                str(row[_ID])
                async for page in pages
                for row in page
                if row.get(f"open_{kind}") != 0 or (not only_open and row.get(f"closed_{kind}") != 0)
            ]

    def _shaped(self, rows: Sequence[Native], name: str, project: str = "") -> list[Native]:
        """The rows with their plain fields."""
        today = self._clock.now().date().isoformat()
        for row in rows:
            _shape(row, name, project)
            plain(row, _FIELDS[name])
            end = row.get("end_date")
            row["overdue"] = isinstance(end, str) and end < today and row["closed"] is False
        return keyed(rows, _ID if name == PROJECTS else _UID, name)


def _shape(row: Native, name: str, project: str) -> None:
    status = row.get("status")
    row["status_name"] = _name(status)
    row["closed"] = _is_closed(row, status)
    row["owner_name"] = _name(row.get("owner")) or _owners(row.get("owners_and_work"))
    if name == PROJECTS:
        for kind in ("tasks", "milestones"):
            row[f"open_{kind}"] = _part(row.get(kind), "open_count")
            row[f"closed_{kind}"] = _part(row.get(kind), "closed_count")
        return
    row[_UID] = f"{project}:{row.get(_ID)}" if row.get(_ID) else None
    row["project_id"] = project
    row["project_name"] = _name(row.get("project"))
    row["milestone_id"] = _part(row.get("milestone"), _ID)
    row["milestone_name"] = _name(row.get("milestone"))
    if name == TASKS:
        row["completion_percentage"] = row.get("completion_percentage", row.get("percent_complete"))
        row["priority"] = _name(row.get("priority"))


def _is_closed(row: Native, status: Value) -> bool:
    """By the status's own kind; a task tells it beside that."""
    told = _part(status, "is_closed_type")
    if isinstance(told, bool):
        return told
    kind = _part(status, "type")
    return kind == "closed" if isinstance(kind, str) else row.get("is_completed") is True


def _owners(work: Value) -> str | None:
    owners = _part(work, "owners")
    names = [name for one in owners if (name := _name(one))] if isinstance(owners, list) else []
    return ", ".join(names) or None


def _name(value: Value) -> str | None:
    found = value if isinstance(value, str) else _part(value, "name")
    return found if isinstance(found, str) and found else None


def _part(value: Value, key: str) -> Value:
    return value.get(key) if isinstance(value, dict) else None
