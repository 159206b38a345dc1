"""Creem: its calls and its objects read as facts."""
