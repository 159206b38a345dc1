"""Commands of whoever sends top-ups and receives webhooks."""
