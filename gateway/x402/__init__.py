"""Let payers without an account pay for a top-up in the request that sends it, by x402 or other protocols."""
