"""Sign-in to /mcp with OAuth 2.1: clients, consents, codes and tokens."""
