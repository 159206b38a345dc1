"""Recharge accounts automatically when their balance drops."""
