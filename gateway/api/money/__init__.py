"""Serve routes about money: orders, wallets, usage, statements, and notifications from payment providers."""
