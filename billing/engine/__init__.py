"""Decide and write commands in batches."""
