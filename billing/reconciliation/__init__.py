"""Compare once a day: money in at the provider, the ledger, and value out at the supplier."""
