"""Pages of recipients, who have no account: the claim page, and where they end our mail."""
