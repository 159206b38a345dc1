"""Make and check the signatures of webhooks."""
