"""Manage tokens that belong to an account instead of a key, and command-line logins."""
