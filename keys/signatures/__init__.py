"""Signatures of webhooks: how they are made, and checked."""
