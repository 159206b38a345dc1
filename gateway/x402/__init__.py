"""Let payers without an account pay for a top-up in the same request, using x402 or other protocols."""
