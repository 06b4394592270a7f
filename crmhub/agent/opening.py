"""The gate of a configuration: its policies, all packs of tools, the audit and the approvals in its store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmhub.agent.audit import StoreAudit
from crmhub.agent.changes import Changes, changes_of
from crmhub.agent.gate import Gate
from crmhub.agent.packs import toolbox_of
from crmhub.agent.policy.load import Known, load_agents
from crmhub.errors import ConfigError

if TYPE_CHECKING:
    from crmhub.hub import Hub

__all__ = ["open_gate"]


async def open_gate(hub: Hub, agents: Path | None = None, *, reads_without_audit: bool = False) -> Gate:
    """The gate to a hub, as ``agents`` (a file; by default what its configuration names) says.

    Raises :class:`ConfigError`, one line for each mistake, and where no agents are named.
    """
    path = agents or hub.config.agents
    if path is None:
        raise ConfigError(
            "the configuration names no agents",
            hint="add agents and policies, or agents: ./agents.yaml; crmhub agents example prints one",
        )
    toolbox = toolbox_of(hub.plugins)
    found = load_agents(path, Known(hub.models, [*hub], toolbox))
    return await Gate.of(
        hub,
        found,
        toolbox,
        await StoreAudit.of(hub, found, toolbox),
        parts={Changes: await changes_of(hub)},
        reads_without_audit=reads_without_audit,
    )
