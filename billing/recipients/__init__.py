"""Mail recipients, who have no account, and accounts' people."""
