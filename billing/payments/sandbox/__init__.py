"""Simulate payment providers in staging: checkouts, saved cards and subscriptions."""
