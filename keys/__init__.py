"""Decide who may call, and with which limits: accounts, credentials and sign-in."""
