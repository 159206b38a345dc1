"""Refunds requested by an operator, made at the provider, and held until its answer is clear."""
