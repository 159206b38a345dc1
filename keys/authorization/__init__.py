"""Sign-in to /mcp by OAuth 2.1: clients, consents, codes and tokens."""
