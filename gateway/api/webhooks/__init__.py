"""Serve the event stream, and check received webhooks."""
