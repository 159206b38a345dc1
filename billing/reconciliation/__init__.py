"""Once a day: money in at the provider, the ledger, and value out at the supplier are the same."""
