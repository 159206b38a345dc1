"""Routes about money: orders, wallets, usage, statements, and notifications of payment providers."""
