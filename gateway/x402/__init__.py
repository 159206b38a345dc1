"""Payers without an account: x402, and what else pays for one top-up in the request that asks for it."""
