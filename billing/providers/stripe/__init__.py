"""Sell through Stripe: API calls, translation of its objects into facts, and simulated notifications."""
