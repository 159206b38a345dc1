"""Sell one top-up to a machine that pays in its own request, without an account."""
