"""Projects: how far they are, what is late in them, which are behind schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, TypeVar

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, DateOut, Source, status_of, typed_id
from crmhub.agent.packs.asking import Paged
from crmhub.agent.packs.whole import all_of, plain, sliced
from crmhub.agent.tool import Call, Told, tool
from crmhub.models import Milestone, Project, ProjectTask, Ref

__all__ = ["get_project_status"]

_Part = TypeVar("_Part", Milestone, ProjectTask)
_FIELDS: Final = (
    "name", "status", "closed", "overdue", "owner_name", "starts_at", "ends_at", "completion",
    "open_tasks", "closed_tasks", "open_milestones", "closed_milestones",
)  # fmt: skip
_STEP: Final = ("name", "project", "closed", "overdue", "ends_at", "owner_name")
_WHERE: Final[Mapping[str, Mapping[str, object]]] = {
    "active": {"closed": False}, "overdue": {"overdue": True}, "all": {},
}  # fmt: skip
_TASKS: Final = 5
"""Late tasks that are named of a project."""
_MILESTONES: Final = 10


class GetProjectStatus(Paged):
    """Which."""

    project_name: str | None = Field(None, min_length=1, max_length=200, description="Words of its name.")
    status_filter: Literal["active", "overdue", "all"] = Field(
        "active", description="active: not closed; overdue: not closed and past its end."
    )
    max_results: int = Field(10, ge=1, le=20, description="How many.")


class StepOut(Answer):
    """A milestone or a late task."""

    name: str | None = None
    state: Literal["done", "open", "overdue"] | None = None
    owner: str | None = None
    due: DateOut | None = None


class ProjectOut(Answer):
    """A project."""

    id: str
    name: str | None = None
    status: str | None = None
    owner: str | None = None
    starts: DateOut | None = None
    ends: DateOut | None = None
    days_behind: int | None = None
    percent_complete: float | None = None
    open_tasks: int | None = None
    closed_tasks: int | None = None
    overdue_tasks: int | None = None
    late_tasks: list[StepOut] | None = None  # the first of them
    milestones: list[StepOut] | None = None


class ProjectStatus(AnswerBase):
    """Those longest behind schedule first."""

    listed = "projects"

    projects: list[ProjectOut] = Field(default_factory=list[ProjectOut])


@tool(
    GetProjectStatus,
    ProjectStatus,
    title="Get project status",
    models=["project", "milestone", "project_task"],
)
async def get_project_status(call: Call, given: GetProjectStatus) -> Told:
    """Tell how projects stand: completion, milestones, overdue tasks, days behind. Projects behind schedule:
    status_filter=overdue."""

    async def ask(connection: str) -> list[Project]:
        projects = call.reach.of(connection, Project)
        if given.project_name is not None:
            projects.demand("name")
        every = await all_of(projects.scan(fields=projects.among(_FIELDS), where=_WHERE[given.status_filter]))
        words = plain(given.project_name).split()
        return [each for each in every if all(word in plain(each.name) for word in words)]

    found, sources = await call.reach.ask(call.reach.named(given.connection), ask)
    page = await sliced(
        call, (each for several in found.values() for each in several), _place, given.max_results
    )
    parts = _Parts(call)
    for connection in dict.fromkeys(str(each.connection) for each in page.records):
        await parts.read(connection, [each for each in page.records if each.connection == connection])
    status = status_of(sources)
    data = ProjectStatus(
        status="partial" if parts.failed else status,
        sources=[parts.failed.get(each.connection, each) for each in sources],
        projects=[_shown(call, each, parts) for each in page.records],
    )
    page.tell(data)
    behind = sum(1 for each in page.all if each.overdue)
    return Told(data, f"{len(page.all)} projects, {behind} past their end", page.resume)


# ── what is in them ──────────────────────────────────────────────────────────────────────────────


@dataclass
class _Parts:
    """Milestones and late tasks, by the project's typed id; those that cannot be read are left out."""

    call: Call
    milestones: dict[str, list[Milestone]] = field(default_factory=dict[str, list[Milestone]])
    late: dict[str, list[ProjectTask]] = field(default_factory=dict[str, list[ProjectTask]])
    failed: dict[str, Source] = field(default_factory=dict[str, Source])

    async def read(self, connection: str, projects: Sequence[Project]) -> None:
        """Those of projects of one connection. A project that has none is not asked for them."""
        having = [each for each in projects if (each.open_milestones, each.closed_milestones) != (0, 0)]
        working = [each for each in projects if not each.closed and each.open_tasks != 0]
        for each in projects:
            if each not in having:
                self.milestones[typed_id(each)] = []
            if each not in working:
                self.late[typed_id(each)] = []
        await self._read(connection, Milestone, {}, having, self.milestones, _MILESTONES)
        await self._read(connection, ProjectTask, {"overdue": True}, working, self.late, _TASKS)

    async def _read(
        self,
        connection: str,
        model: type[_Part],
        where: Mapping[str, object],
        projects: Sequence[Project],
        into: dict[str, list[_Part]],
        most: int,
    ) -> None:
        if model.model not in self.call.reach.models_of(connection):
            return
        records = self.call.reach.of(connection, model)
        if not projects or not all(records.shows(name) for name in ("project", *where)):
            return
        refs = [Ref(model="project", id=str(each.id)) for each in projects]

        async def ask(_: str) -> list[_Part]:
            return await all_of(records.scan(fields=records.among(_STEP), where={**where, "project": refs}))

        found, (source,) = await self.call.reach.ask([connection], ask)
        if connection not in found:
            self.failed[connection] = source
            return
        for each in projects:
            mine = [part for part in found[connection] if part.project and part.project.id == each.id]
            mine.sort(key=lambda part: (part.ends_at or date.max, part.id or ""))
            into[typed_id(each)] = mine
            await self.call.reach.handed(mine[:most])


# ── as it is told ────────────────────────────────────────────────────────────────────────────────


def _place(project: Project) -> tuple[str, str, str]:
    """Where it stands in the answer: what is past its end first, then what ends first."""
    ends = project.ends_at.isoformat() if project.ends_at else "9999"
    return ("0" if project.overdue else "1", ends, typed_id(project))


def _shown(call: Call, project: Project, parts: _Parts) -> ProjectOut:
    id_ = typed_id(project)
    late, milestones = parts.late.get(id_), parts.milestones.get(id_)
    behind = project.ends_at is not None and project.overdue
    return ProjectOut(
        id=id_,
        name=project.name,
        status=project.status,
        owner=project.owner_name,
        starts=DateOut.of(project.starts_at),
        ends=DateOut.of(project.ends_at),
        days_behind=(call.now.date() - project.ends_at).days if behind and project.ends_at else None,
        percent_complete=None if project.completion is None else float(project.completion * 100),
        open_tasks=project.open_tasks,
        closed_tasks=project.closed_tasks,
        overdue_tasks=None if late is None else len(late),
        late_tasks=None if not late else [_step(each) for each in late[:_TASKS]],
        milestones=None if milestones is None else [_step(each) for each in milestones[:_MILESTONES]],
    )


def _step(part: Milestone | ProjectTask) -> StepOut:
    state = None
    if part.closed is not None or part.overdue:
        state = "overdue" if part.overdue else "done" if part.closed else "open"
    return StepOut(name=part.name, state=state, owner=part.owner_name, due=DateOut.of(part.ends_at))
