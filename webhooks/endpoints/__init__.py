"""Manage webhook endpoints: the URLs that receive an account's events."""
