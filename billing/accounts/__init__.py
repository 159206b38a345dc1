"""Accounts by operators: created, found, changed, suspended, and their people's sign-in."""
