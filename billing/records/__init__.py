"""Seal events, deliveries and other rows: salted hashes of the rows form a tree that is signed every hour."""
