"""Compare the ledger with the providers' payments and the suppliers' deliveries once a day."""
