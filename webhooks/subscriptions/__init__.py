"""MCP clients' subscriptions: an endpoint with an end, which a credential holds."""
