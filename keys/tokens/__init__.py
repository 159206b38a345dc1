"""Manage tokens that belong to an account instead of a key, and logins of the command line."""
