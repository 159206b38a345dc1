"""Compare payments at the providers, the ledger, and deliveries at the suppliers once a day."""
