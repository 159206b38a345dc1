"""The HTTP edge: requests in, answers out; nothing else knows about HTTP requests."""
