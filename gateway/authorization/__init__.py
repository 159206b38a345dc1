"""Signing in to /mcp by OAuth 2.1: what clients find, how they register, and how they get tokens."""
