"""Safely call URLs that users provide."""
