"""Publish events in the same transaction as the change they report, and stream them to clients."""
