"""Certification: try a receiver of webhooks, to find what it would lose, do twice or wrongly accept."""
