"""Fulfil top-ups: one file for each kind of supplier, and the protocol that they share."""
