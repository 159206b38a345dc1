"""Sign in MCP clients with OAuth 2.1: metadata, registration, consent and tokens."""
