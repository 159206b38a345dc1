"""Publish events in the transaction of the change that they report, and stream them to clients."""
