"""Payers without an account: x402, and other ways to pay for one top-up in its own request."""
