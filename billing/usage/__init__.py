"""Charge for usage: immediately, with a hold first, or by an OAuth app."""
