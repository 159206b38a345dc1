"""Serve the gateway's own API. Each resource has its own file."""
