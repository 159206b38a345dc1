"""Sell one top-up to a machine that pays within its request and has no account."""
