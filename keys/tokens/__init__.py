"""Tokens that stand for an account rather than for a key."""
