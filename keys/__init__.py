"""Decide who may call: accounts, credentials, their limits, and sign-in."""
