"""Replay an endpoint's deliveries from a period, in small steps."""
