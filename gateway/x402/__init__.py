"""Let payers without an account pay for a top-up in its own request, by x402 or other protocols."""
