"""Charge usage: at once, held first, or taken by an OAuth app."""
