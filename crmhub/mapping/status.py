"""The status of a deal: in some CRMs a field of its own, in others what its stage means.

Where the two sides of a sync differ in that, one is told by the other: the status of a deal is the
``outcome`` of its stage, and a closed deal goes to the stage that means it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.rules import Rule

__all__ = ["CLOSED", "STAGE", "STATUS", "StatusWay", "status_way"]

STATUS, STAGE = "status", "stage"
CLOSED = {"won": "Closed Won", "lost": "Closed Lost"}
"""What can become of a deal, and the label that the stage for it has in Zoho, Salesforce and HubSpot as they
come: where several stages mean the same, it is the plain one."""

StatusWay: TypeAlias = Literal["from_stage", "by_stage"]
"""``from_stage``: the target's status follows from the source's stage. ``by_stage``: the target tells the
source's status by its stage."""


def status_way(source: CompiledMap, target: CompiledMap) -> StatusWay | None:
    """How a status gets from one map to the other; ``None`` where both have it, or neither tells it."""
    here, there = source.by_path.get(STATUS), target.by_path.get(STATUS)
    read = here is not None and here.reads
    written = there is not None and there.writes
    if read == written or "ignore" in {rule.compare for rule in (here, there) if rule is not None}:
        return None
    stage, stage_there = source.by_path.get(STAGE), target.by_path.get(STAGE)
    if stage is None or not stage.reads:
        return None
    if written:
        return "from_stage" if stage.tells_outcome else None
    return "by_stage" if _takes(stage_there) and stage.compare != "ignore" else None


def _takes(stage: Rule | None) -> bool:
    return stage is not None and stage.writes and stage.tells_outcome and stage.compare != "ignore"
