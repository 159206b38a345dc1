"""Decide commands that move money, and write them in batches."""
