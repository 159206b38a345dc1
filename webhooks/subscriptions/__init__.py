"""Manage MCP clients' subscriptions: endpoints that end with their credential or at a set time."""
