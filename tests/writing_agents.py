"""A gate whose tools write, with the audit and the approvals in the hub's store."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from crmhub.agent.approvals import Desk
from crmhub.agent.audit import StoreAudit
from crmhub.agent.changes import Changes, changes_of
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.identity import Agent
from crmhub.agent.packs.writes import WRITES
from crmhub.agent.policy.language import Agents
from crmhub.agent.tool import Toolbox
from crmhub.clock import ManualClock
from crmhub.hub import Hub
from crmhub.store import Store
from tests.agents import BOT, ORIGIN, hub_of_two

__all__ = ["OTHER", "Desked", "desk_of", "error_of", "policies"]

OTHER = Agent("other")
Row = dict[str, object]


def policies(**policy: object) -> Agents:
    """Two agents of one policy: all that writes, everything waits for a person unless it says otherwise."""
    whole: dict[str, object] = {
        "tools": ["pack:writes"],
        "connections": ["north", "south"],
        "models": {
            name: {"fields": {"allow": ["*", "custom"]}}
            for name in ("contact", "account", "deal", "activity")
        },
        "limits": {"writes_per_day": 1_000},
    }
    agents = {"bot": {"policy": "p"}, "other": {"policy": "p"}}
    return Agents.model_validate({"agents": agents, "policies": {"p": whole | policy}})


def error_of(reply: Reply) -> str:
    """The code of the error that a call ended with; empty where it did not."""
    error = cast("Mapping[str, str]", reply.structured.get("error", {}))
    return error.get("code", "")


@dataclass
class Desked:
    """A gate to a hub, and what stands behind it."""

    hub: Hub
    store: Store
    gate: Gate
    desk: Desk

    async def call(self, name: str, /, **given: object) -> Reply:
        """A call of ``bot``."""
        return await self.call_of(BOT, name, **given)

    async def call_of(self, agent: Agent, name: str, /, **given: object) -> Reply:
        return await self.gate.call(agent, name, given, origin=ORIGIN)

    async def parked(self, name: str, /, **given: object) -> str:
        """The handle of a write that waits now."""
        reply = await self.call(name, **given)
        assert reply.structured.get("status") == "pending_approval", reply
        return str(reply.structured["handle"])

    async def approve(self, handle: str) -> None:
        await self.store.approvals.decide(handle, True, "ada")

    async def apply(self, handle: str, agent: Agent = BOT) -> str:
        """What an agent is told that applies a handle: ``ok``, or the code of a refusal."""
        reply = await self.call_of(agent, "apply_approved_changes", handle=handle)
        return error_of(reply) or str(reply.structured["status"])

    async def audited(self) -> list[Row]:
        """The rows of the audit log, which holds."""
        assert (await self.store.audit.verify()).broken is None
        return [cast("Row", json.loads(entry.body)) async for entry in self.store.audit.entries()]

    def later(self, seconds: float) -> None:
        cast("ManualClock", self.hub.clock).advance(seconds)

    async def under(self, agents: Agents) -> Desked:
        """The same under other policies."""
        async with desk_to(self.hub, agents) as other:
            return other


@asynccontextmanager
async def desk_to(hub: Hub, agents: Agents) -> AsyncGenerator[Desked]:
    """The gate to any hub."""
    store, toolbox = await hub.store(), Toolbox([WRITES])
    audit = await StoreAudit.of(hub, agents, toolbox)
    gate = await Gate.of(hub, agents, toolbox, audit, parts={Changes: await changes_of(hub)})
    yield Desked(hub, store, gate, await Desk.of(hub, agents))


@asynccontextmanager
async def desk_of(tmp_path: Path, agents: Agents | None = None) -> AsyncGenerator[Desked]:
    """The gate to two small CRMs in memory, whose activities are notes and tasks."""
    async with hub_of_two(tmp_path) as hub, desk_to(hub, agents or policies()) as desked:
        yield desked
