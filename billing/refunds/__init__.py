"""Refunds asked for here: by a person of the operator's, at the provider, held until its word is clear."""
