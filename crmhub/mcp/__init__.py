"""Being a client of an MCP server: its sessions, its tools, and what they say. Needs the package mcp."""
