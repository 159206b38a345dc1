"""Routes of the account's money: orders, wallets, usage, statements, and what providers tell."""
