"""The double-entry ledger: accounts, transfers, money, and their audit."""
