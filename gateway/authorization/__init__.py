"""Sign in MCP clients by OAuth 2.1: metadata, registration, consent and tokens."""
