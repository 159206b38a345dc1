"""Check the rows outside the ledger for `topup audit`."""
