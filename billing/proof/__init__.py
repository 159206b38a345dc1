"""Prove the ledger and the rows beside it, for `topup audit`."""
