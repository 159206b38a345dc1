"""Deliveries: one event to one endpoint, claimed, sent, settled and logged."""
