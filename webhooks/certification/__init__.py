"""Certification: what a receiver of webhooks would lose, do twice or believe, found by trying it."""
