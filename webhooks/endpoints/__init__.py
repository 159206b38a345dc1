"""Endpoints: where an account wants its events."""
