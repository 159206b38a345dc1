"""The calls of the API as tools for agents (Model Context Protocol)."""
