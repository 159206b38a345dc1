"""Keep the double-entry ledger, and audit it."""
