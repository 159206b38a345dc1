"""Combine tables of several subjects in read-only queries."""
