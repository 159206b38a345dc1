"""Seal events, deliveries and other rows. Salted hashes of the rows form a tree that is signed every hour."""
