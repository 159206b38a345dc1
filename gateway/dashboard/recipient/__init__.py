"""Serve pages for recipients, who have no account: the claim page, and the page where they stop our mail."""
