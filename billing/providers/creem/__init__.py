"""Creem: its API calls, and its objects read as facts."""
