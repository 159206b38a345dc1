"""Serve the event stream and the check of a received webhook."""
