"""The tools as an MCP server. The only part of agents' access that imports the package ``mcp``."""
