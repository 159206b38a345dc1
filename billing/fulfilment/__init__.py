"""Fulfil top-ups. Each supplier kind has its own file and implements the same protocol."""
