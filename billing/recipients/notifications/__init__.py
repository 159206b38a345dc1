"""Mail to people of an account about what happened to it, gathered: failing webhooks, low balances, new keys."""
