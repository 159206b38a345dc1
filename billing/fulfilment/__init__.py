"""Fulfil top-ups. Each kind of supplier has its own file, and all share a protocol."""
