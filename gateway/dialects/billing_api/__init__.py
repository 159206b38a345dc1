"""Imitate the Billing API, another vendor's API."""
