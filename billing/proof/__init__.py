"""Prove the rows beside the ledger, for `topup audit`."""
