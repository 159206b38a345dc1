"""Recharge accounts automatically: settings of accounts, and charges at the provider when a balance drops."""
