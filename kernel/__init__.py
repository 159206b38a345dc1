"""Provide what every other package may use: errors, IDs, the clock, limits. It imports no other package of ours."""
