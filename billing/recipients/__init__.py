"""Mail recipients (who have no account) and the people of an account."""
