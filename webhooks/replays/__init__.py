"""Replays: an endpoint's deliveries of a period, sent again in small steps."""
