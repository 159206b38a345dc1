"""Manage MCP clients' subscriptions: endpoints that end together with their credential or at a set time."""
