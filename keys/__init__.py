"""Manage accounts, credentials and sign-in: who may call, and with which limits."""
