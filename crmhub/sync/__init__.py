"""One-way sync: plan, apply, checkpoint, and the records set aside.

The engine brings the store with it, so it is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmhub.sync.job import ORDER, Job
from crmhub.sync.report import SyncReport

if TYPE_CHECKING:
    from crmhub.plan import Plan, PlannedWrite
    from crmhub.sync.engine import SyncEngine
    from crmhub.sync.plan import SyncPlan, SyncWrite

__all__ = ["ORDER", "Job", "Plan", "PlannedWrite", "SyncEngine", "SyncPlan", "SyncReport", "SyncWrite"]


def __getattr__(name: str) -> object:
    if name == "SyncEngine":
        from crmhub.sync.engine import SyncEngine

        return SyncEngine
    if name in {"Plan", "PlannedWrite"}:
        from crmhub import plan

        return getattr(plan, name)  # pyright: ignore[reportAny] - one of the two classes
    if name in {"SyncPlan", "SyncWrite"}:
        from crmhub.sync import plan

        return getattr(plan, name)  # pyright: ignore[reportAny] - one of the two classes
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
