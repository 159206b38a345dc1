"""Sign-in to /mcp by OAuth 2.1: metadata, registration, consent and tokens."""
