"""Charge for usage: immediately, with a hold first, or through an OAuth app."""
