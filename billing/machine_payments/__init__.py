"""Sell single top-ups to machines that have no account and pay within their request."""
