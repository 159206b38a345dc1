"""Stripe: its API calls, its objects read as facts, its sandbox."""
