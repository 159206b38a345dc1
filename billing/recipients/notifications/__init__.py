"""Gathered mail to an account's people: failing webhooks, low balances, new keys."""
