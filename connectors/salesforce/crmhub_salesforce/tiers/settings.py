"""By which tiers calls may be made, and how to reach an MCP server."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from crmhub.connector import ConnectorConfig
from crmhub.mcp.settings import ServerSettings, ToolChoice
from crmhub.routing import CallContext
from crmhub_salesforce.tiers.table import OPERATIONS

__all__ = ["McpSettings", "TierConfig", "ToolChoice"]


def _operation(name: str) -> str:
    if name not in OPERATIONS:
        raise ValueError(f"no such operation; there are {', '.join(OPERATIONS)}")
    return name


_Operation: TypeAlias = Annotated[str, AfterValidator(_operation)]


class McpSettings(ServerSettings):
    """A server at an address (Streamable HTTP), or a command that bridges to one (stdio); and its tools."""

    tools: dict[_Operation, str | ToolChoice] = Field(default_factory=dict)
    """Which tool does an operation (`run_soql_query`, …), where its name does not tell."""

    @property
    def choices(self) -> dict[str, ToolChoice]:
        """The overrides, all in one form."""
        return {
            name: ToolChoice(tool=one) if isinstance(one, str) else one for name, one in self.tools.items()
        }


class TierConfig(ConnectorConfig):
    """By which tiers calls may be made."""

    context: CallContext | None = None
    """What calls are for that do not say so themselves; nothing: REST makes them."""
    mcp: McpSettings | None = None
    """An MCP server in front of the org."""
