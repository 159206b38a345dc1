"""Payers without an account."""
