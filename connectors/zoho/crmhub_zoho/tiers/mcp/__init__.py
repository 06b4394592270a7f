"""An MCP server in front of Zoho CRM as a tier. The MCP library is imported with the first call."""

from crmhub_zoho.tiers.mcp.settings import McpSettings, ToolChoice
from crmhub_zoho.tiers.mcp.tier import Mcp

__all__ = ["Mcp", "McpSettings", "ToolChoice"]
