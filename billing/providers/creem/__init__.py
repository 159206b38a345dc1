"""Creem's API, and its objects read as facts."""
