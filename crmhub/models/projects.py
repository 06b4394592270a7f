"""Work for customers: projects, their milestones and their tasks."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from crmhub.models.base import Record
from crmhub.models.values import Ratio, Ref

__all__ = ["Milestone", "Project", "ProjectTask"]


class Project(Record):
    """Work that has a plan."""

    model: ClassVar[str] = "project"

    name: str | None = None
    number: str | None = None
    description: str | None = None
    status: str | None = None
    """The CRM's own word."""
    closed: bool | None = None
    overdue: bool | None = None
    """Not closed, and past its end."""
    owner_name: str | None = None
    starts_at: date | None = None
    ends_at: date | None = None
    completion: Ratio | None = None
    open_tasks: int | None = None
    closed_tasks: int | None = None
    open_milestones: int | None = None
    closed_milestones: int | None = None


class Milestone(Record):
    """A point that a project has to reach by a day."""

    model: ClassVar[str] = "milestone"

    name: str | None = None
    project: Ref | None = None
    status: str | None = None
    closed: bool | None = None
    overdue: bool | None = None
    owner_name: str | None = None
    starts_at: date | None = None
    ends_at: date | None = None


class ProjectTask(Record):
    """A piece of a project's work. What a CRM's users have to do for a contact is a ``Task``."""

    model: ClassVar[str] = "project_task"

    name: str | None = None
    project: Ref | None = None
    milestone_name: str | None = None
    status: str | None = None
    closed: bool | None = None
    overdue: bool | None = None
    priority: str | None = None
    owner_name: str | None = None
    starts_at: date | None = None
    ends_at: date | None = None
    completion: Ratio | None = None
