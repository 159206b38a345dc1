"""Manage MCP clients' subscriptions. Each is an endpoint that ends with its credential or at a set time."""
