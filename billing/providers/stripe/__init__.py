"""Sell through Stripe: API calls, objects read as facts, and simulated notifications."""
