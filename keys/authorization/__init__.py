"""Signing in to /mcp by OAuth 2.1: clients, what people consented to, codes and tokens."""
