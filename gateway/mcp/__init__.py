"""Offer API calls to agents as tools of the Model Context Protocol (MCP)."""
