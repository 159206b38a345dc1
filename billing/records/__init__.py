"""Seal rows beside the ledger's as salted leaves under an hourly signed head."""
