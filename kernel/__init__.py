"""Provide what every other package may use: errors, IDs, the clock and limits. Import no other package of ours."""
