"""Deliveries: one event to one endpoint, claimed, sent, settled, logged and stored."""
