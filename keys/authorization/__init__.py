"""Let MCP clients sign in to /mcp with OAuth 2.1."""
