"""Supplier: a New API instance."""
