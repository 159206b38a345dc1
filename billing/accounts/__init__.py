"""Manage accounts as an operator."""
