"""Stripe: its calls, its objects read as facts, its sandbox."""
