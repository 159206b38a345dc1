"""Serve the documentation: pages for people, and plain text for programs."""
