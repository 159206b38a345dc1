"""Tokens of an account rather than of a key, and logins of a command line."""
