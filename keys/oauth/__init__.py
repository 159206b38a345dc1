"""Manage OAuth apps, codes, grants and tokens, and check redirect addresses."""
