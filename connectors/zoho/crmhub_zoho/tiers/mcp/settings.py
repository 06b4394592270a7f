"""How to reach an MCP server, and which of its tools do what."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from crmhub.mcp.settings import ServerSettings, ToolChoice
from crmhub_zoho.tiers.mcp.table import KINDS, OPERATIONS

__all__ = ["McpSettings", "ToolChoice"]


def _operation(name: str) -> str:
    if name not in OPERATIONS and name not in KINDS:
        raise ValueError(f"no such operation; there are {', '.join([*OPERATIONS, *KINDS])}")
    return name


_Operation: TypeAlias = Annotated[str, AfterValidator(_operation)]


class McpSettings(ServerSettings):
    """A server at an address (Streamable HTTP), or a command that bridges to one (stdio); and its tools.

    The address is a secret: Zoho's has a key in it.
    """

    tools: dict[_Operation, str | ToolChoice] = Field(default_factory=dict)
    """Which tool does an operation (`get_account`, …) or a kind of them (`get`, …)."""

    @property
    def choices(self) -> dict[str, ToolChoice]:
        """The overrides, all in one form."""
        return {
            name: ToolChoice(tool=one) if isinstance(one, str) else one for name, one in self.tools.items()
        }
