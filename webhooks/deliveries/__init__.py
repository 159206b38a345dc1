"""Claim, send, settle and log deliveries. A delivery sends one event to one endpoint."""
