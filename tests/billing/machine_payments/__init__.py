"""Payments of machines."""
