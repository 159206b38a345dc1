"""Make refunds that operators request. The credit is held until the provider's response is clear."""
