"""Fulfil top-ups through suppliers. Each supplier kind has its own file and implements the same protocol."""
