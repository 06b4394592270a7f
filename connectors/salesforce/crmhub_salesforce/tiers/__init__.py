"""The ways into an org: its REST API, and an MCP server in front of it."""
