"""What serves agents, put together from a hub and its agents file: packs, policies, audit, gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from crmhub.agent.approvals import Desk
from crmhub.agent.audit import StoreAudit
from crmhub.agent.changes import Changes, changes_of
from crmhub.agent.gate import Gate
from crmhub.agent.policy.language import Agents
from crmhub.agent.running import Running
from crmhub.agent.tool import Call, Toolbox

if TYPE_CHECKING:
    from crmhub.hub import Hub

__all__ = ["Assembled", "assemble"]


@dataclass(frozen=True)
class Assembled:
    """Everything between a protocol and a hub."""

    agents: Agents
    toolbox: Toolbox
    audit: StoreAudit
    gate: Gate
    desk: Desk


async def assemble(hub: Hub, agents: Agents, toolbox: Toolbox) -> Assembled:
    """Put it together, with the state in the hub's store."""
    audit = await StoreAudit.of(hub, agents, toolbox)
    parts: dict[type, Callable[[Call], object]] = {
        Changes: await changes_of(hub),
        Running: partial(Running, hub),
    }
    gate = await Gate.of(hub, agents, toolbox, audit, parts=parts)
    return Assembled(agents, toolbox, audit, gate, await Desk.of(hub, agents))
