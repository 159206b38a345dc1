"""Endpoints, their events, deliveries and replays."""
