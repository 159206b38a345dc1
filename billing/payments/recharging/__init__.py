"""Recharges with money: what an account may set, and the charge of a fall at the provider."""
