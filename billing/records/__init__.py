"""Seal events, deliveries and other rows, so that later changes are detected. Salted hashes of the rows form a tree
that is signed every hour.
"""
